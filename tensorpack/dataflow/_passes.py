"""Whole passes, for who counts on them: strict parallel maps otherwise go on with a pass that was abandoned."""
from __future__ import annotations

from typing import Any, Iterator, List, Set

from ._parallel.map_logic import ParallelMapData
from .base import DataFlow

# Longer lists are taken for data.
_MAX_ELEMENTS = 100


def whole_pass(ds: DataFlow) -> Iterator[Any]:
    """`iter(ds)`, whose first pass is a whole one, also if the last one was abandoned."""
    for flow in flows_in(ds):
        if isinstance(flow, ParallelMapData):
            flow.forget_pass()
    return iter(ds)


def flows_in(ds: DataFlow) -> Iterator[DataFlow]:
    """The flow, and those that it is made of: attributes of flows, or in lists or tuples there, or in pairs in these."""
    waiting: List[DataFlow] = [ds]
    seen: Set[int] = set()
    while waiting:
        flow = waiting.pop()
        if id(flow) in seen:
            continue
        seen.add(id(flow))
        yield flow
        for value in list(vars(flow).values()):
            waiting.extend(_flows_among(value, 2))


def _flows_among(value: Any, depth: int) -> Iterator[DataFlow]:
    if issubclass(type(value), DataFlow):  # isinstance would ask a weak proxy for its object, which may be gone
        yield value
    elif type(value) in (list, tuple) and depth and len(value) <= _MAX_ELEMENTS:
        for each in value:
            yield from _flows_among(each, depth - 1)
