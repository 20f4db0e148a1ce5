"""Normal distributions of vectors whose elements are independent."""
from __future__ import annotations

import math
from typing import Any, Optional

from .....compat import tfv1 as tf
from ._bases import Vectors
from ._names import RegisterKL

__all__ = ["MultivariateNormalDiag", "MultivariateNormalDiagWithSoftplusScale"]


class MultivariateNormalDiag(Vectors):
    """A normal distribution of vectors with a diagonal covariance.

    Args:
        loc: float [..., k], means; zeros by default.
        scale_diag: float [..., k], standard deviations; ones by default.
        scale_identity_multiplier: float [...], is added to the standard deviations; without `scale_diag` it is them.
        validate_args: whether the session checks that the scale is not zero.
        allow_nan_stats: whether undefined statistics are NaN, or else errors.
        name: of operations.

    Raises:
        ValueError: neither `loc` nor `scale_diag` is given, which tell k.
    """

    def __init__(self, loc: Any = None, scale_diag: Any = None, scale_identity_multiplier: Any = None,
                 validate_args: bool = False, allow_nan_stats: bool = True, name: str = "MultivariateNormalDiag"):
        arguments = dict(locals())
        if loc is None and scale_diag is None:
            raise ValueError("MultivariateNormalDiag: loc or scale_diag must be given; got neither")
        with tf.name_scope(name):
            scale = _scale(loc, scale_diag, scale_identity_multiplier)
            with tf.control_dependencies([tf.assert_none_equal(scale, tf.zeros_like(scale))] if validate_args else []):
                self._scale_diag = tf.identity(scale)
            self._loc: Optional[Any] = None if loc is None else tf.convert_to_tensor(loc, scale.dtype)
        super().__init__([x for x in (self._loc, self._scale_diag) if x is not None], arguments, True)

    @property
    def loc(self) -> Any:
        """Means, or None."""
        return self._loc

    @property
    def scale(self) -> Any:
        """The matrix of standard deviations, a `tf.linalg.LinearOperatorDiag`."""
        return tf.linalg.LinearOperatorDiag(self._scale_diag)

    def _sample_n(self, n: Any, seed: Any = None) -> Any:
        shape = tf.concat([[n], self.batch_shape_tensor(), self.event_shape_tensor()], 0)
        return self._shifted(tf.random_normal(shape, dtype=self.dtype, seed=seed) * self._scale_diag)

    def _log_prob(self, x: Any) -> Any:
        z = (x if self._loc is None else x - self._loc) / self._scale_diag
        return -tf.reduce_sum(0.5 * tf.square(z) + 0.5 * math.log(2 * math.pi) + tf.log(tf.abs(self._scale_diag)), -1)

    def _entropy(self) -> Any:
        return tf.reduce_sum(self._of_elements(0.5 + 0.5 * math.log(2 * math.pi) + tf.log(tf.abs(self._scale_diag))), -1)

    def _mean(self) -> Any:
        return self._shifted(self._of_elements(tf.zeros([], self.dtype)))

    def _mode(self) -> Any:
        return self._mean()

    def _stddev(self) -> Any:
        return tf.abs(self._scale_diag)

    def _variance(self) -> Any:
        return tf.square(self._scale_diag)

    def _covariance(self) -> Any:
        return tf.matrix_diag(self._variance())

    def _shifted(self, x: Any) -> Any:
        return x if self._loc is None else x + self._loc

    def _of_elements(self, x: Any) -> Any:
        return x + tf.zeros(tf.concat([self.batch_shape_tensor(), self.event_shape_tensor()], 0), self.dtype)


class MultivariateNormalDiagWithSoftplusScale(MultivariateNormalDiag):
    """`MultivariateNormalDiag` with softplus(scale_diag) as standard deviations.

    Args:
        loc, scale_diag, validate_args, allow_nan_stats, name: as in `MultivariateNormalDiag`.
    """

    def __init__(self, loc: Any, scale_diag: Any, validate_args: bool = False, allow_nan_stats: bool = True,
                 name: str = "MultivariateNormalDiagWithSoftplusScale"):
        arguments = {key: value for key, value in locals().items() if key not in ("self", "__class__")}
        super().__init__(loc=loc, scale_diag=tf.nn.softplus(scale_diag), validate_args=validate_args,
                         allow_nan_stats=allow_nan_stats, name=name)
        self._parameters = arguments


def _scale(loc: Any, diagonal: Any, multiplier: Any) -> Any:
    if diagonal is None:
        loc = tf.convert_to_tensor(loc)
        multiplier = tf.ones([], loc.dtype) if multiplier is None else tf.convert_to_tensor(multiplier, loc.dtype)
        return multiplier[..., tf.newaxis] + tf.zeros([tf.shape(loc)[-1]], loc.dtype)
    diagonal = tf.convert_to_tensor(diagonal)
    return diagonal if multiplier is None else diagonal + tf.convert_to_tensor(multiplier, diagonal.dtype)[..., tf.newaxis]


def _kl(a: Any, b: Any, name: Optional[str] = None) -> Any:
    with tf.name_scope(name, "kl_mvn"):
        ratio = tf.square(a.stddev() / b.stddev())
        distance = tf.square((a.mean() - b.mean()) / b.stddev())
        return 0.5 * tf.reduce_sum(ratio + distance - 1 - tf.log(ratio), -1)


RegisterKL(MultivariateNormalDiag, MultivariateNormalDiag)(_kl)
