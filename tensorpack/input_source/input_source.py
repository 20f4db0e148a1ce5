"""The input sources, one concept a private sibling module."""
from __future__ import annotations

from ._batch_queue import BatchQueueInput
from ._dataset import TFDatasetInput
from ._feed import FeedInput, PlaceholderInput
from ._feedfree import FeedfreeInput
from ._queue import EnqueueThread, QueueInput
from ._staging import StagingInput
from ._tensors import DummyConstantInput, TensorInput
from ._zmq import ZMQInput

__all__ = [
    "BatchQueueInput",
    "DummyConstantInput",
    "EnqueueThread",
    "FeedInput",
    "FeedfreeInput",
    "PlaceholderInput",
    "QueueInput",
    "StagingInput",
    "TFDatasetInput",
    "TensorInput",
    "ZMQInput",
]
