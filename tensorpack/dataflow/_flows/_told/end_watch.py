"""A word about passes that may have no end, for those who keep all their datapoints: on a disk, or in memory."""
from __future__ import annotations

from typing import Optional, Tuple

from ....utils import logger
from ...base import DataFlow, known_length, never_ends
from ..below import deepest_endless

_FIRST = 1000  # datapoints of a flow without a known end until the second warning


class EndWatch:
    """Warns when a pass begins that may have no end, and again whenever ten times as many datapoints have come.

    A pass that goes on beyond twice its length is warned about, too.

    Args:
        who: keeps the datapoints, in words.
        df: the flow.
        allows_unknown: whether to take a flow of unknown length for a finite one.
    """

    def __init__(self, who: str, df: DataFlow, allows_unknown: bool = False):
        self._who = who
        self._count = 0
        self._why, self._due = _doubt(df, allows_unknown)
        if self._due == 0:
            self._warn("keeps all that comes")

    def add(self) -> None:
        """One more datapoint has come."""
        self._count += 1
        if self._count == self._due:
            self._warn("has kept {} datapoints".format(self._count))

    def _warn(self, what: str) -> None:
        self._due = max(_FIRST, 10 * (self._due or 0))
        logger.warning("[%s] %s, and goes on until the disk or the memory is full if there is no end: %s; use "
                       "FixedSizeData(df, size).", self._who, what, self._why)


def _doubt(df: DataFlow, allows_unknown: bool) -> Tuple[str, Optional[int]]:
    """Why a flow may have no end, and after how many datapoints to say so first."""
    length = known_length(df)
    if never_ends(df):
        return "{} never ends".format(deepest_endless(df)), 0
    if length is None:
        return "the length of {} is not known".format(type(df).__name__), None if allows_unknown else 0
    return "the length of {} is {}".format(type(df).__name__, length), max(_FIRST, 2 * length + 1)
