"""A map whose function runs in threads."""
from __future__ import annotations

import functools
import queue
import threading
import weakref
from typing import Any, Callable

from ...utils._arguments.numbers import whole_number
from .._flows._told.datapoint_error import apply_named
from .._flows._told.in_place import InPlaceWatch
from ..base import CreatedByReset, DataFlow, DataFlowTerminated
from .map_logic import Outcome, ParallelMapData

_JOIN_SECONDS = 5  # that a thread gets to finish its datapoint
_END = object()  # in the queue of jobs: the thread that takes it ends


class _Threads:
    """Daemon threads that take (tag, datapoint) and give outcomes."""

    def __init__(self, who: str, func: Callable[[Any], Any], num_thread: int, ds: DataFlow):
        self.jobs: Any = queue.SimpleQueue()
        self.outcomes: Any = queue.SimpleQueue()
        self._who = who
        self._func = func
        self._watch = InPlaceWatch(who, ds)
        self._is_closed = False
        self._threads = [threading.Thread(target=self._work, name="{}-{}".format(who, k), daemon=True)
                         for k in range(num_thread)]
        for thread in self._threads:
            thread.start()

    def _work(self) -> None:
        while True:
            job = self.jobs.get()
            if job is _END or self._is_closed:
                break
            tag, dp = job
            function = self._func if tag else functools.partial(self._watch.call, self._func)
            try:
                outcome = Outcome(tag, apply_named(self._who, function, dp))
            except BaseException as e:
                outcome = Outcome(tag, None, e)
            self.outcomes.put(outcome)

    def close(self) -> None:
        """Let the threads end after their current job."""
        self._is_closed = True
        for _ in self._threads:
            self.jobs.put(_END)
        self.outcomes.put(None)

    def join(self) -> None:
        for thread in self._threads:
            if thread is not threading.current_thread():
                thread.join(_JOIN_SECONDS)


class MultiThreadMapData(ParallelMapData):
    """Applies a function to each datapoint, in threads of this process.

    It helps where the function waits, or uses libraries that release Python's lock. `ds` is reset and read here, ahead of the
    consumer by `buffer_size` datapoints from `reset_state()` on. With one thread order is kept, else it is arbitrary.

    Otherwise than strict, the flow never ends: it gives the datapoints of pass after pass, a bit mixed, without those for
    which the function returns None; a pass of which nothing is left by that is an error. Strict, a pass gives the datapoints of
    one pass of `ds` and nothing else, each once; one that was abandoned is completed by the next. `len` is that of `ds`.
    One iteration at a time. An error of `ds` or of the function is raised after the results of the datapoints before.
    `reset_state()` may be called again.

    Args:
        ds: the flow to change.
        num_thread: how many threads; required.
        map_func: takes a datapoint, not a copy, and returns the new one; required.
        buffer_size: how many datapoints may be at work or wait.
        strict: see above; `map_func` must not return None then.
    """

    _threads: CreatedByReset[_Threads] = CreatedByReset()

    def __init__(self, ds: DataFlow, num_thread: Any = None, map_func: Any = None, *, buffer_size: int = 200,
                 strict: bool = False):
        self.num_thread = whole_number(self, "num_thread", num_thread, minimum=1)
        super().__init__(ds, map_func, buffer_size, strict)

    def reset_state(self) -> None:
        self.close()
        self.ds.reset_state()
        self._threads = _Threads(type(self).__name__, self.map_func, self.num_thread, self.ds)
        self._finalizer = weakref.finalize(self, self._threads.close)
        self._begin()

    def close(self) -> None:
        """End the threads; may be called again. A thread that iterates gets DataFlowTerminated."""
        if "_threads" in self.__dict__:
            threads = self._threads
            self._finalizer()
            del self._threads
            threads.join()

    def __enter__(self) -> MultiThreadMapData:
        return self

    def __exit__(self, *exc_info: Any) -> None:
        self.close()

    def _close_workers(self) -> None:
        self._finalizer()

    def _dispatch(self, tag: int, dp: Any) -> None:
        self._threads.jobs.put((tag, dp))

    def _next_outcome(self) -> Outcome:
        outcome = self._threads.outcomes.get()
        if outcome is None:
            raise DataFlowTerminated("{}: its threads were ended by close()".format(type(self).__name__))
        return outcome
