"""Frames and descriptors over a socket, which never blocks."""
from __future__ import annotations

import array
import os
import select
import socket
from collections import deque
from typing import Any, Deque, List, Sequence

from . import memory as shared_memory
from .frames import Frame
from .reader import FrameReader

_CHUNK = 64 * 1024  # bytes read at once
_MAX_FDS = 64
_ANCILLARY = socket.CMSG_SPACE(_MAX_FDS * 4) if hasattr(socket, "CMSG_SPACE") else 0


class Closed(Exception):
    """The other side is gone, and all that it had sent was received."""


class SocketStream:
    """One end of a socket pair.

    Args:
        sock: the end.
        source: the number that received frames shall bear.
    """

    def __init__(self, sock: socket.socket, source: int):
        sock.setblocking(False)
        self.socket = sock
        self._reader = FrameReader(source)
        self._buffer = bytearray(_CHUNK)
        self._start = self._stop = 0  # of what is in the buffer
        self._fds: Deque[int] = deque()
        self._is_eof = False

    def close(self) -> None:
        self.socket.close()
        while self._fds:
            os.close(self._fds.popleft())

    def send(self, data: Any, rights: Sequence[int] = ()) -> Any:
        """Send as much as there is room for, and descriptors with it; returns what is left.

        Raises:
            BlockingIOError: there is no room.
            Closed: the other side is gone.
        """
        try:
            if rights:
                sent = self.socket.sendmsg([data], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", rights))])
            else:
                sent = self.socket.send(data)
        except BlockingIOError:
            raise
        except OSError as e:
            raise Closed from e
        return memoryview(data)[sent:] if sent < len(data) else b""

    def take_fd(self) -> int:
        """The descriptor that came with the next frame that has one."""
        return self._fds.popleft()

    def read(self) -> List[Frame]:
        """Frames that have come.

        Raises:
            BlockingIOError: nothing has.
            Closed: nothing ever will.
        """
        if self._is_eof:
            raise Closed
        if self._start == self._stop:
            self._start = self._stop = 0
        try:
            count = self._read(memoryview(self._buffer)[self._stop:])
        except BlockingIOError:
            raise
        except OSError:
            count = 0
        if not count:
            self._is_eof = True
            raise Closed
        self._stop += count
        frames, self._start = self._reader.read(self._buffer, self._start, self._stop)
        self._make_room(self._reader.needed)
        return frames

    def _read(self, space: memoryview) -> int:
        if not shared_memory.is_supported:
            return self.socket.recv_into(space)
        count, ancillary, _, _ = self.socket.recvmsg_into([space], _ANCILLARY, socket.MSG_CMSG_CLOEXEC)
        for level, kind, data in ancillary:
            if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
                fds = array.array("i")
                fds.frombytes(data[:len(data) - len(data) % fds.itemsize])
                self._fds.extend(fds)
        return count

    def _make_room(self, size: int) -> None:
        if self._start + size <= len(self._buffer):
            return
        rest = self._buffer[self._start:self._stop]
        if len(self._buffer) < max(size, _CHUNK) or len(self._buffer) > _CHUNK >= size:
            self._buffer = bytearray(max(size, _CHUNK))
        self._buffer[:len(rest)] = rest
        self._start, self._stop = 0, len(rest)


def poll(ends: Sequence[Any], writable: bool, seconds: float) -> bool:
    """Wait until one of some sockets is readable (or writable, if that is asked for too); whether one is readable."""
    if not hasattr(select, "poll"):
        return bool(select.select(ends, ends if writable else [], [], seconds)[0])
    waiter = select.poll()
    for end in ends:
        waiter.register(end, select.POLLIN | (select.POLLOUT if writable else 0))
    return any(event & ~select.POLLOUT for _, event in waiter.poll(seconds * 1000))
