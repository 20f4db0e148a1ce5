"""What the flows with worker processes have in common: start, end, and errors that last."""
from __future__ import annotations

import multiprocessing as mp
import weakref
from typing import Any, Callable, NoReturn, Optional

from ...utils._rng import new_worker_origin
from ..base import CreatedByReset, DataFlow, DataFlowReentrantGuard
from .transport.frames import DEATH, Frame
from .transport.group import WorkerGroup, load_failure


class WorkerFlow(DataFlow):
    """Base of flows with worker processes, which run from `reset_state()` to `close()` or the end of the object.

    A context manager: leaving it closes the flow. After `close()`, or an error of a worker, `reset_state()` may be called
    again and starts anew.
    """

    _guard: CreatedByReset[DataFlowReentrantGuard] = CreatedByReset()
    _workers: CreatedByReset[WorkerGroup] = CreatedByReset()

    _start_method: Optional[str] = None
    _error: Optional[BaseException] = None

    def reset_state(self) -> None:
        """Start the workers.

        Raises:
            RuntimeError: they run already.
            TypeError: something cannot be pickled, as the start methods other than "fork" demand.
        """
        if "_workers" in self.__dict__:
            raise RuntimeError("{0}: reset_state() was called twice! This violates the API of DataFlow! Call it once, in the "
                               "process that iterates; another one needs a {0} of its own".format(type(self).__name__))
        group = WorkerGroup(type(self).__name__, new_worker_origin(self), self._start_method)
        self._error = None
        self._guard = DataFlowReentrantGuard(owner=self)
        self._workers = group
        self._finalizer = weakref.finalize(self, group.close)
        try:
            self._start_workers(group)
        except BaseException:
            self.close()
            raise

    def _start_workers(self, group: WorkerGroup) -> None:
        """Override: start them in `group`."""
        raise NotImplementedError

    def close(self) -> None:
        """End the workers; may be called again.

        A thread that iterates gets DataFlowTerminated.
        """
        if "_workers" not in self.__dict__:
            return
        self._finalizer()
        del self._workers

    def __enter__(self) -> WorkerFlow:
        return self

    def __exit__(self, *exc_info: Any) -> None:
        self.close()

    def _check_works(self) -> None:
        """Raise the error that has ended the workers, if there was one."""
        if self._error is not None:
            raise self._error

    def _fail(self, error: BaseException) -> NoReturn:
        self._error = error
        self.close()
        raise error

    def _receive(self, group: WorkerGroup, receive: Callable[[WorkerGroup], Frame] = WorkerGroup.receive) -> Frame:
        """The next frame; the death of a worker is raised, now and by each later iteration."""
        frame = receive(group)
        if frame.kind == DEATH:
            self._fail(group.death(frame.source))
        return frame

    def _raise_failure(self, frame: Frame) -> NoReturn:
        self._fail(error_of(frame))


def error_of(frame: Frame) -> BaseException:
    """The error, with its traceback, in a frame that tells of one."""
    try:
        load_failure(frame).reraise()
    except BaseException as e:
        return e


def check_start_method(flow: Any, start_method: Optional[str]) -> Optional[str]:
    """Return a start method that this system has, or None for the default."""
    if start_method is not None and start_method not in mp.get_all_start_methods():
        raise ValueError("{}: start_method must be None or one of {}; got {!r}".format(
            type(flow).__name__, ", ".join(mp.get_all_start_methods()), start_method))
    return start_method
