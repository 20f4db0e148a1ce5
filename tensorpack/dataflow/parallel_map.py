"""Maps whose function runs in threads or worker processes."""
from __future__ import annotations

from ._parallel.map_and_batch import MultiProcessMapAndBatchDataZMQ
from ._parallel.process_map import MultiProcessMapDataComponentSharedArray, MultiProcessMapDataZMQ
from ._parallel.thread_map import MultiThreadMapData

__all__ = [
    "MultiProcessMapAndBatchData",
    "MultiProcessMapAndBatchDataZMQ",
    "MultiProcessMapData",
    "MultiProcessMapDataComponentSharedArray",
    "MultiProcessMapDataZMQ",
    "MultiThreadMapData",
]

# kept for scripts written before there were several transports
MultiProcessMapData = MultiProcessMapDataZMQ
MultiProcessMapAndBatchData = MultiProcessMapAndBatchDataZMQ
