"""Which flows give their datapoints in another order, or other ones, on each worker: those cannot be shared out by counting."""
from __future__ import annotations

from typing import Any, List, Optional, Tuple

from ._flows.combine import RandomChooseData, RandomMixData
from ._flows.shuffle import LocallyShuffleData
from ._parallel.map_and_batch import MultiProcessMapAndBatchDataZMQ
from ._parallel.map_logic import ParallelMapData
from ._parallel.process_runner import MultiProcessRunner, MultiProcessRunnerZMQ
from ._parallel.thread_runner import MultiThreadRunner
from ._passes import flows_in
from .base import DataFlow, RNGDataFlow, shuffles

__all__ = ["check_same_everywhere", "flows_drawing_at_will"]

_BELOW = "give it what is read below that flow, and let that flow work on the part"


def check_same_everywhere(who: str, flow: DataFlow) -> None:
    """Raise ValueError if it is known that the flow is not the same on every worker."""
    for each in flows_in(flow):
        reason = _reason(each)
        if reason is not None:
            raise ValueError("{}: the flow must give the same datapoints in the same order on every worker; got {!r}, which "
                             "{}; {}".format(who, each, *reason))


def flows_drawing_at_will(flow: DataFlow) -> List[DataFlow]:
    """Those of a user's own class that have random numbers, of which nobody knows what they are for."""
    return [each for each in flows_in(flow) if isinstance(each, RNGDataFlow) and getattr(each, "shuffle", None) is not False
            and type(each).__module__.partition(".")[0] != "tensorpack"]


def _reason(flow: DataFlow) -> Optional[Tuple[str, str]]:
    """Why this flow itself is not the same everywhere, and what to do."""
    if isinstance(flow, ParallelMapData) and not flow._strict or isinstance(flow, MultiProcessMapAndBatchDataZMQ):
        return "never ends, and mixes its passes", "use MultiProcessMapData(..., strict=True)"
    if isinstance(flow, ParallelMapData) and _num_workers(flow) > 1:
        return "gives first what is done first", _BELOW
    if isinstance(flow, (MultiProcessRunner, MultiProcessRunnerZMQ, MultiThreadRunner)) and _num_workers(flow) > 1:
        return "runs the whole flow in each of its workers", "use one worker, or MultiProcessMapData(..., strict=True)"
    if isinstance(flow, (LocallyShuffleData, RandomChooseData, RandomMixData)):
        return "draws their order at random", "shuffle afterwards"
    if shuffles(flow):
        return "shuffles them", "make it with shuffle=False"
    return None


def _num_workers(flow: Any) -> int:
    return flow.num_thread if hasattr(flow, "num_thread") else flow.num_proc
