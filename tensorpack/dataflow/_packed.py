"""A list that forked processes share for good: its elements lie pickled in one array, where nobody counts references."""
from __future__ import annotations

import pickle
from typing import Any, Iterable, Sequence

import numpy as np


class PackedList(Sequence[Any]):
    """An immutable list; each access gives a new copy of the element.

    Args:
        elements: anything picklable.
    """

    def __init__(self, elements: Iterable[Any]):
        data, ends = bytearray(), []
        for element in elements:
            data += pickle.dumps(element, pickle.HIGHEST_PROTOCOL)
            ends.append(len(data))
        self._data = np.frombuffer(data, dtype="uint8")
        self._ends = np.array([0] + ends, dtype="int64")

    def __len__(self) -> int:
        return len(self._ends) - 1

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return [self[k] for k in range(*index.indices(len(self)))]
        k = range(len(self))[index]
        return pickle.loads(self._data[self._ends[k]:self._ends[k + 1]].data)
