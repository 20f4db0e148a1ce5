"""Objects and their numbers."""
from __future__ import annotations

from typing import Any, Dict, List, Sequence

__all__ = ["LookUpTable"]


class LookUpTable:
    """Numbers 0, 1, ... for the objects of a list, in both directions; objects must be hashable."""

    def __init__(self, objlist: Sequence[Any]):
        self.idx2obj: List[Any] = list(objlist)
        self.obj2idx: Dict[Any, int] = {obj: index for index, obj in enumerate(self.idx2obj)}

    def size(self) -> int:
        """How many objects there are."""
        return len(self.idx2obj)

    def get_obj(self, idx: int) -> Any:
        """The object with this number."""
        return self.idx2obj[idx]

    def get_idx(self, obj: Any) -> int:
        """The number of this object."""
        return self.obj2idx[obj]

    def __str__(self) -> str:
        return str(self.idx2obj)
