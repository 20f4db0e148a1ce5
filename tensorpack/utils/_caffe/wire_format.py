"""The wire format of protocol buffers, for messages whose few interesting fields are known by number."""
from __future__ import annotations

from typing import Any, Iterator, Tuple

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_SIZES = {_FIXED32: 4, _FIXED64: 8}


def fields(message: Any) -> Iterator[Tuple[int, Any]]:
    """(number, value) of each field of a message, in its order: an int for a varint, else a slice of the message.

    Args:
        message: bytes, or a memoryview, whose slices cost no copy.

    Raises:
        ValueError: it is no complete message.
    """
    position, end = 0, len(message)
    while position < end:
        tag, position = varint(message, position)
        number, kind = tag >> 3, tag & 7
        if number == 0:
            raise ValueError("a message of protocol buffers has no field number 0")
        if kind == _VARINT:
            value, position = varint(message, position)
            yield number, value
            continue
        if kind == _BYTES:
            size, position = varint(message, position)
        elif kind in _SIZES:
            size = _SIZES[kind]
        else:
            raise ValueError("a message of protocol buffers must have known kinds of fields; got kind {}".format(kind))
        if position + size > end:
            raise ValueError("the message of protocol buffers is incomplete")
        yield number, message[position:position + size]
        position += size


def varint(message: Any, position: int) -> Tuple[int, int]:
    """A number of variable length, and where the next thing starts."""
    value = shift = 0
    while position < len(message) and shift < 70:
        byte = message[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
        shift += 7
    raise ValueError("the message of protocol buffers is incomplete")


def signed(value: int) -> int:
    """A varint as the signed number that it stands for in a field of type int32 or int64."""
    return value - (1 << 64) if value >> 63 else value
