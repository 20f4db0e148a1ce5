"""What the datasets that lie in memory have in common."""
from __future__ import annotations

from abc import abstractmethod
from typing import Any, Iterator, List

from ..base import RNGDataFlow, shuffled_indices


class InMemory(RNGDataFlow):
    """Gives its datapoints by number, in a new random order in each pass if `shuffle` is set."""

    _reads_at_random = True
    shuffle: bool

    @abstractmethod
    def _datapoint(self, k: int) -> List[Any]:
        """The one with this number, in arrays of its own."""

    def _in_memory(self) -> Any:
        return self._datapoint(self._own(len(self))[0])

    def __iter__(self) -> Iterator[List[Any]]:
        for k in shuffled_indices(len(self), self.shuffle, self):
            yield self._datapoint(k)
