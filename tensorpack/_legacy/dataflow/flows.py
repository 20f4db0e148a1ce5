"""DataFlows that are gone, made of those of today."""
from __future__ import annotations

from typing import Any, Sequence, Union

from ...dataflow.base import DataFlow
from ...dataflow.common import MapData
from ...dataflow.format import LMDBData
from ...dataflow.parallel import MultiProcessRunner, MultiProcessRunnerZMQ
from ...dataflow.remote import RemoteDataZMQ
from ...dataflow.serialize import TFRecordSerializer
from ...utils.serialize import loads
from .._spelling import warn_once

TFRecordData = TFRecordSerializer.load


class BlockParallel(MultiProcessRunner):
    """A process that prefetches `queue_size` datapoints."""

    def __init__(self, ds: DataFlow, queue_size: int):
        super().__init__(ds, queue_size, 1)


class PrefetchOnGPUs(MultiProcessRunnerZMQ):
    """A process for each of the GPUs; all of them see the GPUs that this process sees."""

    def __init__(self, ds: DataFlow, gpus: Sequence[int]):
        self.gpus = list(gpus)
        super().__init__(ds, len(self.gpus))


class RemoteData(RemoteDataZMQ):
    """What others send to the address."""

    def __init__(self, addr: str):
        super().__init__(addr)


class DataFromSocket(RemoteDataZMQ):
    """What others send to the address."""

    def __init__(self, socket_name: str):
        super().__init__(socket_name)


class LMDBDataPoint(MapData):
    """The datapoints of a database of `LMDBSerializer`.

    Args:
        lmdb: the path, or a flow of its entries.
        shuffle, keys: see LMDBData, for a path.
        allow_pickle: as for `LMDBSerializer.load`.
    """

    def __init__(self, lmdb: Union[str, DataFlow], shuffle: bool = True, keys: Any = None, *, allow_pickle: bool = False):
        ds = lmdb if isinstance(lmdb, DataFlow) else LMDBData(lmdb, shuffle, keys)
        super().__init__(ds, _any_entry if allow_pickle else _entry)


def _any_entry(dp: Sequence[bytes]) -> Any:
    return _entry(dp, allow_pickle=True)


def _entry(dp: Sequence[bytes], allow_pickle: bool = False) -> Any:
    value = loads(dp[1], allow_pickle=allow_pickle)
    if not dp[1].startswith(b"\x80") and _has_text(value):
        warn_once("LMDBDataPoint, of strings that releases before 0.8.1 gave as bytes,", "they are str; encode() gives bytes")
    return value


def _has_text(value: Any) -> bool:
    return isinstance(value, (list, tuple)) and any(isinstance(component, str) for component in value)
