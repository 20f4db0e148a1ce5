"""How far down a flow one of several readers can be given its own datapoints, with the same work done above."""
from __future__ import annotations

import copy
from typing import Any, List, Sequence, Tuple

from .._parallel.map_logic import ParallelMapData
from ..base import DataFlow, ProxyDataFlow, known_length
from .batch import BatchData, BatchDataByShape
from .cache import CacheData
from .map import MapData
from .print import PrintData
from .repeat import RepeatedData, RepeatedDataPoint
from .shuffle import LocallyShuffleData

# By their `__iter__`: a class that is derived from these may do anything in its own.
EACH_BY_ITSELF = tuple(kind.__iter__ for kind in (ProxyDataFlow, MapData, PrintData, BatchData, ParallelMapData))
# These give other datapoints than the readers' ones put together, but as good ones for a training.
OF_ANY_PART = EACH_BY_ITSELF + tuple(
    kind.__iter__ for kind in (BatchDataByShape, CacheData, LocallyShuffleData, RepeatedData, RepeatedDataPoint))


def split(flow: DataFlow, iterations: Sequence[Any]) -> Tuple[List[ProxyDataFlow], DataFlow]:
    """The flows at the top whose passes are made by one of `iterations`, from the top, and the flow below them."""
    above: List[ProxyDataFlow] = []
    while isinstance(flow, ProxyDataFlow) and type(flow).__iter__ in iterations and not _mixes_passes(flow):
        above.append(flow)
        flow = flow.ds
    return above, flow


def _mixes_passes(flow: ProxyDataFlow) -> bool:
    return isinstance(flow, ParallelMapData) and not flow._strict


def put_over(above: Sequence[ProxyDataFlow], flow: DataFlow) -> DataFlow:
    """Copies of the flows that `split` has taken off, over another flow."""
    for each in reversed(above):
        changed = copy.copy(each)
        changed.ds = flow
        length = known_length(flow)
        if isinstance(changed, ParallelMapData) and length:
            changed._buffer_size = min(changed._buffer_size, length)  # else it warns of what the user has not done
        flow = changed
    return flow
