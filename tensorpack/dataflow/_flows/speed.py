"""Measures how fast a flow produces data."""
from __future__ import annotations

from typing import Any, Iterator

from ...utils._numbers import whole_number
from ...utils.utils import get_tqdm
from ..base import DataFlow, ProxyDataFlow


class TestDataSpeed(ProxyDataFlow):
    """Shows the speed of a flow in a progress bar; iterating it measures first, then yields a fresh pass.

    Args:
        ds: the flow to measure.
        size: datapoints to take; fewer if the flow ends.
        warmup: datapoints to take before, under a progress bar of their own.
    """

    _hands_on = True
    __test__ = False  # no test class, whatever test runners make of the name

    def __init__(self, ds: DataFlow, size: int = 5000, warmup: int = 0):
        super().__init__(ds)
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
        if not self._was_reset:
            self.reset_state()
        iterator = iter(self.ds)
        warmed_up = self._take(iterator, self.warmup)
        if warmed_up < self.warmup:
            raise ValueError("TestDataSpeed: the DataFlow must not end during the warm-up; it ended after {} of {} datapoints; "
                             "use a smaller warmup or RepeatedData".format(warmed_up, self.warmup))
        self._take(iterator, self.test_size, leave=True, smoothing=0.2)

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
