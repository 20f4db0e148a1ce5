"""From a value that a user feeds to the array that a session callable takes."""
from __future__ import annotations

import os
from typing import Any, Callable, Mapping, Optional, Tuple

import numpy as np

from ...compat import is_tensor_like
from ...compat import tfv1 as tf
from ...utils._text.spec import about_none, describe, shown

__all__ = ["can_be_fed_as_array", "feed_converter"]


def can_be_fed_as_array(tensor: Any) -> bool:
    """Whether it is a plain tensor: no sparse one, no variable, no resource handle."""
    return isinstance(tensor, tf.Tensor) and tensor.dtype not in (tf.resource, tf.variant)


def feed_converter(tensor: tf.Tensor) -> Callable[[Any], np.ndarray]:
    """A function that makes the array to feed for `tensor`, of its dtype.

    `Session.run` casts without a word: 300 becomes 44, and 0.5 becomes 0. This function raises ValueError for values that the
    dtype cannot hold and for a shape that does not fit, and TypeError for a tensor.
    """
    dtype = np.dtype(tensor.dtype.as_numpy_dtype)
    shape = None if tensor.shape.ndims is None else tuple(tensor.shape.as_list())
    fitting: Any = shape  # the last shape that was found to fit: most calls have that of the call before

    def convert(value: Any) -> np.ndarray:
        nonlocal fitting
        if type(value) is not np.ndarray or (value.dtype is not dtype and value.dtype != dtype):
            value = _as_array(value, dtype, tensor)
        if shape is not None and value.shape != fitting:
            _check_shape(value.shape, shape, tensor)
            fitting = value.shape
        return value

    return convert


def _check_shape(got: Tuple[int, ...], shape: Tuple[Optional[int], ...], tensor: tf.Tensor) -> None:
    if len(got) == len(shape) and all(want in (None, have) for want, have in zip(shape, got)):
        return
    is_one = len(got) == len(shape) - 1 and all(want in (None, have) for want, have in zip(shape[1:], got))
    raise ValueError("input {!r}: the value must have the shape {}; got {}{}".format(
        tensor.name, tensor.shape, got, "; for a batch of one write [value]" if is_one else ""))


def _as_array(value: Any, dtype: np.dtype, tensor: tf.Tensor) -> np.ndarray:
    if is_tensor_like(value) or isinstance(value, tf.Operation):
        raise TypeError("input {!r}: the value must be an array or a number; got the tensor {!r}; "
                        "only values can be fed".format(tensor.name, value.name))
    none = about_none(value)
    if none:  # numpy would make NaN of it
        raise ValueError("input {!r}: its values must fit {}; got {}{}".format(
            tensor.name, _describe(dtype), describe(value), none))
    if dtype.kind == "O":  # strings
        return np.asarray(value, dtype=dtype)
    try:
        given = _natural(value)
        if given.dtype.kind == "c" and dtype.kind != "c":
            raise TypeError("they are complex")
        with np.errstate(all="ignore"):
            array = given.astype(dtype)
    except (OverflowError, TypeError, ValueError) as e:
        raise ValueError("input {!r}: its values must fit {}; got {}: {}{}".format(
            tensor.name, _describe(dtype), shown(value), e, _advice(value))) from e
    if given.dtype != dtype and not np.can_cast(given.dtype, dtype, "safe"):
        lost = given[_is_lost(given, array)]
        if lost.size:
            raise ValueError("input {!r}: its values must fit {}; got {}{}; convert them first, or give the input another "
                             "dtype".format(tensor.name, _describe(dtype), lost[0],
                                            " and {} more".format(lost.size - 1) if lost.size > 1 else ""))
    return array


def _advice(value: Any) -> str:
    if isinstance(value, Mapping):
        return "; give an array for each input, in the order of the inputs, and no dict"
    if isinstance(value, (list, tuple)) and value:
        return _advice(value[0])
    is_path = isinstance(value, (str, bytes, os.PathLike))
    return "; if this is the path of an image, read it first, as cv2.imread(path) does" if is_path else ""


def _natural(value: Any) -> np.ndarray:
    """The value as an array of the type that its numbers have."""
    array = np.asarray(value)
    if array.dtype.kind == "O":  # numbers, or what is none; integers of more than 64 bits are none to numpy
        array = np.array(array.tolist())
    return array


def _is_lost(given: np.ndarray, array: np.ndarray) -> np.ndarray:
    """Where a conversion has changed the value: a mask. Rounding of floats changes nothing."""
    if array.dtype.kind == "c":
        return np.zeros(given.shape, bool)
    if not _is_whole(array.dtype):
        # as float64, since not every dtype of floats has a notion of infinity
        overflown = ~np.isfinite(array.astype("float64"))
        return overflown & np.isfinite(given.astype("float64")) if overflown.any() else overflown
    if _is_whole(given.dtype):
        return _outside(given, *_range(array.dtype))
    return array.astype("float64") != given.astype("float64")


def _outside(given: np.ndarray, low: int, high: int) -> np.ndarray:
    own_low, own_high = _range(given.dtype)
    # a bound that the given type does not have is kept by all of its values, and is not comparable in every numpy
    too_low = given < low if low > own_low else np.zeros(given.shape, bool)
    too_high = given > high if high < own_high else np.zeros(given.shape, bool)
    return too_low | too_high


def _is_whole(dtype: np.dtype) -> bool:
    return dtype.kind in "biu"


def _range(dtype: np.dtype) -> Tuple[int, int]:
    if dtype.kind == "b":
        return 0, 1
    return int(np.iinfo(dtype).min), int(np.iinfo(dtype).max)


def _describe(dtype: np.dtype) -> str:
    if not _is_whole(dtype):
        return dtype.name
    return "{}, which holds whole numbers from {} to {}".format(dtype.name, *_range(dtype))
