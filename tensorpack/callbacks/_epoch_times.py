"""How long the rest of a training takes, judged by its last epochs, and how far that may be off. No clock, only numbers."""
from __future__ import annotations

import math
import statistics
from collections import deque
from typing import Deque, NamedTuple, Optional

from ..utils.utils import humanize_time_delta

__all__ = ["NO_LAST_EPOCH", "EpochTimes", "TimeLeft"]

NO_LAST_EPOCH = 99999  # the smallest of the defaults of max_epoch

_UNITS = (86400, 3600, 60, 1)
_MAD_TO_DEVIATION = 1.4826  # of a normal distribution


class TimeLeft(NamedTuple):
    """A duration in seconds, and one standard deviation of it; None after a single epoch."""

    seconds: float
    spread: Optional[float]

    def __str__(self) -> str:
        """
        >>> str(TimeLeft(3812.4, 251.0)), str(TimeLeft(12.34, 0.5))
        ('1 hour 4 minutes (± 4 minutes)', '12 seconds (± 0.5 second)')
        """
        text = _rounded(self.seconds, 2)
        return text if self.spread is None else "{} (± {})".format(text, _rounded(self.spread, 1))


class EpochTimes:
    """The durations of the last epochs.

    Args:
        last_k: how many of them count.
        median: take their median, with a spread that a few odd epochs do not change; else mean and standard deviation.
    """

    def __init__(self, last_k: int = 5, median: bool = True):
        self._median = median
        self._seconds: Deque[float] = deque(maxlen=last_k)
        self._last_time, self._last_epoch = 0.0, 0

    def start(self, epoch: int, now: float) -> None:
        """Call it when `epoch` is over, or none is, and the next one begins."""
        self._last_time, self._last_epoch = now, epoch

    def note(self, epoch: int, now: float) -> None:
        """Call it when `epoch` is over; those since the last call took equally long."""
        if epoch > self._last_epoch:
            self._seconds.append((now - self._last_time) / (epoch - self._last_epoch))
            self.start(epoch, now)

    def left(self, epochs: int) -> Optional[TimeLeft]:
        """What so many epochs will take; None if there are none, or none was seen.

        Both the scatter of the epochs to come and the uncertainty of what is typical are in the spread.
        """
        if epochs <= 0 or not self._seconds:
            return None
        count = len(self._seconds)
        typical = statistics.median(self._seconds) if self._median else statistics.mean(self._seconds)
        spread = None if count < 2 else self._deviation(typical) * math.sqrt(epochs + epochs * epochs / count)
        return TimeLeft(typical * epochs, spread)

    def _deviation(self, typical: float) -> float:
        if self._median:
            return _MAD_TO_DEVIATION * statistics.median(abs(seconds - typical) for seconds in self._seconds)
        return statistics.stdev(self._seconds)


def _rounded(seconds: float, num_units: int) -> str:
    """In words, rounded to the largest units that it has."""
    if seconds < 59.5:
        return humanize_time_delta(float("{:.{}g}".format(seconds, num_units)))
    largest = next(i for i, unit in enumerate(_UNITS) if seconds >= unit or unit == 60)
    smallest = _UNITS[min(largest + num_units, len(_UNITS)) - 1]
    return humanize_time_delta(round(seconds / smallest) * smallest)
