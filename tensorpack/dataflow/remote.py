"""Flows on other machines, over ZMQ sockets."""
from __future__ import annotations

import itertools
import multiprocessing as mp
import os
import sys
import time
from contextlib import ExitStack
from typing import Any, Iterator, List, Optional, Tuple

from ..utils import logger
from ..utils._arguments.flags import true_or_false
from ..utils._arguments.numbers import whole_number
from ..utils._process.remote_failure import RemoteFailure
from ..utils._process.start import SafelyStarted
from ..utils._text.counted import counted
from ..utils._text.keywords import keywords_told
from ..utils._wire.strays import StrayLog
from ..utils.concurrency import DIE, enable_death_signal
from ..utils.optional import optional_import
from ..utils.utils import get_tqdm
from ._flows.endless import check_empty_pass
from ._remote.opening import open_socket
from ._remote.receiver import Receiver
from ._remote.security import SecureContext
from ._remote.sender import Sender
from .base import CreatedByReset, DataFlow, DataFlowReentrantGuard, known_length, require_dataflow

__all__ = ["RemoteDataZMQ", "dump_dataflow_to_process_queue", "send_dataflow_zmq"]

zmq = optional_import("zmq", needed_by="RemoteDataZMQ and send_dataflow_zmq", pip="pyzmq")

_SENDER = "send_dataflow_zmq"
MAX_BYTES = 1 << 30  # of a datapoint, by default
_FORMATS = (None, "zmq_op", "zmq_ops")
_SENDS_PER_REPORT = 200
_POLL_MS = 500
_ACKNOWLEDGE_MS = 1000  # how long the receiver of an error tries to say so
_NO_RECEIVER_SECONDS = 10  # how long a failed sender waits for somebody to connect


@keywords_told
def send_dataflow_zmq(df: DataFlow, addr: str, hwm: int = 50, format: Optional[str] = None, bind: bool = False, *,
                      key: Optional[str] = None, insecure: bool = False, allow_pickle: bool = False,
                      max_bytes: int = MAX_BYTES) -> None:
    """Send a flow to a RemoteDataZMQ or ZMQInput, pass after pass, until it fails or the program is interrupted.

    If the flow raises, the receiver raises the same, with the traceback, after the datapoints before. Until it has taken
    them, this function waits. Errors of other types than Python's are a RuntimeError there, unless both sides allow pickles.

    Datapoints are plain data: numbers, text, bytes, None, numpy scalars and arrays of every dtype but objects, and lists,
    tuples and dicts of them. With a key, both sides prove that they have it, and all is encrypted.

    Args:
        df: the flow; it is reset here.
        addr: a ZMQ address, such as `tcp://host:port` or `ipc://path`.
        hwm: high-water mark of the socket: how many datapoints may wait in it; 0 for no limit.
        format: None, "zmq_op" or "zmq_ops", which all mean the same: there is one format for all receivers.
        bind: listen at the address instead of connecting to it.
        key: path of a key file, made by `tensorpack-make-key`, which the receiver must have as well; None takes the one that
            the environment variable `TENSORPACK_KEY` names, if any.
        insecure: listen without a key at an address that other machines can reach: whoever connects gets datapoints.
        allow_pickle: send objects of other types as pickles. The receiver must allow it, too.
        max_bytes: of a datapoint.

    Raises:
        ValueError: an unknown format; what is no address; an address that others can reach, without a key; a datapoint that is
            too large.
        zmq.ZMQError: the address is in use, or not of this machine.
        TypeError: a datapoint that is not plain, while one of the sides does not allow pickles.
    """
    require_dataflow(_SENDER, "df", df, following=addr)
    if format not in _FORMATS:
        raise ValueError("send_dataflow_zmq: format must be one of {}; got {!r}".format(_FORMATS, format))
    for name, value in (("bind", bind), ("insecure", insecure), ("allow_pickle", allow_pickle)):
        true_or_false(_SENDER, name, value)
    hwm = whole_number(_SENDER, "hwm", hwm, minimum=0)
    max_bytes = whole_number(_SENDER, "max_bytes", max_bytes, minimum=1)
    df.reset_state()
    with SecureContext(_SENDER, key, insecure) as context, ExitStack() as stack:
        socket = context.socket(zmq.DEALER, hwm, 0)
        sender = Sender(socket, StrayLog("{} at {}".format(_SENDER, addr)), max_bytes, allow_pickle)
        stack.callback(sender.close)
        context.protect(socket, addr, bind)
        open_socket(_SENDER, socket, addr, bind)
        logger.info("Serving data to %s with %s format ...", addr, format or "default")
        try:
            _send_all(df, sender.send)
        except Exception as e:
            sender.fail(RemoteFailure("send_dataflow_zmq (pid {})".format(os.getpid()), e), _NO_RECEIVER_SECONDS)
            raise
        finally:
            logger.info("Exiting send_dataflow_zmq ...")


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
    the sender's traceback. Nothing that is received runs code, unless pickles are allowed.

    What does not come from a sender of ours, such as the text of another program, a message of another version, a connection
    with another key, is dropped and counted, and logged once a minute with the address of who sent it, if that is known; it
    never ends the iteration.

    Args:
        addr1, addr2: ZMQ addresses; both are served in turn.
        hwm: high-water mark of each socket: how many datapoints may wait in it; 0 for no limit.
        bind: listen at the addresses instead of connecting to them.
        timeout: seconds without data after which the senders are taken for dead; None waits for ever.
        key: path of a key file, made by `tensorpack-make-key`, which the senders must have as well; None takes the one that the
            environment variable `TENSORPACK_KEY` names, if any.
        insecure: listen without a key at an address that other machines can reach: whoever connects can send datapoints.
        allow_pickle: take objects of other types than plain data, as pickles, which run code that a sender has chosen.
            The senders must allow it, too.
        max_bytes: of a datapoint; what is larger is dropped. Of more than twice as much ZMQ ends the connection, uncounted.

    Attributes:
        cnt1, cnt2: how many datapoints have come from each address and were done with.
        num_strays: how many messages and connections were none of ours.

    Raises:
        RuntimeError: during iteration, after `timeout`.
        ValueError: what is no address; an address that others can reach, without a key.
        zmq.ZMQError: the address is in use, or not of this machine.
    """

    cnt1: CreatedByReset[int] = CreatedByReset()
    cnt2: CreatedByReset[int] = CreatedByReset()
    _guard: CreatedByReset[DataFlowReentrantGuard] = CreatedByReset()
    _strays: CreatedByReset[StrayLog] = CreatedByReset()

    def __init__(self, addr1: str, addr2: Optional[str] = None, hwm: int = 50, bind: bool = True, *,
                 timeout: Optional[float] = None, key: Optional[str] = None, insecure: bool = False,
                 allow_pickle: bool = False, max_bytes: int = MAX_BYTES):
        if not addr1 or not isinstance(addr1, str):
            raise ValueError("{}: addr1 must be a ZMQ address; got {!r}".format(self._who, addr1))
        self._addr1 = addr1
        self._addr2 = addr2
        self._hwm = whole_number(self._who, "hwm", hwm, minimum=0)
        self._bind = true_or_false(self._who, "bind", bind)
        self._timeout = timeout
        self._key = key
        self._insecure = true_or_false(self._who, "insecure", insecure)
        self._allow_pickle = true_or_false(self._who, "allow_pickle", allow_pickle)
        self._max_bytes = whole_number(self._who, "max_bytes", max_bytes, minimum=1)

    def reset_state(self) -> None:
        self.cnt1 = 0
        self.cnt2 = 0
        self._guard = DataFlowReentrantGuard(owner=self)
        self._strays = StrayLog("{} at {}".format(self._who, " and ".join(self._addresses())))

    @property
    def _who(self) -> str:
        """What it is called in errors and logs."""
        return type(self).__name__

    @property
    def num_strays(self) -> int:
        return self._strays.count

    def bind_or_connect(self, socket: Any, addr: str) -> None:
        """Bind or connect a socket, as the constructor was told."""
        open_socket(self._who, socket, addr, self._bind)

    def __iter__(self) -> Iterator[Any]:
        with self._guard, SecureContext(self._who, self._key, self._insecure) as context, ExitStack() as stack:
            stack.callback(self._strays.report, True)
            receivers = []
            for addr in self._addresses():
                socket = context.socket(zmq.ROUTER, self._hwm, _ACKNOWLEDGE_MS)
                receivers.append(Receiver(socket, self._strays, self._max_bytes, self._allow_pickle))
                stack.callback(receivers[-1].close)
                context.protect(socket, addr, self._bind)
                self.bind_or_connect(socket, addr)
            yield from self._datapoints(receivers)

    def _never_ends(self) -> bool:
        return True

    def _addresses(self) -> List[str]:
        return [addr for addr in (self._addr1, self._addr2) if addr]

    def _datapoints(self, receivers: List[Receiver]) -> Iterator[Any]:
        poller = zmq.Poller()
        for receiver in receivers:
            poller.register(receiver.socket, zmq.POLLIN)
        last = next_look = time.monotonic()
        while True:
            ready = dict(poller.poll(_POLL_MS))
            got_one = False
            for k, receiver in enumerate(receivers, start=1):
                received = receiver.receive() if receiver.socket in ready else []
                if received:
                    got_one = True
                    yield received.pop()  # nothing here refers to it any more, so that its memory can be used again
                    setattr(self, "cnt{}".format(k), getattr(self, "cnt{}".format(k)) + 1)
            now = time.monotonic()
            if now >= next_look:
                next_look = now + _POLL_MS / 1000
                for receiver in receivers:
                    receiver.follow()
            if got_one:
                last = now
            else:
                self._check_timeout(now - last)

    def _check_timeout(self, silence: float) -> None:
        if self._timeout is not None and silence > self._timeout:
            refused = self._strays.count
            raise RuntimeError("{}: a datapoint must come within timeout={} seconds; nothing has come from {}; {}".format(
                self._who, self._timeout, " and ".join(self._addresses()), "see whether the sender lives" if not refused else
                "{} dropped, as the log says; see whether both sides have the same key".format(
                    counted(refused, "stray", "were"))))


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
