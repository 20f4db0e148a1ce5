"""Measures how fast a flow produces data."""
from __future__ import annotations

from typing import Any, Iterator, List, Optional

from ...utils import logger
from ...utils._arguments.numbers import whole_number
from ...utils.utils import get_tqdm
from ..base import DataFlow, ProxyDataFlow
from .stages import StageClock, StageTime, plot_stages, stage_table


class TestDataSpeed(ProxyDataFlow):
    """Shows the speed of a flow in a progress bar; iterating it measures first, then yields a fresh pass.

    Then a table tells which of the flows that it is made of takes the time: CPU time and waiting of each, without those that it
    reads from. What a flow does in other processes counts as waiting of the flow that takes it from there. Timing costs
    about two microseconds for a datapoint of each flow.

    Args:
        ds: the flow to measure.
        size: datapoints to take; fewer if the flow ends.
        warmup: datapoints to take before, under a progress bar of their own; they do not count.
        plot: path of a picture of the table to write, such as "speed.png"; needs matplotlib.

    Attributes:
        stages: a StageTime for each flow, after `start`: name, depth, datapoints, cpu, wait (seconds).
    """

    _hands_on = True
    __test__ = False  # no test class, whatever test runners make of the name

    def __init__(self, ds: DataFlow, size: int = 5000, warmup: int = 0, *, plot: Optional[str] = None):
        super().__init__(ds)
        self.plot = plot
        self.stages: List[StageTime] = []
        self.test_size = whole_number(self, "size", size, minimum=0)
        self.warmup = whole_number(self, "warmup", warmup, minimum=0)
        self._was_reset = False

    def reset_state(self) -> None:
        super().reset_state()
        self._was_reset = True

    def __iter__(self) -> Iterator[Any]:
        self.start()
        yield from self.ds

    def start(self) -> None:
        """Measure; resets the flow if `reset_state()` of this object was not called before.

        Raises:
            ValueError: the flow ended during the warm-up.
        """
        with StageClock(self.ds) as clock:
            if not self._was_reset:
                self.reset_state()
            self._measure(clock)
        logger.info("%s: time for a datapoint at the end, by flow:\n%s", type(self).__name__, stage_table(self.stages))
        if self.plot is not None:
            plot_stages(self.stages, self.plot)

    def _measure(self, clock: StageClock) -> None:
        iterator = iter(self.ds)
        warmed_up = self._take(iterator, self.warmup)
        if warmed_up < self.warmup:
            raise ValueError("TestDataSpeed: the DataFlow must not end during the warm-up; it ended after {} of {} datapoints; "
                             "use a smaller warmup or RepeatedData".format(warmed_up, self.warmup))
        clock.restart()
        if not self._take(iterator, self.test_size, leave=True, smoothing=0.2) and self.test_size > 0:
            logger.warning("TestDataSpeed: the DataFlow has given no datapoint, so that there is nothing to measure.")
        self.stages = clock.results()

    @staticmethod
    def _take(iterator: Iterator[Any], count: int, **bar_arguments: Any) -> int:
        if count <= 0:
            return 0
        with get_tqdm(total=count, **bar_arguments) as bar:
            taken = 0
            for _ in iterator:
                taken += 1
                bar.update()
                if taken == count:
                    break
            return taken
