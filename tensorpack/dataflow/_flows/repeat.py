"""Flows that repeat a flow or its datapoints, and the endless iterator that they share."""
from __future__ import annotations

import operator
from typing import Any, Iterator, Union

from ..base import CreatedByReset, DataFlow, DataFlowReentrantGuard, ProxyDataFlow


class EndlessIterator:
    """Iterates a flow again and again; a pass without datapoints raises ValueError instead of spinning for ever.

    It survives an error of the flow: the next call starts a new pass.
    """

    def __init__(self, ds: DataFlow, owner: Union[DataFlow, str]):
        self._ds = ds
        self._owner = owner if isinstance(owner, str) else type(owner).__name__
        self._pass: Iterator[Any] = iter(())

    def __iter__(self) -> EndlessIterator:
        return self

    def __next__(self) -> Any:
        for dp in self._pass:
            return dp
        self._pass = iter(self._ds)
        for dp in self._pass:
            return dp
        raise ValueError("{}: a DataFlow to repeat must not be empty; {} yielded nothing in a pass (a generator object, for "
                         "one, serves a single pass)".format(self._owner, type(self._ds).__name__))


class RepeatedData(ProxyDataFlow):
    """Yields the datapoints of a flow several times over; order is kept.

    `len` is `num` times that of `ds`, and unknown for an endless repetition.

    Args:
        ds: the flow to repeat.
        num: number of passes; -1 for ever; 0 and other negative numbers give an empty flow.

    Raises:
        ValueError: during an endless iteration, when a pass of `ds` is empty.
    """

    def __init__(self, ds: DataFlow, num: int):
        super().__init__(ds)
        self.num = operator.index(num)

    def __len__(self) -> int:
        if self.num == -1:
            raise NotImplementedError("RepeatedData(num=-1): an endless DataFlow has no length; who trains on it says "
                                      "steps_per_epoch")
        return len(self.ds) * max(self.num, 0)

    def __iter__(self) -> Iterator[Any]:
        if self.num == -1:
            yield from EndlessIterator(self.ds, self)
        for _ in range(self.num):
            yield from self.ds


class RepeatedDataPoint(ProxyDataFlow):
    """Yields each datapoint several times in a row: the same object, not copies. `len` is multiplied.

    Args:
        ds: the flow to repeat.
        num: how often each datapoint comes; at least 1.
    """

    def __init__(self, ds: DataFlow, num: int):
        super().__init__(ds)
        self.num = operator.index(num)
        if self.num < 1:
            raise ValueError("RepeatedDataPoint: num must be at least 1; got {}".format(num))

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
        ValueError: `size` is negative; or, during iteration, `ds` is empty.
    """

    _guard = CreatedByReset()

    def __init__(self, ds: DataFlow, size: int, keep_state: bool = True):
        super().__init__(ds)
        self._size = operator.index(size)
        if self._size < 0:
            raise ValueError("FixedSizeData: size must not be negative; got {}".format(size))
        self._keep_state = keep_state

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
