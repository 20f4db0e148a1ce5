"""Flows that repeat a flow or its datapoints."""
from __future__ import annotations

from typing import Any, Iterator

from ...utils._arguments.flags import true_or_false
from ...utils._arguments.numbers import whole_number
from ..base import CreatedByReset, DataFlow, DataFlowReentrantGuard, ProxyDataFlow
from .endless import EndlessIterator


class RepeatedData(ProxyDataFlow):
    """Yields the datapoints of a flow several times over; order is kept.

    `len` is `num` times that of `ds`, and unknown for an endless repetition.

    Args:
        ds: the flow to repeat.
        num: number of passes; -1 for ever; 0 and other negative numbers give an empty flow.

    Raises:
        ValueError: during an endless iteration, when there was nothing to read in a pass of `ds`, or all of it was dropped.
    """

    _hands_on = True

    def __init__(self, ds: DataFlow, num: int):
        super().__init__(ds)
        self.num = whole_number(self, "num", num)

    def __len__(self) -> int:
        if self.num == -1:
            raise NotImplementedError("RepeatedData(num=-1): an endless DataFlow has no length; who trains on it says "
                                      "steps_per_epoch")
        return len(self.ds) * max(self.num, 0)

    def __iter__(self) -> Iterator[Any]:
        if self.num == -1:
            self._endless = EndlessIterator(self.ds, self)
            yield from self._endless  # closes it when this iteration is abandoned
        for _ in range(self.num):
            yield from self.ds

    def _never_ends(self) -> bool:
        return self.num == -1 or self.num > 0 and super()._never_ends()


class RepeatedDataPoint(ProxyDataFlow):
    """Yields each datapoint several times in a row: the same object, not copies. `len` is multiplied.

    Args:
        ds: the flow to repeat.
        num: how often each datapoint comes; at least 1.
    """

    _hands_on = True

    def __init__(self, ds: DataFlow, num: int):
        super().__init__(ds)
        self.num = whole_number(self, "num", num, minimum=1)

    def __len__(self) -> int:
        return len(self.ds) * self.num

    def __iter__(self) -> Iterator[Any]:
        for dp in self.ds:
            for _ in range(self.num):
                yield dp


class FixedSizeData(ProxyDataFlow):
    """Passes of exactly `size` datapoints, whatever the length of the flow: it is restarted whenever it ends. `len` is exact.

    One iteration at a time. With `keep_state` a pass continues where the last one stopped, also where that one was abandoned: a
    flow of 1..5 in passes of 3 gives 1 2 3, 4 5 1, 2 3 4.

    Args:
        ds: the flow to cut.
        size: datapoints in a pass; 0 gives an empty flow.
        keep_state: continue the flow in the next pass instead of restarting it.

    Raises:
        ValueError: `size` is negative; or, during iteration, `ds` is empty, or drops all that it reads.
    """

    _hands_on = True
    _guard: CreatedByReset[DataFlowReentrantGuard] = CreatedByReset()

    def __init__(self, ds: DataFlow, size: int, keep_state: bool = True):
        super().__init__(ds)
        self._size = whole_number(self, "size", size, minimum=0)
        self._keep_state = true_or_false(self, "keep_state", keep_state)

    def __len__(self) -> int:
        return self._size

    def reset_state(self) -> None:
        super().reset_state()
        self._guard = DataFlowReentrantGuard(owner=self)
        self._endless = EndlessIterator(self.ds, self)

    def __iter__(self) -> Iterator[Any]:
        with self._guard:
            endless = self._endless if self._keep_state else EndlessIterator(self.ds, self)
            for _ in range(self._size):
                yield next(endless)

    def _never_ends(self) -> bool:
        return False
