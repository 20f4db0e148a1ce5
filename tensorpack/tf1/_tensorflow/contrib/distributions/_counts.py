"""Distributions of whole numbers, as floats."""
from __future__ import annotations

from typing import Any

from .....compat import tfv1 as tf
from ._bases import Elementwise, WithLogits, logits_and_probs, positive

__all__ = ["Geometric", "Poisson"]


class Poisson(Elementwise):
    """The Poisson distribution.

    Args:
        rate, log_rate: float tensor; one of them.
        validate_args: whether the session checks that the rate is positive.
        allow_nan_stats: whether undefined statistics are NaN, or else errors.
        name: of operations.

    Raises:
        ValueError: both `rate` and `log_rate` are given, or neither.
    """

    def __init__(self, rate: Any = None, log_rate: Any = None, validate_args: bool = False, allow_nan_stats: bool = True,
                 name: str = "Poisson"):
        arguments = dict(locals())
        if (rate is None) == (log_rate is None):
            raise ValueError("Poisson: one of rate and log_rate must be given; got rate={!r}, log_rate={!r}".format(
                rate, log_rate))
        if log_rate is None:
            self._rate = positive(rate, validate_args)
            self._log_rate = tf.log(self._rate)
        else:
            self._log_rate = tf.convert_to_tensor(log_rate)
            self._rate = tf.exp(self._log_rate)
        super().__init__([self._rate], arguments, False)

    @property
    def rate(self) -> Any:
        """The rate, which is the mean."""
        return self._rate

    @property
    def log_rate(self) -> Any:
        """Its logarithm."""
        return self._log_rate

    def _sample_n(self, n: Any, seed: Any = None) -> Any:
        return tf.random_poisson(self._rate, tf.reshape(n, [1]), dtype=self.dtype, seed=seed)

    def _log_prob(self, x: Any) -> Any:
        return x * self._log_rate - tf.lgamma(1.0 + x) - self._rate

    def _cdf(self, x: Any) -> Any:
        return tf.igammac(1.0 + x, self._rate)

    def _mean(self) -> Any:
        return tf.identity(self._rate)

    def _variance(self) -> Any:
        return tf.identity(self._rate)

    def _mode(self) -> Any:
        return tf.floor(self._rate)


class Geometric(WithLogits, Elementwise):
    """The number of failures before the first success.

    Args:
        logits, probs: float tensor; one of them, of success.
        validate_args, allow_nan_stats, name: as in `Poisson`.

    Raises:
        ValueError: both `logits` and `probs` are given, or neither.
    """

    def __init__(self, logits: Any = None, probs: Any = None, validate_args: bool = False, allow_nan_stats: bool = True,
                 name: str = "Geometric"):
        arguments = dict(locals())
        self._logits, self._probs = logits_and_probs("Geometric", logits, probs, False)
        self._probs = positive(self._probs, validate_args)
        super().__init__([self._probs], arguments, False)

    def _sample_n(self, n: Any, seed: Any = None) -> Any:
        return tf.floor(tf.log(self._uniform(n, seed)) / tf.log1p(-self._probs))

    def _log_prob(self, x: Any) -> Any:
        x = self._broadcast(tf.floor(x))
        probs = self._probs + tf.zeros_like(x)
        failing = tf.where(tf.equal(x, 0.0), tf.zeros_like(probs), probs)  # no NaN of 0 * log(0)
        return x * tf.log1p(-failing) + tf.log(probs)

    def _cdf(self, x: Any) -> Any:
        x = self._broadcast(tf.floor(x))
        return tf.where(x < 0.0, tf.zeros_like(x), -tf.expm1((1.0 + x) * tf.log1p(-self._probs)))

    def _entropy(self) -> Any:
        return tf.nn.softplus(self._logits) / self._probs - self._logits

    def _mean(self) -> Any:
        return tf.exp(-self._logits)

    def _variance(self) -> Any:
        return self._mean() / self._probs

    def _mode(self) -> Any:
        return tf.zeros(self.batch_shape_tensor(), self.dtype)
