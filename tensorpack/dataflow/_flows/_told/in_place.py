"""A function that changes the arrays which it is given changes them where they are kept: the next pass has what came of it."""
from __future__ import annotations

from typing import Any, Callable, Iterator, List, Tuple

import numpy as np

from ....utils.argtools import log_once
from ...base import DataFlow
from ..below import sources_of

_KEEPERS = ("CacheData", "DataFromIterable", "DataFromList")  # they give the same objects in each pass
# Those that hand on what they are given.
_HANDS_ON = ("ConcatData", "FixedSizeData", "LocallyShuffleData", "PrintData", "RandomMixData", "RepeatedData",
             "RepeatedDataPoint", "ShardData", "TestDataSpeed")
_LARGE = 1 << 26  # bytes; what is larger is not copied to be compared

Kept = List[Tuple[np.ndarray, np.ndarray]]  # arrays, and what they were


class InPlaceWatch:
    """Looks at what a function does to a datapoint, if the source of that keeps it.

    Args:
        who: the class of the flow with the function, for the warning.
        ds: what it reads.
    """

    def __init__(self, who: str, ds: DataFlow):
        self._who = who
        self._keeper = next(_keepers(ds), None)

    def before(self, dp: Any) -> Kept:
        """What a function of `dp` may not change; for `after`."""
        return [] if self._keeper is None else [(each, each.copy()) for each in _arrays_in(dp)]

    def after(self, kept: Kept) -> None:
        """Warn if the function has changed it."""
        if any(each.tobytes() != before.tobytes() for each, before in kept):
            log_once("{}: its function changes the array that it is given, and {} keeps that array: the next pass begins with "
                     "what came of it in this one; give back a new array, as x = x / 255 does and x /= 255 does not.".format(
                         self._who, self._keeper), "warning")

    def call(self, function: Callable[[Any], Any], dp: Any) -> Any:
        """What the function gives for `dp`, looked at."""
        kept = self.before(dp)
        result = function(dp)
        self.after(kept)
        return result


def _arrays_in(dp: Any) -> List[np.ndarray]:
    values = dp.values() if isinstance(dp, dict) else dp if isinstance(dp, (list, tuple)) else ()
    return [each for each in values if type(each) is np.ndarray and not each.dtype.hasobject and each.nbytes <= _LARGE]


def _keepers(ds: DataFlow) -> Iterator[str]:
    """Classes of the flows that keep the objects which `ds` yields, as far as their kinds tell."""
    name = type(ds).__name__
    if name in _KEEPERS and not getattr(ds, "packed", False):
        yield name
    elif name in _HANDS_ON:
        for source in sources_of(ds):
            yield from _keepers(source)
