"""The `BlobProto` of Caffe: an array in a caffemodel, or a file of its own (.binaryproto)."""
from __future__ import annotations

from typing import Any, List

import numpy as np

from .wire_format import fields, signed, varint

_LEGACY_SHAPE = (1, 2, 3, 4)  # num, channels, height, width
_DATA, _SHAPE, _DOUBLE_DATA = 5, 7, 8
_DIMENSIONS = 1  # of a BlobShape
_DTYPES = {_DATA: "<f4", _DOUBLE_DATA: "<f8"}


def decode_blob(message: Any) -> np.ndarray:
    """The float32 array of a serialized `caffe.BlobProto`, in the shape that it states.

    Raises:
        ValueError: it is none.
    """
    shape: List[int] = []
    legacy_shape = {}
    chunks = []
    for number, value in fields(message):
        if number in _DTYPES:  # packed, or a number at a time
            chunks.append(np.frombuffer(value, dtype=_DTYPES[number]))
        elif number == _SHAPE:
            shape = decode_shape(value)
        elif number in _LEGACY_SHAPE:
            legacy_shape[number] = value
    data = np.concatenate(chunks or [np.zeros(0)]).astype("float32", copy=False)
    if not shape and legacy_shape:
        shape = [legacy_shape.get(number, 0) for number in _LEGACY_SHAPE]
    if not shape and data.size == 1:
        return data.reshape(())
    if data.size != int(np.prod(shape, dtype="int64")) or not shape:
        raise ValueError("a BlobProto of Caffe must hold as many values as its shape says; got shape {} and {} values".format(
            shape, data.size))
    return data.reshape(shape)


def decode_shape(message: Any) -> List[int]:
    """The dimensions in a serialized `caffe.BlobShape`."""
    return [signed(d) for number, value in fields(message) if number == _DIMENSIONS for d in _integers(value)]


def _integers(value: Any) -> List[int]:
    """One integer, or the packed ones of a repeated field."""
    if isinstance(value, int):
        return [value]
    numbers, position = [], 0
    while position < len(value):
        number, position = varint(value, position)
        numbers.append(number)
    return numbers
