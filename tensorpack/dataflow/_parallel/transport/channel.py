"""Both directions between two processes: frames over a socket pair, big arrays beside them in shared memory.

A sender needs a credit of the receiver for each datapoint, so that no more of them exist than the receiver wants. Nothing is
ever sent without listening at the same time, so two full sockets cannot block each other.
"""
from __future__ import annotations

import array
import os
import select
import socket
import struct
import weakref
from collections import deque
from typing import Any, Callable, Deque, List, Optional, Sequence, Tuple

import numpy as np

from . import memory as shared_memory
from .codec import Encoder, decode, is_fortran
from .inbox import Inbox
from .slots import SlotPool

DATA, FAILURE, END, NOTE, DEATH, CREDIT, NEW_SLOT, OLD_SLOTS = range(8)  # kinds of frames; DEATH is never sent
_IN_SLOT = 128  # flag on a kind on its way: the first reference is the pickle itself

_HEADER = struct.Struct("<BIQq")  # kind, number of references, bytes of the stream, tag
_REFERENCE = struct.Struct("<IQQ")  # slot, offset, bytes
_CHUNK = 64 * 1024  # bytes read at once
_BIG_STREAM = 32 * 1024  # a longer pickle goes through shared memory
_MAX_FDS = 64
_ANCILLARY = socket.CMSG_SPACE(_MAX_FDS * 4) if hasattr(socket, "CMSG_SPACE") else 0
_MAX_HELD = 1 << 30  # bytes of shared memory that living arrays of one channel may take


class Closed(Exception):
    """The other side is gone, and all that it had sent was received."""


class Frame:
    """A received message: datapoint, failure, end of data, or a note; or the death of the other process.

    Attributes:
        source: the channel's number, as its owner counts.
        kind, tag: as sent.
        references: places of the big arrays in shared memory, packed.
        stream: the pickle.
        is_in_slot: the first reference is the pickle.
        value: the datapoint, once it was opened.
    """

    __slots__ = ("is_in_slot", "kind", "references", "source", "stream", "tag", "value")

    def __init__(self, source: int, kind: int, tag: int = 0, references: bytes = b"", stream: bytes = b""):
        self.source = source
        self.kind = kind & ~_IN_SLOT
        self.tag = tag
        self.references = references
        self.stream = stream
        self.is_in_slot = kind >= _IN_SLOT
        self.value: Any = None


_channels: Any = weakref.WeakSet()  # open ones of this process


def _after_fork_in_child() -> None:
    # A copy of a socket in an unrelated process would hide that the other side is gone.
    for channel in list(_channels):
        channel.abandon()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)


class Channel:
    """One end of a connection between two processes.

    Args:
        sock: one end of `socket.socketpair()`.
        pool: where arrays to send may already lie; without it all are copied.
        source: the number that received frames shall bear.
        frames: the queue into which they go; several channels may have one in common.
        on_wait: called once in a while during a wait; raises to end it.
        max_held_bytes: see Inbox.

    Attributes:
        credits: how many datapoints may be sent, as far as is known.
        frames: what was received and not taken yet.
    """

    def __init__(self, sock: socket.socket, pool: Optional[SlotPool] = None, *, source: int = 0,
                 frames: Optional[Deque[Frame]] = None,
                 on_wait: Callable[[], None] = lambda: None, max_held_bytes: int = _MAX_HELD):
        sock.setblocking(False)
        self.socket = sock
        self.credits = 0
        self.frames: Deque[Frame] = deque() if frames is None else frames
        self._source = source
        self._lends = pool is not None
        self._pool = SlotPool() if pool is None else pool
        self._on_wait = on_wait
        self._inbox = Inbox(max_held_bytes)
        store: Any = weakref.WeakMethod(self._store)  # in a cycle, memory would wait for the garbage collector
        self._encoder = Encoder(lambda array, is_unique: store()(array, is_unique))
        self._references: List[Tuple[int, int, int]] = []  # of the datapoint that is being encoded
        self._buffer = bytearray(_CHUNK)
        self._start = self._stop = 0  # of what is in the buffer
        self._fds: Deque[int] = deque()
        self._owed = 0  # credits that the other side was not told of
        self._is_eof = False
        _channels.add(self)

    def fileno(self) -> int:
        return self.socket.fileno()

    def close(self) -> None:
        """Close the socket; arrays that were received stay valid."""
        _channels.discard(self)
        self.socket.close()
        self._pool.close()
        self._inbox.close()
        while self._fds:
            os.close(self._fds.popleft())

    def shut_down(self) -> None:
        """Let both sides see the end, also threads that wait for something."""
        try:
            self.socket.shutdown(socket.SHUT_RDWR)
        except OSError:  # it has none to talk to any more
            pass

    def abandon(self) -> None:
        """Close the copy of a forked process, in which nothing else may be touched."""
        self.socket.close()

    # ---- sending

    def send(self, holder: List[Any], tag: int = 0) -> None:
        """Send the datapoint in a list of one, which is emptied; uses up a credit.

        Raises:
            Closed: the other side is gone.
            Exception: what pickling the datapoint raised; nothing was sent then.
        """
        self.credits -= 1
        self._references = []
        try:
            stream = self._encoder.encode(holder, self._lends)
            kind, stream = self._place(DATA, stream)
        except BaseException:
            for number, _, _ in self._references:
                self._pool.returned(number)
            raise
        del holder[:]
        if not self._references:
            self._send_bytes(_HEADER.pack(kind, 0, len(stream), tag) + stream)
            return
        self._announce()
        self._send_frame(kind, tag, stream, self._references)
        self.receive_now()  # slots that have come back meanwhile

    def send_message(self, kind: int, tag: int, stream: bytes = b"") -> None:
        """Send something else than a datapoint."""
        self._send_frame(kind, tag, stream, [])

    def grant(self, count: int, limit: int = 1) -> None:
        """Give the other side `count` more credits, perhaps a bit later: as soon as `limit` have come together."""
        self._owed += count
        if self._owed >= limit:
            self.settle()

    def settle(self) -> None:
        """Send credits and slots that are owed."""
        returned, lost = self._inbox.collect()
        if not (self._owed or returned or lost):
            return
        owed, self._owed = self._owed, 0
        numbers = array.array("I", [len(returned)] + returned + lost)
        try:
            self._send_frame(CREDIT, owed, numbers.tobytes(), [])
        except Closed:
            pass  # what it had sent can still be received

    def _store(self, value: np.ndarray, is_unique: bool) -> Optional[int]:
        """Put an array into shared memory, if there is some, and return the index of its reference."""
        place = self._pool.lend(value) if is_unique and _is_contiguous(value) else None
        if place is None:
            try:
                number, memory = self._pool.lend_new(value.nbytes)
            except OSError:
                return None
            copy = memory.view(value.dtype).reshape(value.shape, order="F" if is_fortran(value) else "C")
            np.copyto(copy, value)
            place = number, 0
        self._references.append(place + (value.nbytes,))
        return len(self._references) - 1

    def _place(self, kind: int, stream: bytes) -> Tuple[int, bytes]:
        """Move a long pickle to shared memory, if there is some."""
        if len(stream) < _BIG_STREAM:
            return kind, stream
        try:
            number, memory = self._pool.lend_new(len(stream))
        except OSError:
            return kind, stream
        memory[:] = np.frombuffer(stream, dtype="uint8")
        self._references.insert(0, (number, 0, len(stream)))
        return kind | _IN_SLOT, b""

    def _announce(self) -> None:
        given_up = self._pool.collect_given_up()
        if given_up:
            self._send_frame(OLD_SLOTS, 0, array.array("I", given_up).tobytes(), [])
        while self._pool.announced:
            number, fd, size = self._pool.announced[0]
            header = _HEADER.pack(NEW_SLOT, 0, 8, number)
            rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [fd]))]
            self._send_bytes(header + struct.pack("<Q", size), rights)
            self._pool.announced.popleft()
            os.close(fd)

    def _send_frame(self, kind: int, tag: int, stream: bytes, references: Sequence[Tuple[int, int, int]]) -> None:
        parts = [_HEADER.pack(kind, len(references), len(stream), tag)]
        parts += [_REFERENCE.pack(*reference) for reference in references]
        parts.append(stream)
        self._send_bytes(b"".join(parts))

    def _send_bytes(self, data: Any, rights: Sequence[Any] = ()) -> None:
        while data:
            try:
                sent = self.socket.sendmsg([data], rights) if rights else self.socket.send(data)
            except BlockingIOError:
                self._wait_to_send()
                continue
            except OSError as e:
                raise Closed from e
            if sent == len(data):
                return
            data, rights = memoryview(data)[sent:], ()

    def _wait_to_send(self) -> None:
        try:
            self._wait(writable=True)
        except BaseException:  # such as Ctrl-C: half a frame may have been sent, after which no other makes sense
            self.shut_down()
            raise

    # ---- receiving

    def wait_for_credit(self) -> None:
        """Return when a datapoint may be sent.

        Raises:
            Closed: the other side is gone.
        """
        while self.credits <= 0:
            self.receive_now()
            if self.credits <= 0:
                self._wait()

    def receive(self) -> Frame:
        """The next frame; waits for it.

        Raises:
            Closed: the other side is gone.
        """
        while not self.frames:
            self.receive_now()
            if not self.frames:
                self.settle()
                self._wait()
        return self.frames.popleft()

    def receive_now(self) -> bool:
        """Read what has come into `frames`; whether there was something.

        Raises:
            Closed: the other side is gone, and nothing more will come.
        """
        if self._is_eof:
            raise Closed
        if self._start == self._stop:
            self._start = self._stop = 0
        try:
            count = self._read(memoryview(self._buffer)[self._stop:])
        except BlockingIOError:
            return False
        except OSError:
            count = 0
        if not count:
            self._is_eof = True
            raise Closed
        self._stop += count
        self._parse()
        return True

    def open(self, frame: Frame) -> Any:
        """The datapoint of a DATA frame; big arrays lie in the memory of the sender, which gets it back when they die."""
        if not frame.references:
            return decode(frame.stream, ())
        references = list(_REFERENCE.iter_unpack(frame.references))
        stream: Any = frame.stream
        if frame.is_in_slot:
            number, _, num_bytes = references.pop(0)
            stream = self._inbox.peek(number, num_bytes)
        return decode(stream, [self._inbox.open(*reference) for reference in references])

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

    def _parse(self) -> None:
        """Take all complete frames out of the buffer, and see that there is room for the rest of the next."""
        buffer, stop = self._buffer, self._stop
        needed = header = _HEADER.size
        while stop - self._start >= header:
            body = self._start + header
            kind, num_references, num_bytes, tag = _HEADER.unpack_from(buffer, self._start)
            middle = body + num_references * _REFERENCE.size
            end = middle + num_bytes
            if end > stop:
                needed = end - self._start
                break
            frame = Frame(self._source, kind, tag, bytes(buffer[body:middle]) if num_references else b"",
                          bytes(memoryview(buffer)[middle:end]))
            self._start = end
            if frame.kind < CREDIT:
                self.frames.append(frame)
            else:
                self._accept(frame)
        self._make_room(needed)

    def _make_room(self, size: int) -> None:
        if self._start + size <= len(self._buffer):
            return
        rest = self._buffer[self._start:self._stop]
        if len(self._buffer) < max(size, _CHUNK) or len(self._buffer) > _CHUNK >= size:
            self._buffer = bytearray(max(size, _CHUNK))
        self._buffer[:len(rest)] = rest
        self._start, self._stop = 0, len(rest)

    def _accept(self, frame: Frame) -> None:
        """Obey a frame that is about the channel itself."""
        if frame.kind == CREDIT:
            self.credits += frame.tag
            numbers = array.array("I")
            numbers.frombytes(frame.stream)
            for number in numbers[1:numbers[0] + 1]:
                self._pool.returned(number)
            for number in numbers[numbers[0] + 1:]:
                self._pool.lost(number)
        elif frame.kind == NEW_SLOT:
            self._inbox.attach(frame.tag, self._fds.popleft(), struct.unpack("<Q", frame.stream)[0])
        elif frame.kind == OLD_SLOTS:
            numbers = array.array("I")
            numbers.frombytes(frame.stream)
            for number in numbers:
                self._inbox.forget(number)

    def check(self) -> None:
        """Raise or exit if there is no sense in waiting."""
        self._on_wait()

    def _wait(self, writable: bool = False) -> None:
        """Wait for the socket, about a second at most; reads when it is writing that has to wait."""
        self.check()
        is_readable = _poll([self], writable)
        if writable and is_readable:
            self.receive_now()


def wait_for_any(channels: Sequence[Channel]) -> None:
    """Wait until one of several channels has received something, about a second at most."""
    channels[0].check()
    _poll(channels, False)


def _poll(channels: Sequence[Channel], writable: bool) -> bool:
    """Wait until a channel is readable (or writable, if that is asked for too), or for a second; whether one is readable."""
    if not hasattr(select, "poll"):
        return bool(select.select(channels, channels if writable else [], [], 1.0)[0])
    poll = select.poll()
    for channel in channels:
        poll.register(channel, select.POLLIN | (select.POLLOUT if writable else 0))
    return any(event & ~select.POLLOUT for _, event in poll.poll(1000))


def _is_contiguous(value: np.ndarray) -> bool:
    return value.flags.c_contiguous or value.flags.f_contiguous
