"""TFRecord files, byte for byte those of TensorFlow, without TensorFlow.

A record is its length (8 bytes), the checksum of these 8 bytes, the data, and the checksum of the data.
"""
from __future__ import annotations

import struct
from typing import IO, Iterator

from ...utils.optional import optional_import

google_crc32c = optional_import("google_crc32c", needed_by="TFRecord (TFRecordSerializer)", pip="google-crc32c")

_LENGTH, _CHECKSUM = struct.Struct("<Q"), struct.Struct("<I")
_HEADER_SIZE = _LENGTH.size + _CHECKSUM.size


def write_record(f: IO[bytes], data: bytes) -> None:
    """Append a record to an open file."""
    length = _LENGTH.pack(len(data))
    f.write(length + _checksum(length))
    f.write(data)
    f.write(_checksum(data))


def read_records(path: str) -> Iterator[bytes]:
    """The records of a file.

    Raises:
        ValueError: the file is damaged, incomplete, or no TFRecord file.
    """
    with open(path, "rb") as f:
        index = 0
        for header in iter(lambda: f.read(_HEADER_SIZE), b""):
            length = header[:_LENGTH.size]
            if len(header) < _HEADER_SIZE or not _matches(length, header[_LENGTH.size:]):
                raise _damaged(path, index, "the checksum of its length is wrong")
            size = _LENGTH.unpack(length)[0]
            data, checksum = f.read(size), f.read(_CHECKSUM.size)
            if len(data) < size or len(checksum) < _CHECKSUM.size:
                raise _damaged(path, index, "the file ends within it")
            if not _matches(data, checksum):
                raise _damaged(path, index, "the checksum of its data is wrong")
            yield data
            index += 1


def _matches(data: bytes, checksum: bytes) -> bool:
    return checksum == _checksum(data)


def _checksum(data: bytes) -> bytes:
    """The CRC-32C as it is stored, rotated and shifted, since data that hold their own checksum make a weak one."""
    crc = google_crc32c.value(data)
    return _CHECKSUM.pack(((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF)


def _damaged(path: str, index: int, reason: str) -> ValueError:
    return ValueError("TFRecord: {} must be a complete, uncompressed TFRecord file; got a damaged record {} (counted from 0): "
                      "{}".format(path, index, reason))
