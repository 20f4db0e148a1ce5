"""TFRecord files, byte for byte those of TensorFlow, without TensorFlow.

A record is its length (8 bytes), the checksum of these 8 bytes, the data, and the checksum of the data.
"""
from __future__ import annotations

import struct
from typing import IO, Iterator, List, Optional, Tuple

from ...utils import logger
from ...utils.optional import optional_import

google_crc32c = optional_import("google_crc32c", needed_by="TFRecord (TFRecordSerializer)", pip="google-crc32c")

_LENGTH, _CHECKSUM = struct.Struct("<Q"), struct.Struct("<I")
_HEADER_SIZE = _LENGTH.size + _CHECKSUM.size
_CUT = "the file ends within it"


def write_record(f: IO[bytes], data: bytes) -> None:
    """Append a record to an open file."""
    length = _LENGTH.pack(len(data))
    f.write(length + _checksum(length))
    f.write(data)
    f.write(_checksum(data))


class RecordCount:
    """Warns once when a file has more or fewer records than its reader was told.

    Args:
        who: the reader, for the message.
        path: the file.
        size: how many records it should have; None if nobody has said so.
    """

    def __init__(self, who: str, path: str, size: Optional[int]):
        self._who, self._path, self._size = who, path, size

    def look(self, count: int, is_last: bool) -> None:
        """So many records have been read, and whether there are others."""
        if self._size is None or (count == self._size) == is_last:
            return
        logger.warning(
            "[%s] size must be the number of datapoints in the file; got size=%d for %s, which has %s. So a pass is not one "
            "over the file: it goes on where the last one stopped, and behind the end of the file at its start. Leave size "
            "out, or write FixedSizeData(load(path), size) if this is meant.",
            self._who, self._size, self._path, count if is_last else "more")
        self._size = None


def read_records(path: str, watch: Optional[RecordCount] = None) -> Iterator[bytes]:
    """The records of a file; `watch` is told how many there are.

    Raises:
        ValueError: the file is damaged, incomplete, or no TFRecord file.
    """
    with open(path, "rb") as f:
        index = 0
        while f.peek(1):
            try:
                data = _next_record(f)
            except ValueError as e:
                raise ValueError("TFRecord: {} must be a complete, uncompressed TFRecord file; got a damaged record {} "
                                 "(counted from 0): {}".format(path, index, e)) from e
            index += 1
            if watch is not None:
                watch.look(index, is_last=not f.peek(1))
            yield data


def scan_records(path: str) -> Tuple[List[int], Optional[str]]:
    """Where the records of a file begin, in bytes, and what is wrong behind the last of them; the data are not looked at."""
    starts: List[int] = []
    with open(path, "rb") as f:
        end = f.seek(0, 2)
        position = f.seek(0)
        while position < end:
            try:
                size = _next_size(f)
            except ValueError as e:
                return starts, str(e)
            following = position + _HEADER_SIZE + size + _CHECKSUM.size
            if following > end:
                return starts, _CUT
            starts.append(position)
            position = f.seek(following)
    return starts, None


def record_at(f: IO[bytes], start: int) -> bytes:
    """The record that begins there; raises ValueError if it is damaged."""
    f.seek(start)
    return _next_record(f)


def _next_size(f: IO[bytes]) -> int:
    header = f.read(_HEADER_SIZE)
    length = header[:_LENGTH.size]
    if len(header) < _HEADER_SIZE or not _matches(length, header[_LENGTH.size:]):
        raise ValueError("the checksum of its length is wrong")
    return int(_LENGTH.unpack(length)[0])


def _next_record(f: IO[bytes]) -> bytes:
    size = _next_size(f)
    data, checksum = f.read(size), f.read(_CHECKSUM.size)
    if len(data) < size or len(checksum) < _CHECKSUM.size:
        raise ValueError(_CUT)
    if not _matches(data, checksum):
        raise ValueError("the checksum of its data is wrong")
    return data


def _matches(data: bytes, checksum: bytes) -> bool:
    return checksum == _checksum(data)


def _checksum(data: bytes) -> bytes:
    """The CRC-32C as it is stored, rotated and shifted, since data that hold their own checksum make a weak one."""
    crc = google_crc32c.value(data)
    return _CHECKSUM.pack(((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF)
