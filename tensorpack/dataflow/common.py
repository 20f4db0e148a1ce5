"""The flows that change, repeat, group, mix and inspect other flows, under their public path."""
from __future__ import annotations

from ._batch import BatchData, BatchDataByShape
from ._cache import CacheData
from ._check import check_dataflow
from ._combine import ConcatData, JoinData, RandomChooseData, RandomMixData
from ._map import MapData, MapDataComponent, SelectComponent
from ._print import PrintData
from ._repeat import FixedSizeData, RepeatedData, RepeatedDataPoint
from ._shuffle import LocallyShuffleData
from ._speed import TestDataSpeed

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
    "TestDataSpeed",
    "check_dataflow",
]
