"""A stream of bytes from one process to another through shared memory: neither side needs the system as long as none waits.

Who finds nothing to read, or no room to write, says so in a word that both see, and the other side wakes it. All that was
written can be read at once, however it came, so readers that are late get much at a time, and what was written stays
readable whatever becomes of the writer.

Memory is written in the order of the program; only on x86 can Python rely on that. A word is read and written as a whole.
"""
from __future__ import annotations

import platform
from typing import Any

import numpy as np

from . import memory as shared_memory

is_supported = shared_memory.is_supported and platform.machine().lower() in ("x86_64", "amd64", "i386", "i686")

_HEAD = 4096  # bytes for the words
_ROOM = 256 * 1024  # bytes for data
TOTAL = _HEAD + _ROOM

# Words of 8 bytes, each in a cache line of its own. Counts never wrap.
_WRITTEN, _READ, _GRANTED, _READER_WAITS, _WRITER_WAITS = range(0, 40, 8)


class _End:
    """What both ends can do.

    Args:
        memory: of the ring.
        waits: the word by which this end says that it waits.
        other_waits: that of the other end.
    """

    def __init__(self, memory: np.ndarray, waits: int, other_waits: int):
        self._waits, self._other_waits = waits, other_waits
        view: Any = memory.data
        self._words: Any = view[:_HEAD].cast("Q")
        self._data: Any = view[_HEAD:TOTAL]

    def must_wake(self) -> bool:
        """Whether the other end waits; says so once."""
        if not self._words[self._other_waits]:
            return False
        self._words[self._other_waits] = 0
        return True

    def begin_wait(self) -> bool:
        """Ask to be woken, the reader by what is written, the writer by what is read or granted; whether it had asked."""
        before = self._words[self._waits]
        self._words[self._waits] = 1
        return bool(before)


class RingWriter(_End):
    """The end that writes, in new memory.

    Attributes:
        fd: descriptor of the memory; the owner closes it once it was sent.

    Raises:
        OSError: there is no shared memory.
    """

    def __init__(self) -> None:
        self.fd = shared_memory.create(TOTAL)
        super().__init__(shared_memory.attach(self.fd, TOTAL), _WRITER_WAITS, _READER_WAITS)
        self._lap = 0  # bytes that were written in all laps before this one
        self._start = self._safe = 0  # in this lap: where to write, and up to where there is room for sure
        self._granted = 0

    def put(self, data: bytes) -> bool:
        """Write all of `data`, if there is room for sure; whether there was."""
        start = self._start
        stop = start + len(data)
        if stop > self._safe:
            return False
        self._data[start:stop] = data
        self._start = stop
        self._words[_WRITTEN] = self._lap + stop
        return True

    def write(self, data: memoryview) -> int:
        """Write as much of `data` as there is room for; returns how many bytes that was."""
        start = stop = self._lap + self._start
        end = min(start + len(data), self._words[_READ] + _ROOM)
        while stop < end:
            position = stop % _ROOM
            count = min(end - stop, _ROOM - position)
            self._data[position:position + count] = data[stop - start:stop - start + count]
            stop += count
        self._words[_WRITTEN] = stop
        self._start = stop % _ROOM
        self._lap = stop - self._start
        self._safe = min(_ROOM, self._words[_READ] + _ROOM - self._lap)
        return stop - start

    def new_credits(self) -> int:
        """What the reader has granted since the last call."""
        before, self._granted = self._granted, self._words[_GRANTED]
        return self._granted - before

    @property
    def is_full(self) -> bool:
        return self._lap + self._start - self._words[_READ] >= _ROOM


class RingReader(_End):
    """The end that reads; maps the memory of a descriptor, which may be closed then."""

    def __init__(self, fd: int):
        super().__init__(shared_memory.attach(fd, TOTAL), _READER_WAITS, _WRITER_WAITS)
        self._read = 0

    def __bool__(self) -> bool:
        """Whether there is something to read."""
        return bool(self._words[_WRITTEN] != self._read)

    def read(self) -> bytes:
        """All that is there."""
        words, start, stop = self._words, self._read, self._words[_WRITTEN]
        if start == stop:
            return b""
        words[_READER_WAITS] = 0
        first, last = start % _ROOM, stop % _ROOM
        if first < last:
            data = bytes(self._data[first:last])
        else:
            data = bytes(self._data[first:]) + bytes(self._data[:last])
        self._read = words[_READ] = stop
        return data

    def grant(self, count: int) -> None:
        """Let the writer send `count` more datapoints."""
        self._words[_GRANTED] += count
