"""Named tensors of a sample: `slim.data_provider.DataProvider`."""
from __future__ import annotations

from typing import Any, Collection, Dict, List, Sequence

__all__ = ["DataProvider"]


class DataProvider:
    """Gives tensors by the names of items.

    Args:
        items_to_tensors: {name: tensor}.
        num_samples: how many samples there are; for callers.
    """

    def __init__(self, items_to_tensors: Dict[str, Any], num_samples: int):
        self._items_to_tensors = items_to_tensors
        self._num_samples = num_samples

    def get(self, items: Sequence[str]) -> List[Any]:
        """The tensors of these items.

        Raises:
            ValueError: not a list or tuple, or there is no such item.
        """
        if not isinstance(items, (list, tuple)):
            raise ValueError("DataProvider.get: items must be a list or tuple; got {!r}".format(items))
        unknown = [item for item in items if item not in self._items_to_tensors]
        if unknown:
            raise ValueError("DataProvider.get: there is no item {}; there are {}".format(unknown, list(self.list_items())))
        return [self._items_to_tensors[item] for item in items]

    def list_items(self) -> Collection[str]:
        """The names of all items."""
        return self._items_to_tensors.keys()

    def num_samples(self) -> int:
        """How many samples there are."""
        return self._num_samples
