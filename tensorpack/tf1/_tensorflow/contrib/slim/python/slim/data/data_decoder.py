"""What turns a record into items: the interface `slim.data_decoder.DataDecoder`."""
from __future__ import annotations

import abc
from typing import Any, List, Sequence

__all__ = ["DataDecoder"]


class DataDecoder(abc.ABC):
    """Decodes records, each of which holds several named items."""

    @abc.abstractmethod
    def decode(self, data: Any, items: Sequence[str]) -> List[Any]:
        """The tensors of these items of one record (usually a string)."""

    @abc.abstractmethod
    def list_items(self) -> Sequence[str]:
        """The names of all items."""
