"""`Shard`: every n-th datapoint, for one of several workers that train."""
from __future__ import annotations

from typing import Any, Iterator

from ...dataflow.base import DataFlow, ProxyDataFlow

__all__ = ["Shard"]


class Shard(ProxyDataFlow):
    """The datapoints of index `rank`, `rank + size`, ... of another flow, equally many for each worker.

    Keeps their order, and drops what is left over at the end; infinite if that flow is.

    Args:
        ds: a flow that gives the same datapoints in the same order on every worker.
        size, rank: number of workers, and which of them this is.
    """

    def __init__(self, ds: DataFlow, size: int, rank: int):
        super().__init__(ds)
        self._size, self._rank = size, rank

    def __len__(self) -> int:
        return len(self.ds) // self._size

    def __iter__(self) -> Iterator[Any]:
        mine: Any = None
        for index, datapoint in enumerate(self.ds):
            position = index % self._size
            if position == self._rank:
                mine = datapoint
            if position == self._size - 1:
                yield mine
                mine = None
