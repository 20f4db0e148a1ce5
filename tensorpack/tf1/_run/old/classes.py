"""Methods of classes that Python 3 asks by other names, or not at all."""
from __future__ import annotations

import sys
from typing import Any, Callable, Tuple

from .names import METHODS

_SIGNS = {
    "__eq__": lambda sign: sign == 0, "__ne__": lambda sign: sign != 0, "__lt__": lambda sign: sign < 0,
    "__le__": lambda sign: sign <= 0, "__gt__": lambda sign: sign > 0, "__ge__": lambda sign: sign >= 0,
}


def with_old_methods(kind: Any) -> Any:
    """A class whose own methods of Python 2 are found by the names of today; those that it has itself stay."""
    own = dict(vars(kind))
    for old in METHODS:
        if old not in own:
            continue
        if old == "__cmp__":
            for name in METHODS[old]:
                if name not in own:
                    setattr(kind, name, _compared(own[old], name))
        elif old.endswith("slice__"):
            name = METHODS[old][0]
            setattr(kind, name, _sliced(own[old], getattr(kind, name, None)))
        elif METHODS[old][0] not in own:
            setattr(kind, METHODS[old][0], own[old])
    return kind


def _compared(compare: Callable[[Any, Any], int], name: str) -> Callable[[Any, Any], bool]:
    return lambda self, other: _SIGNS[name](compare(self, other))


def _sliced(of_slice: Callable[..., Any], otherwise: Any) -> Callable[..., Any]:
    def at(self: Any, place: Any, *value: Any) -> Any:
        if isinstance(place, slice) and place.step is None:
            return of_slice(self, *_ends(self, place), *value)
        if otherwise is None:
            raise TypeError("{!r} object takes slices only".format(type(self).__name__))
        return otherwise(self, place, *value)

    return at


def _ends(value: Any, place: slice) -> Tuple[int, int]:
    """Start and end as Python 2 gave them: without them 0 and the largest integer; negative ones count from the end."""
    ends = [0 if place.start is None else place.start, sys.maxsize if place.stop is None else place.stop]
    if min(ends) < 0:
        ends = [end + len(value) if end < 0 else end for end in ends]
    return ends[0], ends[1]
