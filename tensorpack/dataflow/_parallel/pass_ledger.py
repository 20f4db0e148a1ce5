"""Finds out that a function has dropped all datapoints of a pass, although several passes are at work at a time."""
from __future__ import annotations

from typing import Dict, Optional

from .._flows._told.drop_count import DropCount


class _Pass:
    """What has become of the datapoints of a pass so far."""

    def __init__(self) -> None:
        self.num_begun = 0
        self.num_at_work = 0
        self.num_dropped = 0


class PassLedger:
    """Keeps account of the datapoints at work, by the numbers of their passes.

    A pass is over when a datapoint of a later one has begun and all its own have ended. Both methods return, if a pass is over
    by that and all its datapoints were dropped, how many these were; else None. The log tells how many of a pass were
    dropped.

    Args:
        who: whose function drops them.
    """

    def __init__(self, who: str) -> None:
        self._drop_count = DropCount(who, "map_func returned None for")
        self._passes: Dict[int, _Pass] = {}  # those that are not over
        self._latest = 0

    def begin(self, number: int) -> Optional[int]:
        """A datapoint of pass `number` has begun; passes begin in their order."""
        before, self._latest = self._latest, number
        entry = self._passes.setdefault(number, _Pass())
        entry.num_begun += 1
        entry.num_at_work += 1
        return self._close(before)

    def end(self, number: int, has_result: bool) -> Optional[int]:
        """A datapoint of pass `number` has ended."""
        entry = self._passes[number]
        entry.num_at_work -= 1
        entry.num_dropped += not has_result
        return self._close(number)

    def _close(self, number: int) -> Optional[int]:
        entry = self._passes.get(number)
        if number == self._latest or entry is None or entry.num_at_work:
            return None
        del self._passes[number]
        self._drop_count.end_pass(entry.num_dropped, entry.num_begun)
        return entry.num_begun if entry.num_dropped == entry.num_begun else None


def dropped_pass(who: str, count: int) -> ValueError:
    """The error to raise when a function has dropped the `count` datapoints of a pass."""
    return ValueError("{}: at least one datapoint of a pass must not be dropped; map_func returned None for all {} of a "
                      "pass".format(who, count))
