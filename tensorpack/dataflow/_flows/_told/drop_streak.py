"""Datapoints that a function drops one after the other, where no end of a pass tells that nothing is left."""
from __future__ import annotations

from typing import Dict, Union

from ....utils import logger
from ...base import DataFlow, known_length, never_ends
from ..below import flows_below
from ..endless import EndlessIterator, name_of

_STEP = 1000  # dropped datapoints between two looks at the flows below
_FIRST_WARNING = 10000


class DropStreak:
    """Counts the datapoints that were dropped since the last one that was not.

    Args:
        owner: who drops them, for messages.
        ds: the flow that they come from.
        how: what is done to them, such as "its function returns None for".

    Attributes:
        count: how many there are.
    """

    def __init__(self, owner: Union[DataFlow, str], ds: DataFlow, how: str):
        self.count = 0
        self._owner = name_of(owner)
        self._ds = ds
        self._how = how
        self._first_look: Dict[int, int] = {}
        self._next_warning = _FIRST_WARNING

    def end(self) -> None:
        """One was not dropped."""
        self.count = 0
        self._first_look = {}
        self._next_warning = _FIRST_WARNING

    def add(self, count: int = 1) -> None:
        """So many more were dropped; raises ValueError if they are all that a flow below repeats without end."""
        before, self.count = self.count // _STEP, self.count + count
        if self.count // _STEP > before:
            self._look(is_first=before == 0)

    def _look(self, is_first: bool) -> None:
        is_endless = never_ends(self._ds)
        if self.count >= self._next_warning and (is_endless or known_length(self._ds) is None):
            self._next_warning *= 10
            logger.warning("[%s] %s the last %d datapoints.", self._owner, self._how, self.count)
        if not is_endless:
            return
        for flow in flows_below(self._ds):
            now = _num_passes(flow)
            then = self._first_look.get(id(flow), now)
            if now >= then + 2:  # a whole pass lies between
                raise ValueError("{}: at least one datapoint of a pass must not be dropped; {} the last {} datapoints, more "
                                 "than {} has in a pass".format(self._owner, self._how, self.count, name_of(flow)))
            if is_first:
                self._first_look[id(flow)] = now


def _num_passes(flow: DataFlow) -> int:
    """How many passes of what a flow repeats have begun, if it does."""
    return max((value.num_passes for value in vars(flow).values() if isinstance(value, EndlessIterator)), default=0)
