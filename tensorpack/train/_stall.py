"""A watch over steps that do not end, as when devices wait for each other: it tells the log what every thread is doing."""
from __future__ import annotations

import sys
import threading
import time
import traceback
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Iterator, Optional

from ..utils import logger

if TYPE_CHECKING:
    from .base import TrainLoop

__all__ = ["report_stalls"]


@contextmanager
def report_stalls(loop: TrainLoop, seconds: Optional[float]) -> Iterator[None]:
    """Warn of each step of the current thread that lasts longer than `seconds`, once; never if it is None.

    It costs a step nothing: another thread looks at the counters of the loop from time to time.
    """
    if seconds is None:
        yield
        return
    done = threading.Event()
    thread = threading.Thread(target=_watch, args=(loop, seconds, threading.current_thread(), done), name="StallReport")
    thread.daemon = True
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def _watch(loop: TrainLoop, seconds: float, trainer_thread: threading.Thread, done: threading.Event) -> None:
    last, since, reported = None, time.monotonic(), False
    while not done.wait(min(5.0, seconds / 4)):
        now = (loop.epoch_num, loop.local_step, loop.global_step)
        if now != last or not _is_in_step(trainer_thread):
            last, since, reported = now, time.monotonic(), False
        elif not reported and time.monotonic() - since >= seconds:
            reported = True
            logger.warning("Step %d of epoch %d has been running for %.0f seconds. It waits for data, or for another device; "
                           "these are the threads of this process:\n%s", loop.local_step, loop.epoch_num,
                           time.monotonic() - since, _stacks())


def _is_in_step(thread: threading.Thread) -> bool:
    """Whether the thread is in `run_step`, rather than in a callback that takes its time after an epoch."""
    frame: Any = sys._current_frames().get(thread.ident)
    while frame is not None:
        if frame.f_code.co_name == "run_step":
            return True
        frame = frame.f_back
    return False


def _stacks() -> str:
    names = {thread.ident: thread.name for thread in threading.enumerate()}
    return "\n".join("Thread {}:\n{}".format(names.get(ident, ident), "".join(traceback.format_stack(frame)))
                     for ident, frame in sys._current_frames().items() if ident != threading.get_ident())
