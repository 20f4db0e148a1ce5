"""Which is the slower one, the data or the model: told from how full the input queue is kept."""
from __future__ import annotations

from typing import Any, Callable, NamedTuple

from ..utils import logger

# The length of the queue is looked at with each so many-th datapoint, since each look costs about 15 microseconds.
SAMPLING_PERIOD = 10
# A verdict needs as many datapoints as fill the queue this many times, so that the first filling does not decide it.
_MIN_FILLINGS = 4


class Progress(NamedTuple):
    """What a feeding thread has done since it started; all are sums, so that two of them can be subtracted."""

    datapoints: int = 0
    seconds: float = 0.0  # taken by the DataFlow
    samples: int = 0  # of the length of the queue
    queue_sizes: int = 0  # sum of these lengths

    def plus(self, datapoints: int, seconds: float, queue_size: int) -> Progress:
        """The progress after some more datapoints, with one look at the queue."""
        return Progress(self.datapoints + datapoints, self.seconds + seconds, self.samples + 1,
                        self.queue_sizes + queue_size)


def verdict(since: Progress, now: Progress, capacity: int) -> str:
    """One sentence on the datapoints between two points in time; there must be a sample of the queue among them.

    A queue that is more often full than empty means that the model is the slower one.
    """
    datapoints, seconds, samples, queue_sizes = [b - a for a, b in zip(since, now)]
    fullness = min(queue_sizes / samples / capacity, 1.0)
    facts = "{:.0%} full on average, {:.3g} ms of the DataFlow for a datapoint".format(fullness, seconds / datapoints * 1000)
    if fullness > 0.5:
        return "{}: compute-bound, the model is slower than the data.".format(facts)
    return "{}: data-bound, the model waits for the DataFlow; see TestDataSpeed.".format(facts)


class SpeedReport:
    """Logs a verdict on a queue, whenever enough datapoints have passed to tell.

    Args:
        name: name of the queue.
        capacity: its capacity; nothing is logged for an unbounded queue (-1).
        progress: gives the `Progress` of the thread that feeds it.
    """

    def __init__(self, name: str, capacity: int, progress: Callable[[], Progress]):
        self._name = name
        self._capacity = capacity
        self._progress = progress
        self._since = Progress()

    def log(self) -> None:
        """Log a line if enough datapoints have passed since the previous one."""
        now = self._progress()
        if self._capacity > 0 and now.datapoints - self._since.datapoints >= _MIN_FILLINGS * self._capacity:
            logger.info("%s was %s", self._name, verdict(self._since, now, self._capacity))
            self._since = now


def queue_capacity(queue: Any) -> int:
    """Capacity of a TensorFlow queue, -1 if it is unbounded or cannot be known from the graph."""
    try:
        return queue.queue_ref.op.get_attr("capacity")
    except ValueError:  # the queue is chosen from several ones at run time
        return -1
