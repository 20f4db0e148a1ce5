"""Arrays of dtypes that numpy's files do not know: bfloat16, float8 and other dtypes that packages add to numpy.

In a file such an array is one of records with a single field, an unsigned integer of the same bits, whose name is that of
the dtype: `[("bfloat16", "<u2")]`, as TensorFlow has it for its quantized types. Any numpy reads it.
"""
from __future__ import annotations

from typing import Any

import numpy as np

from ...compat import tfv1 as tf

_ADDED_TO_NUMPY = 2  # of `dtype.isbuiltin`


def for_file(value: Any) -> np.ndarray:
    """The array as numpy's files keep it without loss."""
    array = np.asarray(value)
    if array.dtype.isbuiltin != _ADDED_TO_NUMPY:
        return array
    return array.view(np.dtype([(array.dtype.name, "<u{}".format(array.dtype.itemsize))]))


def from_file(array: np.ndarray) -> np.ndarray:
    """The inverse of `for_file`; a dtype that this TensorFlow does not have stays as it is in the file."""
    if not isinstance(array, np.ndarray) or array.dtype.names is None or len(array.dtype.names) != 1:
        return array
    dtype = _numpy_dtype(array.dtype.names[0])
    if dtype is None or dtype.isbuiltin != _ADDED_TO_NUMPY or dtype.itemsize != array.dtype.itemsize:
        return array
    return array.view(dtype)


def _numpy_dtype(name: str) -> Any:
    try:
        return np.dtype(tf.as_dtype(name).as_numpy_dtype)
    except TypeError:
        return None


def as_variable_dtype(value: np.ndarray, dtype: Any) -> np.ndarray:
    """Bytes without a type, as numpy itself writes a bfloat16 array (`|V2`), are taken for what the variable holds.

    Args:
        value: any array.
        dtype: the TensorFlow dtype of the variable; if it is none of those that numpy forgets, the array stays as it is.
    """
    if value.dtype.kind != "V" or value.dtype.names is not None or value.dtype.isbuiltin == _ADDED_TO_NUMPY:
        return value
    wanted = np.dtype(dtype.base_dtype.as_numpy_dtype)
    fits = wanted.isbuiltin == _ADDED_TO_NUMPY and wanted.itemsize == value.dtype.itemsize
    return value.view(wanted) if fits else value
