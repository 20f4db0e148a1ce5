"""Data pipelines from plain Python iterators; needs neither TensorFlow nor the rest of the library."""
from __future__ import annotations

from .._exports import tell_near_names
from . import dataset, imgaug
from .base import DataFlow, DataFlowTerminated, ProxyDataFlow, RNGDataFlow
from .common import (
    BatchData,
    BatchDataByShape,
    CacheData,
    ConcatData,
    FixedSizeData,
    JoinData,
    LocallyShuffleData,
    MapData,
    MapDataComponent,
    PrintData,
    RandomChooseData,
    RandomMixData,
    RepeatedData,
    RepeatedDataPoint,
    SelectComponent,
    TestDataSpeed,
    check_dataflow,
)
from .format import CaffeLMDB, HDF5Data, LMDBData, LMDBDataDecoder, SVMLightData
from .image import (
    AugmentImageComponent,
    AugmentImageComponents,
    AugmentImageCoordinates,
    DecodeAndAugment,
    ImageFromFile,
    decode_image,
)
from .parallel import (
    MultiProcessPrefetchData,
    MultiProcessRunner,
    MultiProcessRunnerZMQ,
    MultiThreadPrefetchData,
    MultiThreadRunner,
    PrefetchData,
    PrefetchDataZMQ,
)
from .parallel_map import (
    MultiProcessMapAndBatchData,
    MultiProcessMapAndBatchDataZMQ,
    MultiProcessMapData,
    MultiProcessMapDataZMQ,
    MultiThreadMapData,
)
from .raw import DataFromGenerator, DataFromIterable, DataFromList, DataFromQueue, FakeData
from .remote import RemoteDataZMQ, send_dataflow_zmq
from .resumable import ResumableData
from .serialize import HDF5Serializer, LMDBSerializer, NumpySerializer, TFRecordSerializer

__all__ = [
    "AugmentImageComponent",
    "AugmentImageComponents",
    "AugmentImageCoordinates",
    "BatchData",
    "BatchDataByShape",
    "CacheData",
    "CaffeLMDB",
    "ConcatData",
    "DataFlow",
    "DataFlowTerminated",
    "DataFromGenerator",
    "DataFromIterable",
    "DataFromList",
    "DataFromQueue",
    "DecodeAndAugment",
    "FakeData",
    "FixedSizeData",
    "HDF5Data",
    "HDF5Serializer",
    "ImageFromFile",
    "JoinData",
    "LMDBData",
    "LMDBDataDecoder",
    "LMDBSerializer",
    "LocallyShuffleData",
    "MapData",
    "MapDataComponent",
    "MultiProcessMapAndBatchData",
    "MultiProcessMapAndBatchDataZMQ",
    "MultiProcessMapData",
    "MultiProcessMapDataZMQ",
    "MultiProcessPrefetchData",
    "MultiProcessRunner",
    "MultiProcessRunnerZMQ",
    "MultiThreadMapData",
    "MultiThreadPrefetchData",
    "MultiThreadRunner",
    "NumpySerializer",
    "PrefetchData",
    "PrefetchDataZMQ",
    "PrintData",
    "ProxyDataFlow",
    "RNGDataFlow",
    "RandomChooseData",
    "RandomMixData",
    "RemoteDataZMQ",
    "RepeatedData",
    "RepeatedDataPoint",
    "ResumableData",
    "SVMLightData",
    "SelectComponent",
    "TFRecordSerializer",
    "TestDataSpeed",
    "check_dataflow",
    "dataset",
    "decode_image",
    "imgaug",
    "send_dataflow_zmq",
]

tell_near_names(__name__)
