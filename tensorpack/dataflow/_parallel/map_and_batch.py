"""A map that batches in its workers, so that only whole batches travel to the consumer."""
from __future__ import annotations

import socket
from typing import Any, Callable, Iterator, List, Optional

from ...utils._arguments.functions import check_function
from ...utils._arguments.numbers import whole_number
from .._flows._told.datapoint_error import apply_named
from .._flows.batch import BatchData
from ..base import DataFlow, require_flow_like
from .dispatcher import Dispatcher, Report
from .transport.channel import Channel
from .transport.frames import DATA, END, Frame
from .transport.group import WorkerGroup
from .transport.worker import send_datapoint
from .worker_flow import WorkerFlow, check_start_method


class _BatchMapper:
    """In a worker: maps what the dispatcher sends, and sends batches of the results."""

    def __init__(self, map_func: Callable[[Any], Any], batch_size: int, window: int, who: str):
        self.map_func = map_func
        self._batch_size = batch_size
        self._window = window  # datapoints that may wait for this worker
        self._who = who

    def __call__(self, index: int, consumer: Channel, dispatcher: Channel) -> None:
        dispatcher.grant(self._window)
        results: List[Any] = []
        report = Report(dispatcher, max(1, self._window // 4))
        while True:
            frame = dispatcher.receive()
            if frame.kind == END:
                consumer.send_message(END, 0)
                continue
            result = apply_named(self._who, self.map_func, dispatcher.open(frame))
            report.add(frame.tag, result is not None)
            if result is None:
                continue
            results.append(result)
            del result
            if len(results) == self._batch_size:
                holder = [BatchData.aggregate_batch(results)]  # refers to the batch alone, see Encoder.encode
                results = []
                consumer.wait_for_credit()
                send_datapoint(consumer, holder, self._who)


class MultiProcessMapAndBatchDataZMQ(WorkerFlow):
    """Applies a function to each datapoint and batches the results, in worker processes. The flow never ends; no length.

    One process reads `ds`, workers map and batch. It is `BatchData(MapData(RepeatedData(ds, -1)))`: batches straddle passes,
    and datapoints for which the function returns None are dropped. With one worker order is kept, else the grouping is
    arbitrary. Batches travel to the consumer without a copy. One iteration at a time.

    An error of `ds`, of the function or of batching is raised here, with its traceback, after the batches before it; so is the
    death of a process, and so is a pass of `ds` of which the function drops everything. Processes end with `close()`, with this
    object, or with this process, however that ends.

    Args:
        ds: the flow; it is reset in the process that reads it, when `reset_state()` starts it.
        num_proc: how many workers map.
        map_func: takes a datapoint and returns the new one.
        batch_size: datapoints in a batch.
        buffer_size: how many datapoints may wait, before the function or in batches, beside up to two batches that each worker
            has at hand; 10 batches by default.
        start_method: "fork", "spawn" or "forkserver"; None for the default of `multiprocessing`. With other methods than
            "fork", `ds` and `map_func` must be picklable.

    Raises:
        ValueError: an argument is not positive, or batch_size is not below buffer_size.
    """

    def __init__(self, ds: DataFlow, num_proc: int, map_func: Any, batch_size: int, buffer_size: Optional[int] = None, *,
                 start_method: Optional[str] = None):
        who = type(self).__name__
        num_proc = whole_number(self, "num_proc", num_proc, minimum=1)
        batch_size = whole_number(self, "batch_size", batch_size, minimum=1)
        check_function(who, "map_func", map_func, "of the whole datapoint, one argument")
        if buffer_size is None:
            buffer_size = 10 * batch_size
        buffer_size = whole_number(self, "buffer_size", buffer_size, minimum=1)
        if batch_size >= buffer_size:
            raise ValueError("{}: batch_size must be smaller than buffer_size; got {} and {}".format(
                who, batch_size, buffer_size))
        self.ds = require_flow_like(who, "ds", ds)
        self.num_proc = num_proc
        self.map_func = map_func
        self.batch_size = batch_size
        self.buffer_size = buffer_size
        self._start_method = check_start_method(self, start_method)

    def _start_workers(self, group: WorkerGroup) -> None:
        who = type(self).__name__
        share = max(1, self.buffer_size // self.num_proc)
        window = max(1, share // 4)
        self._failure: Optional[Frame] = None
        self._num_ended = 0
        pairs = [socket.socketpair() for _ in range(self.num_proc)]
        try:
            group.start(Dispatcher(self.ds, who), "ds", [ours for ours, _ in pairs])
            for _, theirs in pairs:
                group.start(_BatchMapper(self.map_func, self.batch_size, window, who), "map_func", [theirs])
        finally:
            for sock in sum(pairs, ()):
                sock.close()
        for index in range(1, self.num_proc + 1):
            group.grant(index, max(1, (share - window) // self.batch_size))

    def __iter__(self) -> Iterator[Any]:
        with self._guard:
            self._check_works()
            group = self._workers
            while True:
                yield self._take(group)

    def _never_ends(self) -> bool:
        return True

    def _not_each_once(self) -> Optional[str]:
        return ("has no passes: batches of {} mix them; use BatchData(MultiProcessMapData(ds, {}, func, strict=True), {}, "
                "remainder=True)".format(self.batch_size, self.num_proc, self.batch_size))

    def _take(self, group: WorkerGroup) -> Any:
        while True:
            frame = self._receive(group)
            if frame.kind == DATA:
                group.grant(frame.source, 1)
                return frame.value
            if frame.kind == END:
                self._num_ended += 1
            elif frame.source == 0:
                self._failure = frame  # batches before it may still come
            else:
                self._raise_failure(frame)
            if self._failure is not None and self._num_ended == self.num_proc:
                self._raise_failure(self._failure)
