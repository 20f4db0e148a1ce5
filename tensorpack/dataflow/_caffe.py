"""The `Datum` of Caffe's databases, decoded without Caffe and its generated code."""
from __future__ import annotations

from typing import Any, Dict, List, Tuple

import numpy as np

_CHANNELS, _HEIGHT, _WIDTH, _DATA, _LABEL = 1, 2, 3, 4, 5
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5


def decode_datum(value: bytes) -> List[Any]:
    """A serialized `caffe.Datum` as `[image, label]`: uint8 HxWxC, int.

    Raises:
        ValueError: it is none, or holds no uint8 image (but floats, or a compressed one).
    """
    fields = _parse(value)
    shape = tuple(fields.get(k, 0) for k in (_CHANNELS, _HEIGHT, _WIDTH))
    image = np.frombuffer(fields.get(_DATA, b""), dtype="uint8").reshape(shape).transpose(1, 2, 0)
    label = fields.get(_LABEL, 0)
    return [np.ascontiguousarray(image), label - (1 << 64) if label >> 63 else label]


def _parse(message: bytes) -> Dict[int, Any]:
    """The fields of a protocol buffers message by number; the last value of each."""
    fields: Dict[int, Any] = {}
    position = 0
    while position < len(message):
        tag, position = _varint(message, position)
        number, kind = tag >> 3, tag & 7
        if kind == _VARINT:
            fields[number], position = _varint(message, position)
            continue
        if kind == _BYTES:
            size, position = _varint(message, position)
        elif kind in (_FIXED32, _FIXED64):
            size = 4 if kind == _FIXED32 else 8
        else:
            raise ValueError("a Datum has no fields of kind {}".format(kind))
        if position + size > len(message):
            raise ValueError("the Datum is incomplete")
        fields[number] = message[position:position + size]
        position += size
    return fields


def _varint(message: bytes, position: int) -> Tuple[int, int]:
    """A number of variable length, and where the next thing starts."""
    value = shift = 0
    while position < len(message) and shift < 70:
        byte = message[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
        shift += 7
    raise ValueError("the Datum is incomplete")
