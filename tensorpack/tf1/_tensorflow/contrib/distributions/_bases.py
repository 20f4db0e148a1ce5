"""Bases of distributions: shapes of batches and events, from parameters that broadcast."""
from __future__ import annotations

import functools
from typing import Any, Dict, Sequence, Tuple

import numpy as np

from .....compat import deprecation_silenced
from .....compat import tfv1 as tf
from ._names import FULLY_REPARAMETERIZED, NOT_REPARAMETERIZED, Distribution

__all__ = ["Elementwise", "Vectors", "WithLogits", "logits_and_probs", "positive", "uniform"]


class Elementwise(Distribution):
    """A distribution of scalars, one for each element of its parameters.

    Args:
        tensors: the parameters that broadcast.
        arguments: those of the constructor, from which copies are made.
        is_reparameterized: whether samples have gradients.
    """

    def __init__(self, tensors: Sequence[Any], arguments: Dict[str, Any], is_reparameterized: bool):
        self._tensors = list(tensors)
        arguments = {key: value for key, value in arguments.items() if key not in ("self", "__class__")}
        with deprecation_silenced():
            super().__init__(
                dtype=self._tensors[-1].dtype, validate_args=arguments["validate_args"],
                reparameterization_type=FULLY_REPARAMETERIZED if is_reparameterized else NOT_REPARAMETERIZED,
                allow_nan_stats=arguments["allow_nan_stats"], parameters=arguments, graph_parents=self._tensors,
                name=arguments["name"])

    def _batch_shape_tensor(self) -> Any:
        return functools.reduce(tf.broadcast_dynamic_shape, [tf.shape(x) for x in self._tensors])

    def _batch_shape(self) -> Any:
        return functools.reduce(tf.broadcast_static_shape, [x.shape for x in self._tensors])

    def _event_shape_tensor(self) -> Any:
        return tf.constant([], dtype=tf.int32)

    def _event_shape(self) -> Any:
        return tf.TensorShape([])

    def _uniform(self, n: Any, seed: Any) -> Any:
        """Numbers in (0, 1) for n samples."""
        return uniform(tf.concat([[n], self.batch_shape_tensor()], 0), self.dtype, seed)

    def _broadcast(self, x: Any) -> Any:
        """`x` in the shape of the batch."""
        return x + tf.zeros(self.batch_shape_tensor(), x.dtype)


class Vectors(Elementwise):
    """A distribution of vectors, one for each row of its parameters."""

    def _batch_shape_tensor(self) -> Any:
        return super()._batch_shape_tensor()[:-1]

    def _batch_shape(self) -> Any:
        return super()._batch_shape()[:-1]

    def _event_shape_tensor(self) -> Any:
        return super()._batch_shape_tensor()[-1:]

    def _event_shape(self) -> Any:
        return super()._batch_shape()[-1:]


class WithLogits:
    """What distributions of choices have."""

    _logits: Any
    _probs: Any

    @property
    def logits(self) -> Any:
        """Log odds, or logits [..., k] of k choices."""
        return self._logits

    @property
    def probs(self) -> Any:
        """Probabilities in the shape of `logits`."""
        return self._probs


def uniform(shape: Any, dtype: Any, seed: Any) -> Any:
    """Random numbers in (0, 1)."""
    return tf.random_uniform(shape, minval=np.finfo(dtype.as_numpy_dtype).tiny, maxval=1.0, dtype=dtype, seed=seed)


def positive(x: Any, validate: bool, dtype: Any = None) -> Any:
    """`x` as a tensor, which is checked to be positive if asked for."""
    x = tf.convert_to_tensor(x, dtype)
    with tf.control_dependencies([tf.assert_positive(x)] if validate else []):
        return tf.identity(x)


def logits_and_probs(who: str, logits: Any, probs: Any, is_multidimensional: bool) -> Tuple[Any, Any]:
    """Both, from one of them.

    Raises:
        ValueError: both are given, or neither.
    """
    if (logits is None) == (probs is None):
        raise ValueError("{}: one of logits and probs must be given; got logits={!r}, probs={!r}".format(who, logits, probs))
    given: Any = tf.convert_to_tensor(probs if logits is None else logits)
    if logits is not None:
        return given, tf.nn.softmax(given) if is_multidimensional else tf.sigmoid(given)
    return tf.log(given) if is_multidimensional else tf.log(given) - tf.log1p(-given), given
