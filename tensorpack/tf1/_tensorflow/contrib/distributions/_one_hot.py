"""Choices as vectors: one of them is one, or all are between zero and one (Maddison et al. 2016,
https://arxiv.org/abs/1611.00712; Jang et al. 2016, https://arxiv.org/abs/1611.01144)."""
from __future__ import annotations

from typing import Any, Optional

from .....compat import deprecation_silenced
from .....compat import tfv1 as tf
from ._bases import Elementwise, Vectors, WithLogits, logits_and_probs, positive, uniform
from ._names import RegisterKL

__all__ = ["OneHotCategorical", "RelaxedBernoulli", "RelaxedOneHotCategorical"]


class OneHotCategorical(WithLogits, Vectors):
    """One of k choices, as a vector with a one.

    Args:
        logits, probs: float [..., k]; one of them.
        dtype: of samples.
        validate_args, allow_nan_stats: have no effect.
        name: of operations.

    Raises:
        ValueError: both `logits` and `probs` are given, or neither.
    """

    def __init__(self, logits: Any = None, probs: Any = None, dtype: Any = tf.int32, validate_args: bool = False,
                 allow_nan_stats: bool = True, name: str = "OneHotCategorical"):
        arguments = dict(locals())
        self._logits, self._probs = logits_and_probs("OneHotCategorical", logits, probs, True)
        super().__init__([self._logits], arguments, False)
        self._dtype = tf.as_dtype(dtype)

    @property
    def event_size(self) -> Any:
        """The number of choices."""
        return self._logits.shape.as_list()[-1] or tf.shape(self._logits)[-1]

    def _sample_n(self, n: Any, seed: Any = None) -> Any:
        flat = tf.reshape(self._logits, [-1, self.event_size])
        draws = tf.transpose(tf.random.categorical(flat, n, seed=seed))
        shape = tf.concat([[n], tf.shape(self._logits)], 0)
        return tf.reshape(tf.one_hot(draws, self.event_size, dtype=self.dtype), shape)

    def _log_prob(self, x: Any) -> Any:
        x = tf.cast(x, self._logits.dtype)
        with deprecation_silenced():
            return -tf.nn.softmax_cross_entropy_with_logits(labels=x + tf.zeros_like(self._logits),
                                                            logits=self._logits + tf.zeros_like(x))

    def _prob(self, x: Any) -> Any:
        return tf.exp(self._log_prob(x))

    def _entropy(self) -> Any:
        return -tf.reduce_sum(tf.nn.log_softmax(self._logits) * self._probs, -1)

    def _mode(self) -> Any:
        return tf.one_hot(tf.argmax(self._logits, -1), self.event_size, dtype=self.dtype)

    def _covariance(self) -> Any:
        p = self._probs
        return tf.matrix_diag(p) - p[..., tf.newaxis] * p[..., tf.newaxis, :]

    def _variance(self) -> Any:
        return self._probs * (1.0 - self._probs)


class _Relaxed(WithLogits):
    """What both relaxed distributions have."""

    _temperature: Any

    @property
    def temperature(self) -> Any:
        """The temperature."""
        return self._temperature


class RelaxedOneHotCategorical(_Relaxed, Vectors):
    """A point of the simplex, which is near a corner for a low temperature; samples have gradients.

    Args:
        temperature: float, scalar or [...].
        logits, probs: float [..., k]; one of them.
        dtype: has no effect.
        validate_args: whether the session checks that the temperature is positive.
        allow_nan_stats: has no effect.
        name: of operations.

    Raises:
        ValueError: both `logits` and `probs` are given, or neither.
    """

    def __init__(self, temperature: Any, logits: Any = None, probs: Any = None, dtype: Any = None, validate_args: bool = False,
                 allow_nan_stats: bool = True, name: str = "RelaxedOneHotCategorical"):
        arguments = dict(locals())
        self._logits, self._probs = logits_and_probs("RelaxedOneHotCategorical", logits, probs, True)
        self._temperature = positive(temperature, validate_args, self._logits.dtype)
        super().__init__([self._temperature[..., tf.newaxis], self._logits], arguments, True)

    def _sample_n(self, n: Any, seed: Any = None) -> Any:
        shape = tf.concat([[n], self.batch_shape_tensor(), self.event_shape_tensor()], 0)
        gumbel = -tf.log(-tf.log(uniform(shape, self.dtype, seed)))
        return tf.nn.softmax((self._logits + gumbel) / self._temperature[..., tf.newaxis])

    def _log_prob(self, x: Any) -> Any:
        temperature, x = self._temperature, tf.log(x)
        k = tf.cast(tf.shape(self._logits)[-1], self.dtype)
        scores = tf.nn.log_softmax(self._logits - x * temperature[..., tf.newaxis])
        return tf.lgamma(k) + (k - 1) * tf.log(temperature) + tf.reduce_sum(scores - x, -1)


class RelaxedBernoulli(_Relaxed, Elementwise):
    """A number in (0, 1), near 0 or 1 for a low temperature; samples have gradients.

    Args:
        temperature: float tensor.
        logits, probs: float tensor; one of them.
        validate_args, allow_nan_stats, name: as in `RelaxedOneHotCategorical`.

    Raises:
        ValueError: both `logits` and `probs` are given, or neither.
    """

    def __init__(self, temperature: Any, logits: Any = None, probs: Any = None, validate_args: bool = False,
                 allow_nan_stats: bool = True, name: str = "RelaxedBernoulli"):
        arguments = dict(locals())
        self._logits, self._probs = logits_and_probs("RelaxedBernoulli", logits, probs, False)
        self._temperature = positive(temperature, validate_args, self._logits.dtype)
        super().__init__([self._temperature, self._logits], arguments, True)

    def _sample_n(self, n: Any, seed: Any = None) -> Any:
        x = self._uniform(n, seed)
        return tf.sigmoid((tf.log(x) - tf.log1p(-x) + self._logits) / self._temperature)

    def _log_prob(self, x: Any) -> Any:
        log_x, log_rest = tf.log(x), tf.log1p(-x)
        z = self._temperature * (log_x - log_rest) - self._logits
        return -z - 2.0 * tf.nn.softplus(-z) + tf.log(self._temperature) - log_x - log_rest

    def _cdf(self, x: Any) -> Any:
        return tf.sigmoid(self._temperature * (tf.log(x) - tf.log1p(-x)) - self._logits)


def _kl(a: Any, b: Any, name: Optional[str] = None) -> Any:
    with tf.name_scope(name, "kl_categorical"):
        return tf.reduce_sum(a.probs * (tf.nn.log_softmax(a.logits) - tf.nn.log_softmax(b.logits)), -1)


RegisterKL(OneHotCategorical, OneHotCategorical)(_kl)
