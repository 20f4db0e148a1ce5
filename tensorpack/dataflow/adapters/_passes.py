"""What all adapters do with a flow: take the part of one rank, reset it once, and give passes, one at a time."""
from __future__ import annotations

import os
from typing import Any, Callable, Iterator, Optional

import numpy as np

from ...utils import logger
from ...utils._arguments.flags import true_or_false
from ...utils._arguments.numbers import whole_number
from .._flows.below import deepest_endless
from .._flows.by_itself import OF_ANY_PART, put_over, split
from .._flows.shard import ShardData
from ..base import DataFlow, DataFlowReentrantGuard, known_length, never_ends, require_dataflow


def dealt(df: DataFlow, size: int, rank: int, equal: bool) -> DataFlow:
    """The flow with a ShardData as far down in it as a training allows; `df` itself is not changed."""
    if size == 1:
        return df
    above, below = split(df, OF_ANY_PART)
    return put_over(above, ShardData(below, size, rank, equal=equal))


class Passes:
    """A flow for one rank, and its passes in this process.

    Args:
        who: the adapter, for errors.
        df: the flow.
        size, rank: number of ranks, and which of them this is.
        equal: whether all ranks get equally many datapoints.

    Raises:
        TypeError: `df` is no DataFlow.
        ValueError: `rank` is not less than `size`; or see ShardData.
    """

    def __init__(self, who: str, df: DataFlow, size: int, rank: int, equal: bool):
        self.who = who
        size = whole_number(who, "size", size, minimum=1)
        rank = whole_number(who, "rank", rank, minimum=0)
        if rank >= size:
            raise ValueError("{}: rank must be less than size; got {} and {}".format(who, rank, size))
        self.rank = rank
        true_or_false(who, "equal", equal)
        self.flow = dealt(require_dataflow(who, "df", df), size, rank, equal)
        self._hint = known_length(self.flow) if never_ends(self.flow) else None  # of a pass that has no end
        self._pid: Optional[int] = None  # of the process in which the flow was reset

    def __getstate__(self) -> Any:
        return dict({name: value for name, value in vars(self).items() if name != "_guard"}, _pid=None)

    def __iter__(self) -> Iterator[Any]:
        if self._pid != os.getpid():
            self._guard = DataFlowReentrantGuard(owner=self.who)
            self.flow.reset_state()
            self._pid = os.getpid()
        with self._guard:
            yield from self.flow if self._hint is None else self._beyond(self._hint)

    def _beyond(self, length: int) -> Iterator[Any]:
        """A pass of an endless flow, with a word when it has had as many datapoints as its length lets one expect."""
        for number, dp in enumerate(self.flow):
            if number == length:
                self._hint = None
                logger.warning("[%s] an iteration has had the %d datapoints of its length and goes on, since %s never ends: "
                               "who waits for the end of an epoch waits for ever. Give FixedSizeData(df, len(df)), or count "
                               "the steps, as by steps_per_epoch.", self.who, length, deepest_endless(self.flow))
            yield dp

    def __len__(self) -> int:
        try:
            return len(self.flow)
        except NotImplementedError as e:  # list() and others only take a TypeError for "unknown"
            raise TypeError("{}: {}".format(self.who, e)) from e


def convert(value: Any, of_array: Callable[[np.ndarray], Any]) -> Any:
    """A datapoint with `of_array` of its arrays and NumPy scalars; text, bytes, objects and Python numbers stay."""
    if isinstance(value, np.ndarray):
        return of_array(value) if value.dtype.kind in "biufc" else value
    if isinstance(value, (np.number, np.bool_)):
        return of_array(np.asarray(value))
    if isinstance(value, dict):
        return {key: convert(each, of_array) for key, each in value.items()}
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value)(*(convert(each, of_array) for each in value))
    if isinstance(value, (list, tuple)):
        return type(value)([convert(each, of_array) for each in value])
    return value
