"""The input sources, one concept a private sibling module."""
from __future__ import annotations

from ._feed import FeedInput, PlaceholderInput
from ._feedfree import FeedfreeInput
from ._queue import EnqueueThread, QueueInput

__all__ = ["EnqueueThread", "FeedInput", "FeedfreeInput", "PlaceholderInput", "QueueInput"]
