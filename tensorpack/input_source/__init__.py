"""Input sources: where the input tensors of a tower come from, and what keeps them filled during training."""
from __future__ import annotations

from .._exports import tell_near_names
from .input_source import (
    BatchQueueInput,
    DummyConstantInput,
    FeedfreeInput,
    FeedInput,
    PlaceholderInput,
    QueueInput,
    StagingInput,
    TensorInput,
    TFDatasetInput,
    ZMQInput,
)
from .input_source_base import InputSource, remap_input_source

__all__ = [
    "BatchQueueInput",
    "DummyConstantInput",
    "FeedInput",
    "FeedfreeInput",
    "InputSource",
    "PlaceholderInput",
    "QueueInput",
    "StagingInput",
    "TFDatasetInput",
    "TensorInput",
    "ZMQInput",
    "remap_input_source",
]

tell_near_names(__name__)
