"""A flow that runs copies of a flow in threads."""
from __future__ import annotations

import itertools
import queue
import threading
import weakref
from typing import Any, Callable, Iterator, List, NamedTuple, NoReturn, Optional

from ...utils._arguments.numbers import whole_number
from .._flows._told.each_once import copies_are_mixed
from .._flows.endless import EndlessIterator
from ..base import CreatedByReset, DataFlow, DataFlowTerminated, known_length, require_dataflow, reset_each_once

_JOIN_SECONDS = 5  # that a thread gets to finish its datapoint


class _Result(NamedTuple):
    value: Any
    error: Optional[BaseException]


class _Threads:
    """Daemon threads that put datapoints into a queue, one for each credit."""

    def __init__(self, who: str, flows: List[DataFlow], num_prefetch: int):
        self.results: Any = queue.SimpleQueue()
        self._credits = threading.Semaphore(num_prefetch)
        self._is_closed = False
        self._threads = [threading.Thread(target=self._work, args=(EndlessIterator(flow, who),), daemon=True,
                                          name="{}-{}".format(who, k)) for k, flow in enumerate(flows)]
        for thread in self._threads:
            thread.start()

    def _work(self, datapoints: Iterator[Any]) -> None:
        try:
            while not self._is_closed:
                dp = next(datapoints)
                self._credits.acquire()
                if not self._is_closed:
                    self.results.put(_Result(dp, None))
        except BaseException as e:
            self.results.put(_Result(None, e))

    def take(self) -> _Result:
        """The next datapoint or error; waits for it."""
        result = self.results.get()
        self._credits.release()
        return result

    def close(self) -> None:
        """Let the threads end after their current datapoint."""
        self._is_closed = True
        for _ in self._threads:
            self._credits.release()
        self.results.put(_Result(None, DataFlowTerminated("the threads were ended by close()")))

    def join(self) -> None:
        for thread in self._threads:
            if thread is not threading.current_thread():
                thread.join(_JOIN_SECONDS)


class MultiThreadRunner(DataFlow):
    """Runs flows in threads of this process, which helps where they wait or use libraries that release Python's lock.

    With one thread, order is kept; with several, a pass is a mixture of independent flows. A pass has as many datapoints as
    that of the first flow, or no end if that is unknown; an abandoned pass is continued by the next one. An error in a thread
    is raised here, after the datapoints before it. Threads end with `close()` or with this object.

    Args:
        get_df: called once for each thread; returns the DataFlow that it runs. They are reset by `reset_state()`, here.
        num_prefetch: how many datapoints may wait, in all; each thread holds one more.
        num_thread: how many threads.
    """

    _threads: CreatedByReset[_Threads] = CreatedByReset()
    _error: Optional[BaseException] = None

    def __init__(self, get_df: Callable[[], DataFlow], num_prefetch: int, num_thread: int):
        self.num_prefetch = whole_number(self, "num_prefetch", num_prefetch, minimum=1)
        self.num_thread = whole_number(self, "num_thread", num_thread, minimum=1)
        self._flows = [get_df() for _ in range(self.num_thread)]
        for flow in self._flows:
            require_dataflow(type(self).__name__, "what get_df returns", flow)

    def reset_state(self) -> None:
        """Reset the flows and start the threads; raises RuntimeError if they run already."""
        if "_threads" in self.__dict__:
            raise RuntimeError("{}: reset_state() was called twice! This violates the API of DataFlow! Call it once".format(
                type(self).__name__))
        reset_each_once(self._flows)
        self._error = None
        self._threads = _Threads(type(self).__name__, self._flows, self.num_prefetch)
        self._finalizer = weakref.finalize(self, self._threads.close)

    def __len__(self) -> int:
        return len(self._flows[0])

    def __iter__(self) -> Iterator[Any]:
        if self._error is not None:
            raise self._error
        threads, length = self._threads, known_length(self._flows[0])
        if length == 0:
            raise ValueError("{}: the DataFlow must not be empty; got {!r}, which has length 0".format(
                type(self).__name__, self._flows[0]))
        for _ in itertools.count() if length is None else range(length):
            result = threads.take()
            if result.error is not None:
                self._fail(result.error)
            yield result.value

    def _never_ends(self) -> bool:
        return known_length(self._flows[0]) is None

    def _not_each_once(self) -> Optional[str]:
        if self.num_thread == 1:
            return None
        return copies_are_mixed(self.num_thread, known_length(self._flows[0])) + ", or num_thread=1"

    def _fail(self, error: BaseException) -> NoReturn:
        self._error = error
        self._finalizer()
        self.__dict__.pop("_threads", None)
        raise error

    def close(self) -> None:
        """End the threads; may be called again. A thread that iterates gets DataFlowTerminated."""
        if "_threads" in self.__dict__:
            threads = self._threads
            self._finalizer()
            del self._threads
            threads.join()

    def __enter__(self) -> MultiThreadRunner:
        return self

    def __exit__(self, *exc_info: Any) -> None:
        self.close()
