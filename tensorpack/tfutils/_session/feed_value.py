"""From a value that a user feeds to the array that a session callable takes."""
from __future__ import annotations

from typing import Any, Callable

import numpy as np

from ...compat import is_tensor_like
from ...compat import tfv1 as tf

__all__ = ["can_be_fed_as_array", "feed_converter"]


def can_be_fed_as_array(tensor: Any) -> bool:
    """Whether it is a plain tensor: no sparse one, no variable, no resource handle."""
    return isinstance(tensor, tf.Tensor) and tensor.dtype not in (tf.resource, tf.variant)


def feed_converter(tensor: tf.Tensor) -> Callable[[Any], np.ndarray]:
    """A function that makes the array to feed for `tensor`: what `Session.run` would, which casts to the tensor's dtype.

    The function raises ValueError for a shape that does not fit, and TypeError for a tensor or an integer that is too large.
    """
    dtype = np.dtype(tensor.dtype.as_numpy_dtype)
    shape = None if tensor.shape.ndims is None else tuple(tensor.shape.as_list())

    def convert(value: Any) -> np.ndarray:
        if type(value) is not np.ndarray or value.dtype != dtype:
            value = _as_array(value, dtype, tensor)
        got = value.shape
        if got != shape and shape is not None:
            if len(got) != len(shape) or any(have != want for have, want in zip(got, shape) if want is not None):
                raise ValueError("input {!r}: the value must have the shape {}; got {}".format(
                    tensor.name, tensor.shape, got))
        return value

    return convert


def _as_array(value: Any, dtype: np.dtype, tensor: tf.Tensor) -> np.ndarray:
    if is_tensor_like(value) or isinstance(value, tf.Operation):
        raise TypeError("input {!r}: the value must be an array or a number; got the tensor {!r}; "
                        "only values can be fed".format(tensor.name, value.name))
    array = np.asarray(value, dtype=dtype)
    if isinstance(value, int) and dtype.kind in "iu" and int(array) != value:
        raise TypeError("input {!r}: the value must fit {}; got {}".format(tensor.name, dtype.name, value))
    return array
