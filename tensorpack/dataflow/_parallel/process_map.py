"""Maps whose function runs in worker processes."""
from __future__ import annotations

from typing import Any, Callable, Dict, Iterator, List, Optional

import numpy as np

from ...utils._arguments.functions import check_function
from ...utils._arguments.numbers import whole_number
from ...utils._text.spec import describe
from ...utils.concurrency import OrderedContainer
from .._flows._told.datapoint_error import apply_named
from .._flows.map import MapDataComponent
from ..base import DataFlow
from .map_logic import Outcome, ParallelMapData
from .transport.channel import Channel
from .transport.frames import FAILURE
from .transport.group import WorkerGroup
from .transport.stream import Closed
from .transport.worker import send_datapoint, send_failure
from .worker_flow import WorkerFlow, check_start_method, error_of


class _Mapper:
    """In a worker: applies a function to each datapoint that comes, and sends the result or the error."""

    def __init__(self, map_func: Callable[[Any], Any], who: str):
        self.map_func = map_func
        self._who = who

    def __call__(self, index: int, channel: Channel) -> None:
        while True:
            frame = channel.receive()
            try:
                # refers to the result alone, see Encoder.encode
                holder = [apply_named(self._who, self.map_func, channel.open(frame))]
                send_datapoint(channel, holder, self._who, frame.tag)
            except Closed:
                raise
            except BaseException as e:
                send_failure(channel, self._who, e, frame.tag)
            channel.settle()


class ProcessMap(ParallelMapData, WorkerFlow):
    """Base of maps with worker processes: each job goes to the worker that has the fewest."""

    def __init__(self, ds: DataFlow, num_proc: int, map_func: Any, buffer_size: int, strict: bool,
                 start_method: Optional[str]):
        num_proc = whole_number(self, "num_proc", num_proc, minimum=1)
        ParallelMapData.__init__(self, ds, map_func, buffer_size, strict)
        self.num_proc = num_proc
        self._start_method = check_start_method(self, start_method)

    def reset_state(self) -> None:
        WorkerFlow.reset_state(self)
        try:
            self.ds.reset_state()
            self._begin()
        except BaseException:
            self.close()
            raise

    def _start_workers(self, group: WorkerGroup) -> None:
        self._places: Dict[int, int] = {}  # job -> worker
        self._loads = [0] * self.num_proc
        for _ in range(self.num_proc):
            group.start(_Mapper(self.map_func, type(self).__name__), "map_func")

    @property
    def _procs(self) -> List[Any]:
        return self._workers.processes

    def _close_workers(self) -> None:
        self.close()

    def _dispatch(self, tag: int, dp: Any) -> None:
        index = min(range(self.num_proc), key=self._loads.__getitem__)
        if self._workers.send(index, [dp], tag):  # else its death will be told
            self._places[tag] = index
            self._loads[index] += 1

    def _next_outcome(self) -> Outcome:
        frame = self._receive(self._workers)
        if frame.tag not in self._places:
            self._raise_failure(frame)
        self._loads[self._places.pop(frame.tag)] -= 1
        if frame.kind == FAILURE:
            return Outcome(frame.tag, None, error_of(frame))
        return Outcome(frame.tag, frame.value)


class MultiProcessMapDataZMQ(ProcessMap):
    """Applies a function to each datapoint, in worker processes.

    `ds` is reset and read here, ahead of the consumer by `buffer_size` datapoints from `reset_state()` on. With one worker
    order is kept, else it is arbitrary. Big arrays travel in shared memory, with one copy on the way to a worker and at most
    one on the way back.

    Otherwise than strict, the flow never ends: it gives the datapoints of pass after pass, a bit mixed, without those for
    which the function returns None; a pass of which nothing is left by that is an error. Strict, a pass gives the datapoints of
    one pass of `ds` and nothing else, each once; one that was abandoned is completed by the next. `len` is that of `ds`.
    One iteration at a time.

    An error of `ds` or of the function is raised, with its traceback, after the results of the datapoints before; so is the
    death of a worker. Workers end with `close()`, with this object, or with this process, however that ends.

    Args:
        ds: the flow to change.
        num_proc: how many workers; required.
        map_func: takes a datapoint and returns the new one; required. With other start methods than "fork" it must be
            picklable.
        buffer_size: how many datapoints may be at work or wait.
        strict: see above; `map_func` must not return None then.
        start_method: "fork", "spawn" or "forkserver"; None for the default of `multiprocessing`.
    """

    def __init__(self, ds: DataFlow, num_proc: Any = None, map_func: Any = None, *, buffer_size: int = 200,
                 strict: bool = False, start_method: Optional[str] = None):
        super().__init__(ds, num_proc, map_func, buffer_size, strict, start_method)


_SHARED_DTYPES = ("float32", "float64", "uint8", "int8", "int32")


class _CheckedFunction:
    """A function whose results must be arrays of one shape and dtype."""

    def __init__(self, func: Callable[[Any], Any], shape: Any, dtype: np.dtype, who: str):
        self._func = func
        self._shape = shape
        self._dtype = dtype
        self._who = who

    def __call__(self, component: Any) -> np.ndarray:
        result = self._func(component)
        if not isinstance(result, np.ndarray) or result.shape != self._shape or result.dtype != self._dtype:
            raise ValueError("{}: map_func must return an array of output_dtype and output_shape, {} {}; got {}".format(
                self._who, self._dtype, self._shape, describe(result)))
        return result

    def __repr__(self) -> str:
        return getattr(self._func, "__qualname__", None) or repr(self._func)


class MultiProcessMapDataComponentSharedArray(ProcessMap):
    """Applies a function to one component of each datapoint, in worker processes; order is kept and the flow never ends.

    Kept for scripts that use it; MultiProcessMapDataZMQ with any function does the same and more, without a fixed shape.

    Args:
        ds: flow of list, tuple or dict datapoints; tuples become lists. It is reset and read here.
        nr_proc: how many workers.
        map_func: takes the component and returns an array.
        output_shape, output_dtype: of that array; the dtype is float32, float64, uint8, int8 or int32.
        index: position or key of the component.
        start_method: see MultiProcessMapDataZMQ.

    Raises:
        KeyError: another dtype.
        ValueError: during iteration, when an array is not as told.
    """

    def __init__(self, ds: DataFlow, nr_proc: int, map_func: Any, output_shape: Any, output_dtype: Any, index: Any = 0, *,
                 start_method: Optional[str] = None):
        who = type(self).__name__
        dtype = np.dtype(output_dtype)
        if dtype.name not in _SHARED_DTYPES:
            raise KeyError("{}: output_dtype must be one of {}; got {}".format(who, ", ".join(_SHARED_DTYPES), dtype.name))
        check_function(who, "map_func", map_func, "of the component, one argument")
        self.nr_proc = nr_proc = whole_number(self, "nr_proc", nr_proc, minimum=1)
        self.output_shape = tuple(whole_number(self, "output_shape", k, minimum=0) for k in output_shape)
        self.output_dtype = output_dtype
        self.index = index
        checked = _CheckedFunction(map_func, self.output_shape, dtype, who)
        super().__init__(ds, nr_proc, MapDataComponent(ds, checked, index).func, 2 * nr_proc, False, start_method)

    def reset_state(self) -> None:
        self._ordered = OrderedContainer()
        self._num_waiting = 0
        super().reset_state()

    def _room(self) -> int:
        return super()._room() - self._num_waiting

    def _endless_pass(self) -> Iterator[Any]:
        for tag, value in super()._endless_pass():
            self._ordered.put(tag, value)
            self._num_waiting += 1
            while self._ordered.has_next():
                self._num_waiting -= 1
                yield self._ordered.get()
