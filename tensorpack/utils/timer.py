"""Measure and log how long things take, on the monotonic clock."""
from __future__ import annotations

import atexit
from collections import OrderedDict
from contextlib import contextmanager
from time import perf_counter
from typing import Dict, Iterator, Optional

from . import logger
from .argtools import memoized
from .stats import StatCounter

__all__ = ["IterSpeedCounter", "Timer", "print_total_timer", "timed_operation", "total_timer"]

_TOTAL_TIMES: Dict[str, StatCounter] = OrderedDict()


@contextmanager
def timed_operation(msg: str, log_start: bool = False) -> Iterator[None]:
    """Log how long the context took (nothing if it is left by an exception), and on request when it starts."""
    if log_start:
        logger.info("Start %s ...", msg)
    start = perf_counter()
    yield
    logger.info("%s finished, time:%.4f sec.", msg[:1].upper() + msg[1:], perf_counter() - start)


@contextmanager
def total_timer(msg: str) -> Iterator[None]:
    """Add up the time spent in all contexts with the same `msg`; the sums are logged when the program exits."""
    _report_at_exit()
    start = perf_counter()
    yield
    _TOTAL_TIMES.setdefault(msg, StatCounter()).feed(perf_counter() - start)


@memoized
def _report_at_exit() -> None:
    atexit.register(print_total_timer)


def print_total_timer() -> None:
    """Log the sums of all `total_timer`."""
    for msg, times in _TOTAL_TIMES.items():
        logger.info("Total Time: %s -> %.2f sec, %d times, %.3g sec/time", msg, times.sum, times.count, times.average)


class IterSpeedCounter:
    """Log every `print_every` calls how long they took.

    Args:
        print_every: the number of calls from one line to the next.
        name: begins the line; `IterSpeed` by default.
    """

    def __init__(self, print_every: int, name: Optional[str] = None):
        if print_every <= 0:
            raise ValueError("IterSpeedCounter: print_every must be positive; got {!r}".format(print_every))
        self.print_every = int(print_every)
        self.name = name or "IterSpeed"
        self.reset()

    def reset(self) -> None:
        """Begin to count now."""
        self.start = perf_counter()
        self.cnt = 0

    def __call__(self) -> None:
        """Count one iteration."""
        self.cnt += 1
        if self.cnt % self.print_every == 0:
            elapsed = perf_counter() - self.start
            logger.info("%s: %.2f sec, %d times, %.3g sec/time", self.name, elapsed, self.cnt, elapsed / self.cnt)


class Timer:
    """A stop watch that runs from its construction on."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Begin again from zero, running."""
        self._elapsed = 0.0
        self._since: Optional[float] = perf_counter()

    def pause(self) -> None:
        """Stop the watch; raises RuntimeError if it is stopped."""
        if self.is_paused():
            raise RuntimeError("Timer.pause: the timer must be running; it is paused; call resume() first")
        self._elapsed = self.seconds()
        self._since = None

    def is_paused(self) -> bool:
        """Whether the watch is stopped."""
        return self._since is None

    def resume(self) -> None:
        """Let the watch go on; raises RuntimeError if it runs."""
        if not self.is_paused():
            raise RuntimeError("Timer.resume: the timer must be paused; it is running; call pause() first")
        self._since = perf_counter()

    def seconds(self) -> float:
        """Seconds that the watch has run since `reset`, without pauses."""
        return self._elapsed if self._since is None else self._elapsed + perf_counter() - self._since
