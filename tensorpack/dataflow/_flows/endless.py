"""Iterating a flow without end, and what it means when a pass gives nothing.

Either there was nothing to read, or all was dropped: then no other pass will do better, and it is an error. Or a flow below
keeps what it got for later passes. Flows that may swallow a whole pass leave a note about it.
"""
from __future__ import annotations

from typing import Any, Iterable, Iterator, List, NamedTuple, Optional, Union

from ...utils import logger
from ..base import DataFlow, known_length
from .below import flows_below, wraps_unknown

# How long a flow may yield nothing whose class is not of this library, since it may keep what it got: for so many datapoints,
# as far as its length tells, but for so many passes.
_MAX_UNKNOWN_DATAPOINTS = 100000
_MIN_UNKNOWN_PASSES, _MAX_UNKNOWN_PASSES = 3, 1000


class Swallowed(NamedTuple):
    """What a flow notes in its attribute `_swallowed`: in its last pass it took datapoints and gave none.

    Args:
        text: what it did with how many of them, in words that follow its name.
        is_kept: whether they may come out in a later pass.
    """

    text: str
    is_kept: bool = False


class EndlessIterator:
    """Iterates a flow again and again; raises ValueError when there was nothing to read in a pass, or all was dropped.

    It survives an error of the flow: the next call starts a new pass. So does a copy.

    Attributes:
        num_passes: how many passes have begun.
    """

    def __init__(self, ds: DataFlow, owner: Union[DataFlow, str]):
        self.num_passes = 0
        self._ds = ds
        self._owner = name_of(owner)
        self._pass: Iterator[Any] = iter(())

    def __reduce__(self) -> Any:
        return EndlessIterator, (self._ds, self._owner)

    def __iter__(self) -> EndlessIterator:
        return self

    def close(self) -> None:
        """End the pass that it is in."""
        self._pass = iter(())

    def __next__(self) -> Any:
        for dp in self._pass:
            return dp
        num_empty = 0
        while True:
            self.num_passes += 1
            self._pass = iter(self._ds)
            for dp in self._pass:
                return dp
            num_empty += 1
            check_empty_pass(self._ds, self._owner, num_empty)


def name_of(owner: Union[DataFlow, str]) -> str:
    """What a flow is called in messages."""
    return owner if isinstance(owner, str) else type(owner).__name__


def check_empty_pass(ds: DataFlow, who: str, number: int) -> None:
    """Return if another pass of `ds` makes sense, after `number` of them, one after the other, have given nothing.

    Raises:
        ValueError: there was nothing to read, or all was dropped.
    """
    flows = list(flows_below(ds))
    notes = [(name_of(flow), vars(flow).pop("_swallowed", None)) for flow in flows]
    notes = sorted(((name, note) for name, note in notes if note is not None), key=lambda pair: not pair[1].is_kept)
    unknown = [name_of(flow) for flow in flows if wraps_unknown(flow)]
    if notes and notes[0][1].is_kept:
        _warn_sometimes(who, ds, number, 10, "{} {}".format(notes[0][0], notes[0][1].text))
    elif notes:
        raise ValueError("{}: a DataFlow to repeat must not be empty; {} {}".format(who, notes[0][0], notes[0][1].text))
    elif unknown and number < _passes_of_unknown(ds):
        _warn_sometimes(who, ds, number, 1, "{} may have kept or dropped what it got".format(unknown[0]))
    else:
        raise ValueError("{}: a DataFlow to repeat must not be empty; {} yielded nothing in a pass{}".format(
            who, name_of(ds), _why_spent(flows)))


def _why_spent(flows: List[DataFlow]) -> str:
    why = words_of_single_pass(flows)
    return " (a generator object, for one, serves a single pass)" if why is None else ": " + why


def words_of_single_pass(flows: Iterable[DataFlow]) -> Optional[str]:
    """Words about a flow that can give its datapoints once only, which is the likely reason of an empty pass."""
    for flow in flows:
        if getattr(flow, "_serves_one_pass", False):
            return ("{} was given a generator object or another iterator, which serves a single pass; write "
                    "DataFromGenerator(f), where calling f makes a new one".format(name_of(flow)))
    return None


def _passes_of_unknown(ds: DataFlow) -> int:
    length = known_length(ds) or 1
    return max(_MIN_UNKNOWN_PASSES, min(_MAX_UNKNOWN_DATAPOINTS // length, _MAX_UNKNOWN_PASSES))


def _warn_sometimes(who: str, ds: DataFlow, number: int, first: int, why: str) -> None:
    """Warn about pass number `first`, and then ever more rarely."""
    due = first
    while due < number:
        due *= 10
    if due == number:
        logger.warning("[%s] %s has yielded nothing for %d passes: %s; the next pass is tried.", who, name_of(ds), number, why)
