"""Both directions between two processes: frames, and big arrays beside them in shared memory.

Frames for the owner of the other end go through a ring in shared memory where there is one, and frames for the channel
itself, such as descriptors of memory, through a socket pair, which also tells the end of a process and wakes who waits.

A sender needs a credit of the receiver for each datapoint, so that no more of them exist than the receiver wants. Nothing is
ever sent without listening at the same time, so two full ends cannot block each other.
"""
from __future__ import annotations

import array
import os
import socket
import struct
import weakref
from collections import deque
from typing import Any, Callable, Deque, List, Optional, Sequence, Tuple

import numpy as np

from . import ring
from .codec import Encoder, decode, is_fortran
from .frames import (
    CREDIT,
    DATA,
    FAILURE,
    HEADER,
    IN_SLOT,
    NEW_RING,
    NEW_SLOT,
    OLD_SLOTS,
    REFERENCE,
    WAKE,
    Frame,
    pack,
    take_single,
)
from .inbox import Inbox
from .reader import FrameReader
from .rows import RowWriter
from .slots import SlotPool
from .stream import Closed, SocketStream, poll

__all__ = ["DATA", "FAILURE", "Channel", "Closed", "wait_for_any"]

FAR = 512 * 1024  # bytes of shared memory that may come and go between two exchanges about who holds them
_BIG_STREAM = 32 * 1024  # a longer pickle goes through shared memory
_MAX_HELD = 1 << 30  # bytes of shared memory that living arrays of one channel may take
_SECONDS = 1.0  # of a wait, before a look at whether there is sense in it
# Of the first wait: the other side might have looked for who waits just before it could see that.
_FIRST_SECONDS = 0.001

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
        has_ring: whether frames are sent through a ring, if there is shared memory for it.

    Attributes:
        credits: how many datapoints may be sent, as far as is known.
        frames: what was received and not taken yet.
    """

    def __init__(self, sock: socket.socket, pool: Optional[SlotPool] = None, *, source: int = 0,
                 frames: Optional[Deque[Frame]] = None, on_wait: Callable[[], None] = lambda: None,
                 max_held_bytes: int = _MAX_HELD, has_ring: bool = False):
        self.socket = sock
        self.credits = 0
        self.frames: Deque[Frame] = deque() if frames is None else frames
        self._lends = pool is not None
        self._pool = SlotPool() if pool is None else pool
        self._on_wait = on_wait
        self._inbox = Inbox(max_held_bytes)
        store: Any = weakref.WeakMethod(self._store)  # in a cycle, memory would wait for the garbage collector
        self._encoder = Encoder(lambda array, is_unique: store()(array, is_unique))
        self._references: List[Tuple[int, int, int]] = []  # of the datapoint that is being encoded
        self._stream = SocketStream(sock, source)
        self._wants_ring = has_ring and ring.is_supported
        self._out: Optional[ring.RingWriter] = None
        self._in: Optional[ring.RingReader] = None
        self._rows = RowWriter()
        self._reader = FrameReader(source)  # of the ring
        self._rest = b""  # of what was read from it: a part of a frame
        self._num_lent = 0  # bytes in shared memory that were sent since the last look for slots that have come back
        self._owed = 0  # credits that the other side was not told of
        _channels.add(self)

    def fileno(self) -> int:
        return self.socket.fileno()

    def close(self) -> None:
        """Close the socket; arrays that were received stay valid."""
        _channels.discard(self)
        self._stream.close()
        self._pool.close()
        self._inbox.close()
        self._in = self._out = None

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
        out = self._out
        if out is not None:
            row = self._rows.write(holder[0], tag)
            if row is not None:
                holder.clear()
                if out.put(row):
                    self._wake_if_asked(out)
                else:
                    self._write(out, row)
                return
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
            self._send_bytes(HEADER.pack(kind, 0, len(stream), tag) + stream)
            return
        self._announce()
        self._send_bytes(pack(kind, tag, stream, self._references))
        self._num_lent += sum([num_bytes for _, _, num_bytes in self._references])
        if self._num_lent >= FAR:
            self._num_lent = 0
            self._read_socket()  # slots that have come back meanwhile

    def send_message(self, kind: int, tag: int, stream: bytes = b"") -> None:
        """Send something else than a datapoint."""
        self._send_bytes(pack(kind, tag, stream))

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
        try:
            if self._in is not None and not (returned or lost):
                self._in.grant(owed)
                self._wake_if_asked(self._in)
            else:
                numbers = array.array("I", [len(returned)] + returned + lost)
                self._send_bytes(pack(CREDIT, owed, numbers.tobytes()))
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
        return kind | IN_SLOT, b""

    def _announce(self) -> None:
        given_up = self._pool.collect_given_up()
        if given_up:
            self._send_bytes(pack(OLD_SLOTS, 0, array.array("I", given_up).tobytes()))
        while self._pool.announced:
            number, fd, size = self._pool.announced[0]
            self._send_bytes(pack(NEW_SLOT, number, struct.pack("<Q", size)), [fd])
            self._pool.announced.popleft()
            os.close(fd)

    def _send_bytes(self, data: Any, rights: Sequence[int] = ()) -> None:
        """Send a frame, and descriptors with it."""
        if data[0] & ~IN_SLOT < CREDIT:
            if self._wants_ring:
                self._open_ring()
            out = self._out
            if out is not None:
                if out.put(data):
                    self._wake_if_asked(out)
                else:
                    self._write(out, data)
                return
        while data:
            try:
                data, rights = self._stream.send(data, rights), ()
            except BlockingIOError:
                self._wait_amid_frame(self._wait_for_socket)

    def _open_ring(self) -> None:
        self._wants_ring = False
        try:
            out = ring.RingWriter()
        except OSError:  # there is no shared memory
            return
        try:
            self._send_bytes(pack(NEW_RING, 0), [out.fd])
        finally:
            os.close(out.fd)
        self._out = out

    def _write(self, out: ring.RingWriter, data: bytes) -> None:
        rest = memoryview(data)
        rest = rest[out.write(rest):]
        while rest:
            self._wake_if_asked(out)
            self._wait_amid_frame(self._wait_for_room)
            rest = rest[out.write(rest):]
        self._wake_if_asked(out)

    def _wake_if_asked(self, end: Any) -> None:
        if end.must_wake():
            self._send_bytes(HEADER.pack(WAKE, 0, 0, 0))

    def _wait_amid_frame(self, wait: Callable[[], None]) -> None:
        try:
            wait()
        except BaseException:  # such as Ctrl-C: half a frame may have been sent, after which no other makes sense
            self.shut_down()
            raise

    def _wait_for_socket(self) -> None:
        self.check()
        if poll([self], True, _SECONDS):
            self.receive_now()

    def _wait_for_room(self) -> None:
        out: Any = self._out
        while out.is_full:
            seconds = _SECONDS if out.begin_wait() else _FIRST_SECONDS
            self.begin_wait()  # who waits for room over there needs this side to read
            if out.is_full and not self.receive_now():
                self.check()
                poll([self], False, seconds)

    # ---- receiving

    def wait_for_credit(self) -> None:
        """Return when a datapoint may be sent.

        Raises:
            Closed: the other side is gone.
        """
        while self.credits <= 0:
            self._collect_credits()
            if self.credits <= 0:
                self._wait(lambda: self.credits > 0)

    def receive(self) -> Frame:
        """The next frame; waits for it.

        Raises:
            Closed: the other side is gone.
        """
        while not self.frames:
            if not self.read_ring():
                self.settle()
                self._wait(lambda: bool(self.frames))
        return take_single(self.frames)

    def receive_now(self) -> bool:
        """Read what has come into `frames`; whether there was something.

        Raises:
            Closed: the other side is gone, and nothing more will come.
        """
        self._collect_credits()
        try:
            has_read = self._read_socket()
        except Closed:
            if self.read_ring():
                return True
            raise
        return self.read_ring() or has_read

    def read_ring(self) -> bool:
        """Read what is in the ring into `frames`, without a system call; whether there was something."""
        source = self._in
        data = source.read() if source is not None else b""
        if not data:
            return False
        if self._rest:
            data = self._rest + data
        frames, start = self._reader.read(data, 0, len(data))
        self._rest = data[start:]
        self.frames.extend(frames)
        try:
            self._wake_if_asked(source)
        except Closed:
            pass  # what it had sent can still be received
        return True

    def begin_wait(self) -> float:
        """Ask to be woken by what comes, and return how many seconds to wait at most, before another call."""
        if self._in is None or self._in.begin_wait():
            return _SECONDS
        return 0.0 if self._in else _FIRST_SECONDS

    def open(self, frame: Frame) -> Any:
        """The datapoint of a DATA frame; big arrays lie in the memory of the sender, which gets it back when they die."""
        if frame.stream is None:
            return frame.value
        if not frame.references:
            return decode(frame.stream, ())
        references = list(REFERENCE.iter_unpack(frame.references))
        for number, _, _ in references:
            while not self._inbox.has(number):
                self._read_socket()
        stream: Any = frame.stream
        if frame.is_in_slot:
            number, _, num_bytes = references.pop(0)
            stream = self._inbox.peek(number, num_bytes)
        return decode(stream, [self._inbox.open(*reference) for reference in references])

    def _read_socket(self) -> bool:
        try:
            frames = self._stream.read()
        except BlockingIOError:
            return False
        for frame in frames:
            if frame.kind < CREDIT:
                self.frames.append(frame)
            else:
                self._accept(frame)
        return True

    def _collect_credits(self) -> None:
        if self._out is not None:
            self.credits += self._out.new_credits()

    def _accept(self, frame: Frame) -> None:
        """Obey a frame that is about the channel itself."""
        stream: Any = frame.stream
        if frame.kind == CREDIT:
            self.credits += frame.tag
            numbers = array.array("I")
            numbers.frombytes(stream)
            for number in numbers[1:numbers[0] + 1]:
                self._pool.returned(number)
            for number in numbers[numbers[0] + 1:]:
                self._pool.lost(number)
        elif frame.kind == NEW_SLOT:
            self._inbox.attach(frame.tag, self._stream.take_fd(), struct.unpack("<Q", stream)[0])
        elif frame.kind == OLD_SLOTS:
            numbers = array.array("I")
            numbers.frombytes(stream)
            for number in numbers:
                self._inbox.forget(number)
        elif frame.kind == NEW_RING:
            fd = self._stream.take_fd()
            try:
                self._in = ring.RingReader(fd)
            finally:
                os.close(fd)

    def check(self) -> None:
        """Raise or exit if there is no sense in waiting."""
        self._on_wait()

    def _wait(self, is_over: Callable[[], bool]) -> None:
        """Wait for the other side, about a second at most, and read what has come."""
        seconds = self.begin_wait()
        if self._out is not None and not self._out.begin_wait():
            seconds = min(seconds, _FIRST_SECONDS)
        if self.receive_now() or is_over():
            return
        self.check()
        poll([self], False, seconds)


def wait_for_any(channels: Sequence[Channel]) -> None:
    """Wait until one of several channels has received something, about a second at most."""
    channels[0].check()
    poll(channels, False, min(channel.begin_wait() for channel in channels))


def _is_contiguous(value: np.ndarray) -> bool:
    return value.flags.c_contiguous or value.flags.f_contiguous

