"""Distributions of a location and a scale."""
from __future__ import annotations

import math
from typing import Any

import numpy as np

from .....compat import tfv1 as tf
from ._bases import Elementwise, positive

__all__ = ["Cauchy", "HalfNormal", "Logistic"]


class _LocationScale(Elementwise):
    """What both have in common: `loc + scale * x` of a standard distribution of x."""

    def __init__(self, loc: Any, scale: Any, arguments: Any):
        with tf.name_scope(arguments["name"]):
            self._scale = positive(scale, arguments["validate_args"])
            self._loc = tf.convert_to_tensor(loc, self._scale.dtype)
        super().__init__([self._loc, self._scale], arguments, True)

    @property
    def loc(self) -> Any:
        """The location."""
        return self._loc

    @property
    def scale(self) -> Any:
        """The scale."""
        return self._scale

    def _z(self, x: Any) -> Any:
        return (x - self._loc) / self._scale


class Logistic(_LocationScale):
    """The logistic distribution, whose cumulative distribution is sigmoid((x - loc) / scale).

    Args:
        loc, scale: float tensors that broadcast.
        validate_args: whether the session checks that the scale is positive.
        allow_nan_stats: whether undefined statistics are NaN, or else errors.
        name: of operations.
    """

    def __init__(self, loc: Any, scale: Any, validate_args: bool = False, allow_nan_stats: bool = True,
                 name: str = "Logistic"):
        super().__init__(loc, scale, dict(locals()))

    def _sample_n(self, n: Any, seed: Any = None) -> Any:
        x = self._uniform(n, seed)
        return (tf.log(x) - tf.log1p(-x)) * self._scale + self._loc

    def _log_prob(self, x: Any) -> Any:
        z = self._z(x)
        return -z - 2.0 * tf.nn.softplus(-z) - tf.log(self._scale)

    def _log_cdf(self, x: Any) -> Any:
        return -tf.nn.softplus(-self._z(x))

    def _cdf(self, x: Any) -> Any:
        return tf.sigmoid(self._z(x))

    def _log_survival_function(self, x: Any) -> Any:
        return -tf.nn.softplus(self._z(x))

    def _survival_function(self, x: Any) -> Any:
        return tf.sigmoid(-self._z(x))

    def _entropy(self) -> Any:
        return self._broadcast(2 + tf.log(self._scale))

    def _mean(self) -> Any:
        return self._broadcast(self._loc)

    def _stddev(self) -> Any:
        return self._broadcast(self._scale * (math.pi / math.sqrt(3)))

    def _mode(self) -> Any:
        return self._mean()


class Cauchy(_LocationScale):
    """The Cauchy distribution; it has no mean and no variance.

    Args:
        loc, scale, validate_args, allow_nan_stats, name: as in `Logistic`.
    """

    def __init__(self, loc: Any, scale: Any, validate_args: bool = False, allow_nan_stats: bool = True, name: str = "Cauchy"):
        super().__init__(loc, scale, dict(locals()))

    def _sample_n(self, n: Any, seed: Any = None) -> Any:
        return self._quantile(self._uniform(n, seed))

    def _log_prob(self, x: Any) -> Any:
        return -tf.log1p(tf.square(self._z(x))) - math.log(math.pi) - tf.log(self._scale)

    def _cdf(self, x: Any) -> Any:
        return tf.atan(self._z(x)) / math.pi + 0.5

    def _log_cdf(self, x: Any) -> Any:
        return tf.log1p(2 / math.pi * tf.atan(self._z(x))) - math.log(2)

    def _quantile(self, p: Any) -> Any:
        return self._loc + self._scale * tf.tan(math.pi * (p - 0.5))

    def _entropy(self) -> Any:
        return self._broadcast(math.log(4 * math.pi) + tf.log(self._scale))

    def _mode(self) -> Any:
        return self._broadcast(self._loc)

    def _mean(self) -> Any:
        return self._undefined("mean")

    def _stddev(self) -> Any:
        return self._undefined("stddev")

    def _undefined(self, what: str) -> Any:
        if not self.allow_nan_stats:
            raise ValueError("Cauchy: {} is undefined; allow_nan_stats=True gives NaN".format(what))
        return tf.fill(self.batch_shape_tensor(), self.dtype.as_numpy_dtype(np.nan))


class HalfNormal(Elementwise):
    """The absolute value of a normal distribution of mean 0.

    Args:
        scale: float tensor, standard deviation of the normal distribution.
        validate_args, allow_nan_stats, name: as in `Logistic`.
    """

    def __init__(self, scale: Any, validate_args: bool = False, allow_nan_stats: bool = True, name: str = "HalfNormal"):
        self._scale = positive(scale, validate_args)
        super().__init__([self._scale], dict(locals()), True)

    @property
    def scale(self) -> Any:
        """The scale."""
        return self._scale

    def _sample_n(self, n: Any, seed: Any = None) -> Any:
        shape = tf.concat([[n], self.batch_shape_tensor()], 0)
        return tf.abs(tf.random_normal(shape, dtype=self.dtype, seed=seed) * self._scale)

    def _prob(self, x: Any) -> Any:
        density = math.sqrt(2 / math.pi) / self._scale * tf.exp(-0.5 * tf.square(x / self._scale))
        return density * tf.cast(x >= 0, self.dtype)

    def _cdf(self, x: Any) -> Any:
        return tf.erf(tf.nn.relu(x) / self._scale / math.sqrt(2.0))

    def _entropy(self) -> Any:
        return 0.5 * tf.log(math.pi * tf.square(self._scale) / 2.0) + 0.5

    def _mean(self) -> Any:
        return self._scale * math.sqrt(2 / math.pi)

    def _mode(self) -> Any:
        return tf.zeros(self.batch_shape_tensor(), self.dtype)

    def _variance(self) -> Any:
        return tf.square(self._scale) * (1.0 - 2.0 / math.pi)
