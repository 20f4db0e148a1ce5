"""The flows that a flow reads from, as far as its attributes tell."""
from __future__ import annotations

from typing import Any, Dict, Iterator, List

from ..base import DataFlow, is_of_library, never_ends

_MAX_ELEMENTS = 100  # a longer list is taken for data


def flows_below(ds: Any) -> Iterator[DataFlow]:
    """`ds` and all flows that it reads from, in attributes or in lists there, each once and before those below it."""
    seen: Dict[int, DataFlow] = {}
    waiting: List[Any] = [ds]
    while waiting:
        flow = waiting.pop()
        if isinstance(flow, DataFlow) and id(flow) not in seen:
            seen[id(flow)] = flow
            yield flow
            waiting.extend(reversed(sources_of(flow)))


def deepest_endless(ds: Any) -> str:
    """The name of the flow because of which an endless flow never ends."""
    return type([flow for flow in flows_below(ds) if never_ends(flow)][-1]).__name__


def sources_of(flow: DataFlow) -> List[Any]:
    """The flows from which it reads directly."""
    found: List[Any] = []
    for value in list(vars(flow).values()):
        found += value if isinstance(value, (list, tuple)) and len(value) <= _MAX_ELEMENTS else [value]
    return [value for value in found if isinstance(value, DataFlow)]


def wraps_unknown(flow: DataFlow) -> bool:
    """Whether a flow reads from others by code that is not of this library: it may drop, keep or add datapoints."""
    return not is_of_library(flow) and bool(sources_of(flow))
