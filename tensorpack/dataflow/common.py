"""The flows that change, repeat, group, mix and inspect other flows, under their public path."""
from __future__ import annotations

from ._check import check_dataflow
from ._flows.batch import BatchData, BatchDataByShape
from ._flows.cache import CacheData
from ._flows.combine import ConcatData, JoinData, RandomChooseData, RandomMixData
from ._flows.map import MapData, MapDataComponent, SelectComponent
from ._flows.print import PrintData
from ._flows.repeat import FixedSizeData, RepeatedData, RepeatedDataPoint
from ._flows.shard import ShardData
from ._flows.shuffle import LocallyShuffleData
from ._flows.speed import TestDataSpeed
from ._look.look import look

__all__ = [
    "BatchData",
    "BatchDataByShape",
    "CacheData",
    "ConcatData",
    "FixedSizeData",
    "JoinData",
    "LocallyShuffleData",
    "MapData",
    "MapDataComponent",
    "PrintData",
    "RandomChooseData",
    "RandomMixData",
    "RepeatedData",
    "RepeatedDataPoint",
    "SelectComponent",
    "ShardData",
    "TestDataSpeed",
    "check_dataflow",
    "look",
]
