"""A group of worker processes, as the process sees it that has started them: every wait watches data and workers alike."""
from __future__ import annotations

import multiprocessing as mp
import os
import pickle
import selectors
import socket
import threading
import time
from collections import deque
from typing import Any, Callable, Deque, List, Optional, Sequence, Set

from ....utils._process.end import describe_end, end_processes
from ....utils._process.pickling import is_picklable, unpicklable
from ....utils._process.remote_failure import RemoteFailure
from ....utils._rng import StreamOrigin
from ....utils.concurrency import is_main_thread, start_proc_mask_signal
from ...base import DataFlowTerminated
from . import worker
from .channel import Channel
from .frames import DATA, DEATH, RUN, Frame, take_single
from .stream import Closed
from .worker import Body, Start

_POLL = 0.5  # seconds between two looks at whether all workers live, while nothing comes
_LOOK = 0.01  # the same while there is always something in a ring
# To be woken costs as much as some datapoints: while they come faster than that, let a few come together.
_WAKING = 1e-5  # seconds
_NAP = 5e-5  # seconds
# epoll would have a descriptor that forked processes share
_Selector = getattr(selectors, "PollSelector", selectors.DefaultSelector)


class WorkerGroup:
    """Starts workers, receives from them, ends them.

    Args:
        who: name of the flow, for names of processes and messages.
        origin: where the random streams of the workers branch off.
        start_method: "fork", "spawn" or "forkserver"; None for the default of `multiprocessing`.

    Attributes:
        processes: the worker processes.
        channels: one for each, leading to it.
    """

    def __init__(self, who: str, origin: StreamOrigin, start_method: Optional[str]):
        self._who = who
        self._origin = origin
        self._context: Any = mp.get_context(start_method)
        self._owner = os.getpid()
        self._lock = threading.Lock()  # around each use of channels
        self._is_closed = False
        self._frames: Deque[Frame] = deque()  # of all channels
        self._selector = _Selector()
        self._dead: Set[int] = set()
        self._next_look = 0.0  # at the sockets
        self._num_received, self._last_wait = 0, 0.0  # datapoints since the last wait, and when that was
        self.processes: List[Any] = []
        self.channels: List[Channel] = []

    def start(self, body: Body, name: str, further: Sequence[socket.socket] = ()) -> None:
        """Start one more worker.

        Args:
            body: what it does.
            name: of what `body` was made, for messages.
            further: sockets to give to it, besides that of its channel; they are closed here.

        Raises:
            TypeError: `body` cannot be pickled, as the start method demands.
        """
        ours, theirs = socket.socketpair()
        index = len(self.processes)
        # Made before the process is there, so that a forked one closes its copy.
        channel = Channel(ours, source=index, frames=self._frames, has_ring=True)
        try:
            self._start_process(body, name, index, [theirs] + list(further))
        except BaseException:
            channel.close()
            raise
        finally:
            theirs.close()
            for sock in further:
                sock.close()
        self.channels.append(channel)
        self._selector.register(channel, selectors.EVENT_READ, index)
        if os.name == "posix":
            self._selector.register(self.processes[index].sentinel, selectors.EVENT_READ, index)

    def _start_process(self, body: Body, name: str, index: int, sockets: List[socket.socket]) -> None:
        method = self._context.get_start_method()
        start = Start(body, index, self._who, self._origin, None if method == "forkserver" else os.getpid(), is_main_thread())
        process = self._context.Process(target=worker.run, args=(start,) + tuple(sockets), daemon=True,
                                        name="{}-worker-{}".format(self._who, index))
        # A daemon may not have children, for fear of leaving them behind; ours end with it.
        config = getattr(mp.current_process(), "_config", {})
        daemon = config.pop("daemon", None)
        try:
            start_proc_mask_signal(process)
        except Exception as e:
            if method == "fork" or is_picklable(body):
                raise
            raise unpicklable(self._who, name, getattr(body, name, body), e) from e
        finally:
            if daemon is not None:
                config["daemon"] = daemon
        self.processes.append(process)

    def receive(self) -> Frame:
        """The next frame from any worker, opened if it is a datapoint; waits for it. The last of a worker is its death.

        Raises:
            DataFlowTerminated: the group was closed, perhaps by another thread.
        """
        return self._receive(take_single)

    def receive_run(self) -> Frame:
        """The same, but perhaps several datapoints at once, as a RUN."""
        return self._receive(deque.popleft)

    def _receive(self, take: Callable[[Deque[Frame]], Frame]) -> Frame:
        while True:
            with self._lock:
                self._check_open()
                if not self._frames and time.monotonic() < self._next_look:
                    self._read_rings()
                if self._frames:
                    frame = take(self._frames)
                    if frame.kind == DATA:
                        frame.value = self.channels[frame.source].open(frame)
                    return frame
                for channel in self.channels:
                    channel.settle()
            self._wait()

    def _read_rings(self) -> None:
        for channel in self.channels:
            channel.read_ring()
        self._num_received += sum(len(frame.value.values) if frame.kind == RUN else 1 for frame in self._frames)

    def _check_open(self) -> None:
        if self._owner != os.getpid():
            raise RuntimeError("{0}: must be iterated in the process that has called reset_state(), {1}; got process {2}; "
                               "make one {0} per process".format(self._who, self._owner, os.getpid()))
        if self._is_closed:
            raise DataFlowTerminated("{}: its workers were ended by close()".format(self._who))

    def _wait(self) -> None:
        """Wait for data or the death of a worker, and read all that is there."""
        now = time.monotonic()
        is_fast = self._num_received * _WAKING > now - self._last_wait
        self._num_received, self._last_wait = 0, now
        if is_fast and now < self._next_look:
            time.sleep(_NAP)
            return
        with self._lock:
            seconds = min([_POLL] + [channel.begin_wait() for channel in self.channels])
        try:
            ready = self._selector.select(seconds)
        except (OSError, ValueError):  # closed meanwhile
            ready = []
        self._next_look = time.monotonic() + _LOOK
        with self._lock:
            self._check_open()
            # a process that some worker has started may keep its socket open
            indices = {key.data for key, _ in ready} or {k for k, p in enumerate(self.processes) if p.exitcode is not None}
            for index in sorted(indices - self._dead):
                self._read(index)
            self._read_rings()

    def _read(self, index: int) -> None:
        """Read what has come from a worker, and whether it has died."""
        channel = self.channels[index]
        is_dead = self.processes[index].exitcode is not None
        try:
            while channel.receive_now() and is_dead:  # what else a living one has sent will be told of
                pass
        except Closed:
            is_dead = True
        if is_dead:
            self._dead.add(index)
            self._frames.append(Frame(index, DEATH))
            self._selector.unregister(channel)
            if os.name == "posix":
                self._selector.unregister(self.processes[index].sentinel)

    def death(self, index: int) -> RuntimeError:
        """The error that tells of the death of a worker."""
        return RuntimeError("{}: all its workers must live while it is used; {}".format(
            self._who, describe_end(self.processes[index])))

    def grant(self, index: int, count: int, limit: int = 1) -> None:
        """Give a worker credits; see `Channel.grant`."""
        with self._lock:
            if not self._is_closed:
                self.channels[index].grant(count, limit)

    def send(self, index: int, holder: List[Any], tag: int) -> bool:
        """Send a datapoint to a worker; False if it is gone, of which a frame will tell."""
        with self._lock:
            self._check_open()
            try:
                worker.send_datapoint(self.channels[index], holder, self._who, tag)
                return True
            except Closed:
                return False

    def close(self) -> None:
        """End all workers and free what belongs to them; may be called again, and from another thread."""
        if self._owner != os.getpid():
            return  # in a forked copy of the process, which does not own the workers
        self._is_closed = True
        for channel in self.channels:
            channel.shut_down()  # wakes a thread that waits for it
        end_processes(self.processes)
        with self._lock:
            for channel in self.channels:
                channel.close()
            self._selector.close()
            self._frames.clear()


def load_failure(frame: Frame) -> RemoteFailure:
    """The RemoteFailure in a frame that tells of one."""
    return pickle.loads(frame.stream)

