"""The life of a worker process: what it does first, how its errors leave it, and that it never outlives its parent."""
from __future__ import annotations

import multiprocessing as mp
import os
import pickle
import signal
import socket
import sys
from typing import Any, Callable, List, NamedTuple, NoReturn, Optional

from ....utils._buffers import set_process_pool
from ....utils._process.pickling import is_picklable, unpicklable
from ....utils._process.remote_failure import RemoteFailure
from ....utils._rng import StreamOrigin, branch_off_numpy, set_worker_index
from ....utils.concurrency import enable_death_signal
from ...base import DataFlowTerminated
from .channel import Channel
from .frames import FAILURE
from .slots import SlotPool
from .stream import Closed

# What a worker does: is called with its index and its channels, the first of which leads to its consumer.
Body = Callable[..., None]


NO_JOB = -1  # tag of a failure that concerns no datapoint in particular


class Start(NamedTuple):
    """What a worker is told at its start.

    Args:
        body: what to do.
        number: of the worker in its group.
        who: name of the flow, for messages.
        origin: where its random streams branch off.
        parent: process that must live; None if its direct parent is a server that starts processes for others.
        from_main_thread: whether the starting thread lives as long as that process.
    """

    body: Body
    number: int
    who: str
    origin: StreamOrigin
    parent: Optional[int]
    from_main_thread: bool


def run(start: Start, *sockets: socket.socket) -> None:
    """The main function of a worker process; never returns."""
    status = 1
    try:
        _die_with_parent(start)
        _prepare(start)
        status = _work(start, sockets)
    except KeyboardInterrupt:  # before it was masked
        pass
    finally:
        # Skip what the parent has registered for its own exit, and finalizers of objects that it owns.
        for stream in (sys.stdout, sys.stderr):
            try:
                stream.flush()
            except Exception:
                pass
        os._exit(status)


def _die_with_parent(start: Start) -> None:
    if not start.from_main_thread and hasattr(signal, "SIGHUP"):
        # The kernel sends it when the thread that has started this process ends, and that need not mean anything.
        signal.signal(signal.SIGHUP, lambda *_: _check_parent(start.parent))
    enable_death_signal(_warn=start.number == 0)
    _check_parent(start.parent)


def _check_parent(parent: Optional[int]) -> None:
    if parent is not None and os.getppid() != parent:
        os._exit(1)


def _prepare(start: Start) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the consumer, which ends its workers
    if signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
    # Workers may have workers of their own: they end with them, daemons or not.
    getattr(mp.current_process(), "_config", {}).pop("daemon", None)
    set_worker_index(start.number, origin=start.origin)
    branch_off_numpy()
    _disable_opencv_threads()


def _disable_opencv_threads() -> None:
    """Let OpenCV work in the calling thread, now or when it is imported: its own threads do not survive a fork."""
    os.environ["OPENCV_FOR_THREADS_NUM"] = "1"  # read at its import; 0 would mean one for each core
    cv2 = sys.modules.get("cv2")
    if cv2 is not None and hasattr(cv2, "setNumThreads"):
        cv2.setNumThreads(0)


def _work(start: Start, sockets: Any) -> int:
    pool = SlotPool()
    set_process_pool(pool)
    channels = [Channel(sock, pool if k == 0 else None, on_wait=lambda: _check_parent(start.parent),
                        has_ring=True)
                for k, sock in enumerate(sockets)]
    try:
        start.body(start.number, *channels)
        return 0
    except Closed:  # nobody wants more
        return 0
    except BaseException as e:
        send_failure(channels[0], start.who, e)
        return 1


def send_failure(channel: Channel, who: str, error: BaseException, tag: int = NO_JOB) -> None:
    """Send an error that is just being handled, with its traceback."""
    name = "{} (pid {}) of {}".format(mp.current_process().name, os.getpid(), who)
    failure = RemoteFailure(name, error, kinds=(Exception, DataFlowTerminated))
    try:
        channel.send_message(FAILURE, tag, pickle.dumps(failure, pickle.HIGHEST_PROTOCOL))
    except Closed:
        pass


def send_datapoint(channel: Channel, holder: Any, who: str, tag: int = 0) -> None:
    """Send the datapoint in a list of one.

    Raises:
        TypeError: it cannot be pickled; the message tells which part.
    """
    try:
        channel.send(holder, tag)
    except Exception as e:
        raise_explained(e, who, holder)


def raise_explained(error: Exception, who: str, holder: List[Any]) -> NoReturn:
    """Raise an error that came while the datapoint in `holder` was sent; a TypeError if that cannot be pickled."""
    if not isinstance(error, Closed) and holder and not is_picklable(holder[0]):
        raise unpicklable(who, "a datapoint", holder[0], error) from error
    raise error
