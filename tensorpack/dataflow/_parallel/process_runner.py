"""Flows that run copies of a flow in worker processes."""
from __future__ import annotations

import itertools
from collections import deque
from typing import Any, Deque, Iterator, List, NamedTuple, Optional

from ...utils import logger
from ...utils._arguments.numbers import whole_number
from .._flows._told.each_once import copies_are_mixed
from .._flows.endless import EndlessIterator
from ..base import DataFlow, ProxyDataFlow, known_length
from .transport.channel import FAR, Channel
from .transport.frames import FAILURE, RUN
from .transport.group import WorkerGroup
from .transport.worker import raise_explained
from .worker_flow import WorkerFlow, check_start_method

_NO_LIMIT = 1 << 40  # datapoints


class _Producer:
    """In a worker: sends the datapoints of a flow, pass after pass, one for each credit."""

    def __init__(self, ds: DataFlow, who: str):
        self.ds = ds
        self._who = who

    def __call__(self, index: int, channel: Channel) -> None:
        self.ds.reset_state()
        datapoints = EndlessIterator(self.ds, self._who)
        holder: List[Any] = []  # refers to the datapoint alone, see Encoder.encode
        try:
            while True:
                holder.append(next(datapoints))
                if channel.credits <= 0:
                    channel.wait_for_credit()
                channel.send(holder)
        except Exception as e:
            raise_explained(e, self._who, holder)


class _Credits(NamedTuple):
    """Among datapoints that wait to be taken: those before it were `number` of worker `source`, which may make as many more."""

    source: int
    number: int


class _Runner(ProxyDataFlow, WorkerFlow):
    """What both runners do; they differ in names and in the meaning of the bound."""

    def __init__(self, ds: DataFlow, num_proc: int, num_prefetch: int, start_method: Optional[str]):
        super().__init__(ds)
        self.num_proc = whole_number(self, "num_proc", num_proc, minimum=1)
        self._num_prefetch_total = num_prefetch
        self._start_method = check_start_method(self, start_method)
        self._ready: Deque[Any] = deque()  # datapoints that were received, and _Credits; all iterations take from it
        if self.num_proc > 1:
            logger.info("[%s] Will fork a dataflow more than one times. This assumes the datapoints are i.i.d.",
                        type(self).__name__)

    def reset_state(self) -> None:
        WorkerFlow.reset_state(self)  # ds is reset in the workers, and only there

    def close(self) -> None:
        super().close()
        self._ready.clear()

    def _start_workers(self, group: WorkerGroup) -> None:
        for _ in range(self.num_proc):
            group.start(_Producer(self.ds, type(self).__name__), "ds")
        shares = [len(range(k, self._num_prefetch_total, self.num_proc)) for k in range(self.num_proc)]
        for k, share in enumerate(shares):
            if share:
                group.grant(k, share)
        self._waiting: Deque[int] = deque(k for k, share in enumerate(shares) if not share)
        self._limits = [max(1, share // 2) for share in shares]

    def _datapoints(self) -> Iterator[Any]:
        """As many datapoints as there are in a pass, or without end if that is not known."""
        self._check_works()
        group, length = self._workers, known_length(self.ds)
        if length == 0:
            raise ValueError("{}: the DataFlow must not be empty; got {!r}, which has length 0".format(
                type(self).__name__, self.ds))
        for _ in itertools.count() if length is None else range(length):
            yield self._take(group)  # without a name, which would keep the datapoint until the next one

    def _never_ends(self) -> bool:
        return known_length(self.ds) is None

    def _not_each_once(self) -> Optional[str]:
        if self.num_proc == 1:
            return None
        return copies_are_mixed(self.num_proc, known_length(self.ds)) + ", or num_proc=1"

    def _take(self, group: WorkerGroup) -> Any:
        ready = self._ready
        while True:
            if not ready:
                self._receive_some(group)
            try:
                value = ready.popleft()
            except IndexError:  # another thread was faster
                continue
            if type(value) is not _Credits:
                return value
            self._grant(group, value.source, value.number, self._limits[value.source])

    def _receive_some(self, group: WorkerGroup) -> None:
        frame = self._receive(group, WorkerGroup.receive_run)
        if frame.kind == FAILURE:
            self._raise_failure(frame)
        if frame.kind == RUN:
            values = frame.value.values
            step = 1 if self._waiting else self._limits[frame.source]
            for start in range(0, len(values), step):
                part = values[start:start + step]
                self._ready.extend(part + [_Credits(frame.source, len(part))])
            return
        limit = self._limits[frame.source]
        if frame.references:  # who has made something big is told soon that it was taken
            limit = max(1, min(limit, FAR // frame.num_shared()))
        self._grant(group, frame.source, 1, limit)
        self._ready.append(frame.value)

    def _grant(self, group: WorkerGroup, index: int, count: int, limit: int) -> None:
        """Credits go on to whom lacks one; usually that is the same worker."""
        if self._waiting:
            self._waiting.append(index)
            index = self._waiting.popleft()
        group.grant(index, count, limit)


class MultiProcessRunner(_Runner):
    """Runs a flow in worker processes.

    With one worker, order is kept and nothing is lost or doubled as long as `len(ds)` is exact. With several, each runs the
    whole flow on its own and a pass is a mixture, so datapoints must be independent and identically distributed; the random
    streams of the workers differ. A pass has `len(ds)` datapoints, or no end if that is unknown; an abandoned pass is continued
    by the next one. Several iterations at a time share the datapoints.

    Big arrays travel in shared memory without a copy if they are batches of `BatchData`, else with one. An error in a worker is
    raised here, with the traceback, after the datapoints before it, and so is the death of a worker. Workers end with
    `close()`, with this object, or with this process, however that ends.

    Args:
        ds: the flow; it is reset in the workers, when `reset_state()` starts them.
        num_prefetch: how many datapoints may wait, in all; each worker holds one more.
        num_proc: how many workers.
        start_method: "fork", "spawn" or "forkserver"; None for the default of `multiprocessing`. With other methods than
            "fork", `ds` must be picklable.

    Attributes:
        procs: the worker processes.
    """

    def __init__(self, ds: DataFlow, num_prefetch: int, num_proc: int, *, start_method: Optional[str] = None):
        self.num_prefetch = whole_number(self, "num_prefetch", num_prefetch, minimum=1)
        super().__init__(ds, num_proc, self.num_prefetch, start_method)

    @property
    def procs(self) -> List[Any]:
        return self._workers.processes

    def __iter__(self) -> Iterator[Any]:
        return self._datapoints()


class MultiProcessRunnerZMQ(_Runner):
    """Runs a flow in worker processes, one iteration at a time. See MultiProcessRunner; only the bound differs.

    Args:
        ds: the flow; it is reset in the workers, when `reset_state()` starts them.
        num_proc: how many workers.
        hwm: how many datapoints of each worker may wait; it holds one more. 0 for as many as the connection takes, which may
            be several hundred, whatever their size.
        start_method: see MultiProcessRunner.
    """

    def __init__(self, ds: DataFlow, num_proc: int = 1, hwm: int = 50, *, start_method: Optional[str] = None):
        self._hwm = whole_number(self, "hwm", hwm, minimum=0)
        num_proc = whole_number(self, "num_proc", num_proc, minimum=1)
        super().__init__(ds, num_proc, (self._hwm or _NO_LIMIT) * num_proc, start_method)

    @property
    def _procs(self) -> List[Any]:
        return self._workers.processes

    def __iter__(self) -> Iterator[Any]:
        with self._guard:
            yield from self._datapoints()
