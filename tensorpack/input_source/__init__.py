"""Input sources: where the input tensors of a tower come from, and what keeps them filled during training."""
from __future__ import annotations

from .input_source import FeedfreeInput, FeedInput, PlaceholderInput, QueueInput
from .input_source_base import InputSource, remap_input_source

__all__ = [
    "FeedInput",
    "FeedfreeInput",
    "InputSource",
    "PlaceholderInput",
    "QueueInput",
    "remap_input_source",
]
