"""How the components of several datapoints become one batch: dtype rules and recycled aligned memory.

TensorFlow takes 64-byte aligned arrays without a copy, so array batches are written into buffers of the process-wide pool.
"""
from __future__ import annotations

from typing import Any, List, Sequence

import numpy as np

from ...utils._buffers import aligned_empty
from ...utils._text.spec import about_none, describe
from ...utils.argtools import log_once

_INT32 = np.iinfo(np.int32)
_INT64 = np.iinfo(np.int64)
_NUMBERS = (bool, int, float, np.bool_, np.integer, np.floating)


def collate(datapoints: Sequence[Any], use_list: bool) -> Any:
    """Batch datapoints: a list of components for list or tuple datapoints, a dict for dict datapoints.

    Raises:
        ValueError, TypeError: they cannot be batched; the message starts with the component's name.
    """
    if not datapoints:
        raise ValueError("a batch needs at least one datapoint; got none")
    first = datapoints[0]
    if not isinstance(first, (list, tuple, dict)):
        raise ValueError("Data point has to be list/tuple/dict. Got {}; a datapoint of one component is a list of one: yield "
                         "[x], or wrap it by MapData(ds, lambda x: [x])".format(describe(first)))
    if isinstance(first, dict):
        return {key: _collate_component(datapoints, key, use_list) for key in first}
    for index, dp in enumerate(datapoints):
        if len(dp) != len(first):
            raise ValueError("all datapoints must have as many components as the first, {}; got {} in datapoint {}".format(
                len(first), len(dp), index))
    return [_collate_component(datapoints, k, use_list) for k in range(len(first))]


def _collate_component(datapoints: Sequence[Any], key: Any, use_list: bool) -> Any:
    values = [_component(dp, key, index) for index, dp in enumerate(datapoints)]
    if use_list:
        return values
    try:
        return collate_values(values, key)
    except (TypeError, ValueError) as e:
        raise same_kind_of_error(e, "component {!r}: {}".format(key, e)) from e


def _component(dp: Any, key: Any, index: int) -> Any:
    try:
        return dp[key]
    except (KeyError, IndexError, TypeError) as e:
        raise ValueError("component {!r}: all datapoints must have the components of the first; got {} as datapoint {}".format(
            key, describe(dp), index)) from e


def same_kind_of_error(error: Exception, message: str) -> Exception:
    """A TypeError for a TypeError, else a ValueError, with a new message."""
    return TypeError(message) if isinstance(error, TypeError) else ValueError(message)


def collate_values(values: Sequence[Any], component: Any = None) -> np.ndarray:
    """Make one array, with a new first dimension, of the same component of several datapoints.

    Python bools make a bool array; ints int32, or int64 if one does not fit; floats, or floats among ints, float32; str and
    bytes keep their type. Otherwise the dtype of the first element decides: the others are cast to it, with a warning unless
    that is safe.

    Args:
        component: its name, for the warning.

    Raises:
        TypeError: elements that are neither scalars nor arrays, or kinds that do not go together, such as numbers and text.
        ValueError: shapes differ, or a value does not fit.
    """
    first = values[0]
    if isinstance(first, (str, bytes)):
        return _collate_text(values)
    if isinstance(first, (bool, int, float)) and not isinstance(first, np.generic):
        return _collate_numbers(values)
    if hasattr(first, "dtype"):
        return _collate_arrays(values, component)
    raise TypeError("Unsupported type to batch: {}; convert it to an array first, or pass use_list=True{}".format(
        describe(first), about_none(first)))


def _collate_text(values: Sequence[Any]) -> np.ndarray:
    kind = bytes if isinstance(values[0], bytes) else str
    for value in values:
        if not isinstance(value, kind):
            raise TypeError("all elements must be {} like the first; got {}".format(kind.__name__, describe(value)))
    # numpy's fixed-width strings drop trailing NULs
    nul = b"\0" if kind is bytes else "\0"
    return np.array(values, dtype=object if any(value.endswith(nul) for value in values) else kind)


def _as_scalar(value: Any) -> Any:
    return value[()] if isinstance(value, np.ndarray) and value.shape == () else value


def _collate_numbers(values: Sequence[Any]) -> np.ndarray:
    values = [_as_scalar(value) for value in values]
    for value in values:
        if not isinstance(value, _NUMBERS):
            raise TypeError("all elements must be numbers like the first, {}; got {}{}".format(
                describe(values[0]), describe(value), about_none(value)))
    if all(isinstance(value, (bool, np.bool_)) for value in values):
        return np.array(values, dtype=bool)
    if any(isinstance(value, (float, np.floating)) for value in values):
        return np.array(values, dtype=np.float32)
    low, high = min(values), max(values)
    if low >= _INT32.min and high <= _INT32.max:
        return np.array(values, dtype=np.int32)
    if low >= _INT64.min and high <= _INT64.max:
        return np.array(values, dtype=np.int64)
    raise ValueError("integers must fit into int64; got values from {} to {}".format(low, high))


def _collate_arrays(values: Sequence[Any], component: Any) -> np.ndarray:
    first = values[0]
    if isinstance(first, (np.number, np.bool_)) and all(type(value) is type(first) for value in values):
        return np.array(values, dtype=first.dtype)  # labels: five times as fast as what follows
    arrays = _as_arrays(values)
    dtype = _common_dtype(arrays)
    arrays = [array if array.dtype == dtype else _cast(array, dtype, index, component) for index, array in enumerate(arrays)]
    return np.stack(arrays, out=aligned_empty((len(arrays),) + arrays[0].shape, dtype))


def _as_arrays(values: Sequence[Any]) -> List[np.ndarray]:
    arrays: List[np.ndarray] = []
    for index, value in enumerate(values):
        array = np.asarray(value) if hasattr(value, "dtype") else _python_scalar(value, arrays[0], index)
        if arrays and array.shape != arrays[0].shape:
            raise ValueError("all elements must have the same shape; got {} and {} (element {}); resize or pad them first, "
                             "or pass use_list=True".format(arrays[0].shape, array.shape, index))
        arrays.append(array)
    return arrays


def _python_scalar(value: Any, first: np.ndarray, index: int) -> np.ndarray:
    """A python number among numpy ones takes their dtype where it fits."""
    if not isinstance(value, (bool, int, float)):
        raise TypeError("all elements must be arrays like the first, {}, or numbers; got {} (element {}){}".format(
            describe(first), describe(value), index, about_none(value)))
    dtype = first.dtype
    fits = dtype.kind in "fc" or isinstance(value, bool) and dtype.kind == "b"
    if isinstance(value, int) and dtype.kind in "iu":
        fits = np.iinfo(dtype).min <= value <= np.iinfo(dtype).max
    return np.asarray(value, dtype if fits else None)


def _common_dtype(arrays: Sequence[np.ndarray]) -> np.dtype:
    """That of the first; text is as long as the longest."""
    dtype = arrays[0].dtype
    if dtype.kind in "SU":
        for array in arrays:
            if array.dtype.kind == dtype.kind:
                dtype = np.promote_types(dtype, array.dtype)
    return dtype


def _cast(array: np.ndarray, dtype: np.dtype, index: int, component: Any) -> np.ndarray:
    if np.can_cast(array.dtype, dtype, "safe"):
        return array.astype(dtype)
    if (array.dtype.kind not in "iuf" or dtype.kind not in "iuf") and array.dtype.kind + dtype.kind != "cc":
        raise TypeError("all elements must be of the kind of the first, {}; got {} (element {}); convert them to one dtype "
                        "first".format(dtype, array.dtype, index))
    if dtype.kind in "iu" and array.size:
        # whole numbers are compared as they are, since float64 does not hold all of them
        whole = np.trunc if array.dtype.kind == "f" else int
        low, high = whole(array.min()), whole(array.max())
        if not (low >= np.iinfo(dtype).min and high <= np.iinfo(dtype).max):
            raise ValueError("all elements must fit into the dtype of the first, {}; got {} with values from {} to {} (element "
                             "{}); convert them to one dtype first".format(dtype, array.dtype, low, high, index))
    log_once("BatchData: component {!r}: {} is cast to {}, the dtype of the first element of its batch; convert the elements "
             "to one dtype first to choose which.".format(component, array.dtype, dtype), "warning")
    return array.astype(dtype)
