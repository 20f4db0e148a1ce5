"""Flows on other machines, over ZMQ sockets."""
from __future__ import annotations

import itertools
import multiprocessing as mp
import os
import sys
import time
from typing import Any, Iterator, List, Optional, Tuple

import numpy as np

from ..utils import logger
from ..utils._buffers import aligned_empty
from ..utils._numbers import whole_number
from ..utils._process.remote_failure import RemoteFailure
from ..utils._process.start import SafelyStarted
from ..utils.concurrency import DIE, enable_death_signal
from ..utils.optional import optional_import
from ..utils.utils import get_tqdm
from ._flows.endless import check_empty_pass
from ._parallel.transport.codec import Encoder, decode, is_fortran
from .base import CreatedByReset, DataFlow, DataFlowReentrantGuard, known_length, require_dataflow

__all__ = ["RemoteDataZMQ", "dump_dataflow_to_process_queue", "send_dataflow_zmq"]

zmq = optional_import("zmq", needed_by="RemoteDataZMQ and send_dataflow_zmq", pip="pyzmq")
zmq_monitor = optional_import("zmq.utils.monitor", needed_by="send_dataflow_zmq", pip="pyzmq")

_FORMATS = (None, "zmq_op", "zmq_ops")
_SENDS_PER_REPORT = 200
_POLL_MS = 500
_ACKNOWLEDGE_MS = 1000  # how long the receiver of an error tries to say so
_NO_RECEIVER_SECONDS = 10  # how long a failed sender waits for somebody to connect


class _Sender:
    """Sends datapoints as messages: a frame with the pickle, then one for each big array.

    ZMQ drops what the kernel holds for a slow receiver when the sender closes its socket. So the last message, an error, is
    acknowledged, and the socket stays open until then.
    """

    def __init__(self, context: Any, hwm: int):
        self._socket = context.socket(zmq.DEALER)
        self._socket.set_hwm(hwm)
        self._monitor = self._socket.get_monitor_socket(zmq.EVENT_CONNECTED | zmq.EVENT_ACCEPTED | zmq.EVENT_DISCONNECTED)
        self._receivers = 0
        self._encoder = Encoder(self._store)
        self._arrays: List[Tuple[np.ndarray, bool]] = []

    def open(self, addr: str, bind: bool) -> None:
        (self._socket.bind if bind else self._socket.connect)(addr)

    def send(self, dp: Any) -> None:
        self._arrays = []
        parts: List[Tuple[Any, bool]] = [(self._encoder.encode([dp], False), True)]
        parts += self._arrays
        self._arrays = []
        for k, (part, copy) in enumerate(parts):
            self._socket.send(part, zmq.SNDMORE if k + 1 < len(parts) else 0, copy=copy)

    def fail(self, failure: RemoteFailure) -> None:
        """Send an error as the last message; return when the receiver has taken it, or there is no receiver."""
        self._socket.sndtimeo = _NO_RECEIVER_SECONDS * 1000
        try:
            self.send(failure)
        except zmq.Again:
            return
        deadline = time.monotonic() + _NO_RECEIVER_SECONDS
        while not self._socket.poll(_POLL_MS):
            disconnected = self._follow_connections()
            if not self._receivers and (disconnected or time.monotonic() > deadline):
                return

    def close(self) -> None:
        self._socket.disable_monitor()
        self._monitor.close(0)
        self._socket.close(0)

    def _follow_connections(self) -> bool:
        """Whether a receiver has gone."""
        gone = False
        while self._monitor.poll(0):
            event = zmq_monitor.recv_monitor_message(self._monitor)["event"]
            gone = event == zmq.EVENT_DISCONNECTED
            self._receivers += -1 if gone else 1
        return gone

    def _store(self, value: np.ndarray, is_unique: bool) -> int:
        flat = np.ascontiguousarray(value.T if is_fortran(value) else value).reshape(-1).view("uint8")
        # ZMQ keeps on reading after `send` returns: only from memory that nobody else can write to.
        self._arrays.append((flat, not is_unique))
        return len(self._arrays) - 1


def send_dataflow_zmq(df: DataFlow, addr: str, hwm: int = 50, format: Optional[str] = None, bind: bool = False) -> None:
    """Send a flow to a RemoteDataZMQ or ZMQInput, pass after pass, until it fails or the program is interrupted.

    If the flow raises, the receiver raises the same, with the traceback, after the datapoints before. Until it has taken
    them, this function waits.

    Args:
        df: the flow; it is reset here.
        addr: a ZMQ address, such as `tcp://host:port` or `ipc://path`.
        hwm: high-water mark of the socket: how many datapoints may wait in it; 0 for no limit.
        format: None, "zmq_op" or "zmq_ops", which all mean the same: there is one format for all receivers.
        bind: listen at the address instead of connecting to it.

    Raises:
        ValueError: an unknown format.
    """
    require_dataflow("send_dataflow_zmq", "df", df, following=addr)
    if format not in _FORMATS:
        raise ValueError("send_dataflow_zmq: format must be one of {}; got {!r}".format(_FORMATS, format))
    hwm = whole_number("send_dataflow_zmq", "hwm", hwm, minimum=0)
    df.reset_state()
    context = zmq.Context()
    sender = _Sender(context, hwm)
    try:
        sender.open(addr, bind)
        logger.info("Serving data to %s with %s format ...", addr, format or "default")
        try:
            _send_all(df, sender.send)
        except Exception as e:
            sender.fail(RemoteFailure("send_dataflow_zmq (pid {})".format(os.getpid()), e))
            raise
    finally:
        logger.info("Exiting send_dataflow_zmq ...")
        sender.close()
        context.term()


def _send_all(df: DataFlow, send: Any) -> None:
    num_empty = 0
    while True:
        num_sent, seconds = 0, 0.0
        with get_tqdm(total=known_length(df)) as bar:
            for dp in df:
                start = time.perf_counter()
                send(dp)
                seconds += time.perf_counter() - start
                num_sent += 1
                if num_sent % _SENDS_PER_REPORT == 0:
                    bar.set_postfix({"AvgSendLat": seconds / num_sent})
                bar.update()
        num_empty = 0 if num_sent else num_empty + 1
        if num_empty:
            check_empty_pass(df, "send_dataflow_zmq", num_empty)


class RemoteDataZMQ(DataFlow):
    """Receives what `send_dataflow_zmq` sends, without end and in the order in which it comes. No length.

    The sockets are open during an iteration. One iteration at a time. If the flow of a sender raises, so does this one, with
    the sender's traceback. Datapoints are unpickled: receive from senders only that you trust.

    Args:
        addr1, addr2: ZMQ addresses; both are served in turn.
        hwm: high-water mark of each socket: how many datapoints may wait in it; 0 for no limit.
        bind: listen at the addresses instead of connecting to them.
        timeout: seconds without data after which the senders are taken for dead; None waits for ever.

    Attributes:
        cnt1, cnt2: how many datapoints have come from each address and were done with.

    Raises:
        RuntimeError: during iteration, after `timeout`.
    """

    cnt1: CreatedByReset[int] = CreatedByReset()
    cnt2: CreatedByReset[int] = CreatedByReset()
    _guard: CreatedByReset[DataFlowReentrantGuard] = CreatedByReset()

    def __init__(self, addr1: str, addr2: Optional[str] = None, hwm: int = 50, bind: bool = True, *,
                 timeout: Optional[float] = None):
        if not addr1:
            raise ValueError("{}: addr1 must be a ZMQ address; got {!r}".format(type(self).__name__, addr1))
        self._addr1 = addr1
        self._addr2 = addr2
        self._hwm = whole_number(self, "hwm", hwm, minimum=0)
        self._bind = bind
        self._timeout = timeout

    def reset_state(self) -> None:
        self.cnt1 = 0
        self.cnt2 = 0
        self._guard = DataFlowReentrantGuard(owner=self)

    def bind_or_connect(self, socket: Any, addr: str) -> None:
        """Bind or connect a socket, as the constructor was told."""
        if self._bind:
            socket.bind(addr)
        else:
            socket.connect(addr)

    def __iter__(self) -> Iterator[Any]:
        with self._guard:
            context, sockets = zmq.Context(), []
            try:
                for addr in self._addresses():
                    sockets.append(context.socket(zmq.ROUTER))
                    sockets[-1].set_hwm(self._hwm)
                    self.bind_or_connect(sockets[-1], addr)
                yield from self._datapoints(sockets)
            finally:
                for socket in sockets:
                    socket.close(_ACKNOWLEDGE_MS)
                context.term()

    def _never_ends(self) -> bool:
        return True

    def _addresses(self) -> List[str]:
        return [addr for addr in (self._addr1, self._addr2) if addr]

    def _datapoints(self, sockets: List[Any]) -> Iterator[Any]:
        poller = zmq.Poller()
        for socket in sockets:
            poller.register(socket, zmq.POLLIN)
        last = time.monotonic()
        while True:
            ready = dict(poller.poll(_POLL_MS))
            if not ready:
                self._check_timeout(time.monotonic() - last)
                continue
            for k, socket in enumerate(sockets, start=1):
                if socket in ready:
                    yield _receive(socket)
                    setattr(self, "cnt{}".format(k), getattr(self, "cnt{}".format(k)) + 1)
            last = time.monotonic()

    def _check_timeout(self, silence: float) -> None:
        if self._timeout is not None and silence > self._timeout:
            raise RuntimeError("{}: a datapoint must come within timeout={} seconds; nothing has come from {}; see whether "
                               "the sender lives".format(type(self).__name__, self._timeout, " and ".join(self._addresses())))


def _receive(socket: Any) -> Any:
    """The next datapoint, or the sender's error."""
    sender, stream, *arrays = socket.recv_multipart(copy=False)
    value = decode(stream.buffer, [_private(array.buffer) for array in arrays])
    if isinstance(value, RemoteFailure):
        socket.send_multipart([sender.bytes, b"received"])
        value.reraise()
    return value


def _private(data: memoryview) -> np.ndarray:
    """A writable copy, in memory that TensorFlow takes without another."""
    copy = aligned_empty(data.nbytes, "uint8")
    copy[:] = np.frombuffer(data, dtype="uint8")
    return copy


def dump_dataflow_to_process_queue(df: DataFlow, size: int, nr_consumer: int) -> Tuple[Any, Any]:
    """A process that puts one pass of a flow into a queue.

    Args:
        df: the flow; it is reset in the process.
        size: how many datapoints the queue may hold; 0 for no limit.
        nr_consumer: how many processes take from the queue.

    Returns:
        (queue, process): a `multiprocessing.Queue` and a process that is not started. The process puts (number, datapoint),
        and at the end, for each consumer, (DIE, None); after an error of the flow (DIE, failure) instead, where
        `failure.reraise()` raises it with its traceback.
    """
    who = "dump_dataflow_to_process_queue"
    queue: Any = mp.Queue(whole_number(who, "size", size, minimum=0))
    nr_consumer = whole_number(who, "nr_consumer", nr_consumer, minimum=1)
    return queue, _Filler(target=_fill_queue, args=(df, queue, nr_consumer), name=who)


class _Filler(SafelyStarted, mp.Process):
    """The process that fills a queue."""


def _fill_queue(df: DataFlow, queue: Any, nr_consumer: int) -> None:
    enable_death_signal()
    failure = None
    try:
        df.reset_state()
        for number, dp in zip(itertools.count(), df):
            queue.put((number, dp))
    except Exception as e:
        failure = RemoteFailure("dump_dataflow_to_process_queue (pid {})".format(os.getpid()), e)
    for _ in range(nr_consumer):
        queue.put((DIE, failure))
    if failure is not None:
        sys.exit(1)
