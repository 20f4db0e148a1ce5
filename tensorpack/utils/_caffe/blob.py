"""The `BlobProto` of Caffe: an array in a caffemodel, or a file of its own (.binaryproto)."""
from __future__ import annotations

from typing import Any, List

import numpy as np

from .schema import parse_binary

_LEGACY_SHAPE = ("num", "channels", "height", "width")
_DTYPES = {"data": "<f4", "double_data": "<f8"}


def decode_blob(content: bytes) -> np.ndarray:
    """The float32 array of a serialized `caffe.BlobProto`, in the shape that it states.

    Raises:
        ValueError: it is none.
    """
    return blob_array(parse_binary("BlobProto", content))


def blob_array(blob: Any) -> np.ndarray:
    """The float32 array of a BlobProto, in the shape that it states.

    Raises:
        ValueError: the number of values is another one.
    """
    data = np.concatenate(_packed(blob) or _unpacked(blob)).astype("float32", copy=False)
    shape: List[int] = list(blob.shape.dim)
    if not shape and any(blob.HasField(name) for name in _LEGACY_SHAPE):
        shape = [getattr(blob, name) for name in _LEGACY_SHAPE]
    if not shape and data.size == 1:
        return data.reshape(())
    if data.size != int(np.prod(shape, dtype="int64")) or not shape:
        raise ValueError("a BlobProto of Caffe must hold as many values as its shape says; got shape {} and {} values".format(
            shape, data.size))
    return data.reshape(shape)


def _packed(blob: Any) -> List[np.ndarray]:
    return [np.frombuffer(chunk, dtype) for name, dtype in _DTYPES.items() for chunk in getattr(blob, name)]


def _unpacked(blob: Any) -> List[np.ndarray]:
    """The numbers that were written one by one, which is nothing that `blob` knows of, but it has kept them."""
    numbers = parse_binary("UnpackedBlob", blob.SerializeToString())
    return [np.array(getattr(numbers, name), dtype) for name, dtype in _DTYPES.items()]
