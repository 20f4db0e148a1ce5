"""`StartProcOrThread`: processes and threads that live as long as a training run."""
from __future__ import annotations

import threading
from multiprocessing.process import BaseProcess
from typing import List, Optional, Union

from ..utils import logger
from ..utils.concurrency import StoppableThread, start_proc_mask_signal
from .base import Callback

__all__ = ["StartProcOrThread"]

Startable = Union[BaseProcess, threading.Thread]

# How long after_train waits, for all of them together, before it says that something does not stop.
_JOIN_SECONDS = 5


class StartProcOrThread(Callback):
    """Start processes and threads in `before_train` and stop them in `after_train`; runs on every process.

    They are started with SIGINT ignored, so that Ctrl-C reaches the training process only. At the end processes that still
    live are terminated and each `StoppableThread` is stopped, then both are joined; an error is logged when one is still alive
    after 5 seconds. Other threads are left alone.

    A thread may have an attribute `exception`: the error that it died of, which training raises when it ends for lack of
    what the thread should have delivered.

    Args:
        startable: a process or a thread that is not started yet, or a list of them.
        stop_at_last: whether to stop them in `after_train`.

    Raises:
        TypeError: `startable` holds something else.
    """

    _chief_only = False

    def __init__(self, startable: Union[Startable, List[Startable]], stop_at_last: bool = True):
        self._startable = list(startable) if isinstance(startable, (list, tuple)) else [startable]
        self._stop_at_last = stop_at_last
        for x in self._startable:
            if not isinstance(x, (BaseProcess, threading.Thread)):
                raise TypeError("StartProcOrThread: startable must be a process, a thread, or a list of them; got {!r}; "
                                "try multiprocessing.Process(target=...) or threading.Thread(target=...)".format(x))

    def _before_train(self) -> None:
        logger.info("Starting %s ...", ", ".join([x.name for x in self._startable]) or "no process or thread")
        start_proc_mask_signal(self._startable)

    def _after_train(self) -> None:
        if not self._stop_at_last:
            return
        stopping = [x for x in self._startable if x.is_alive() and isinstance(x, (BaseProcess, StoppableThread))]
        for x in stopping:
            if isinstance(x, BaseProcess):
                x.terminate()
            else:
                x.stop()
        for x in stopping:
            x.join(_JOIN_SECONDS)
            if x.is_alive():
                logger.error("%s is still alive %d seconds after it was told to stop.", x.name, _JOIN_SECONDS)

    def _unblock(self) -> None:
        for x in self._startable:
            if isinstance(x, StoppableThread):
                x.stop()

    def _failure(self) -> Optional[BaseException]:
        errors = [getattr(x, "exception", None) for x in self._startable]
        return next((e for e in errors if e is not None), None)
