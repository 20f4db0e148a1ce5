"""`Shard`: every n-th datapoint, for one of several workers."""
from __future__ import annotations

from typing import Any, Iterator

from ...dataflow.base import DataFlow, ProxyDataFlow

__all__ = ["Shard"]


class Shard(ProxyDataFlow):
    """The datapoints of index `rank`, `rank + size`, ... of another flow. Keeps their order; infinite if that flow is.

    Args:
        ds: a flow that gives the same datapoints in the same order on every worker.
        size, rank: number of workers, and which of them this is.
        equal: drop what is left over at the end, so that all workers have equally many.
    """

    def __init__(self, ds: DataFlow, size: int, rank: int, equal: bool = True):
        super().__init__(ds)
        self._size, self._rank, self._equal = size, rank, equal

    def __len__(self) -> int:
        total = len(self.ds)
        return total // self._size if self._equal else (total - self._rank + self._size - 1) // self._size

    def __iter__(self) -> Iterator[Any]:
        mine: Any = None
        for index, datapoint in enumerate(self.ds):
            position = index % self._size
            if position == self._rank:
                mine = datapoint
            if position == (self._size - 1 if self._equal else self._rank):
                yield mine
                mine = None
