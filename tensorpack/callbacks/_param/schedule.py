"""Schedules of hyper-parameters: which value to set at which point, and which one is in force; numbers only.

Points are epochs or steps. A value at point p is set when p is over; 0 is the time before training.
"""
from __future__ import annotations

import math
import numbers
from typing import Any, Dict, List, Optional, Sequence, Tuple

from ...utils import logger
from ...utils._text.spec import shown

Schedule = List[Tuple[int, float]]


def parse_schedule(who: str, schedule: Sequence[Tuple[int, float]]) -> Schedule:
    """The (point, value) pairs, sorted; there may be none.

    A point with a fraction is truncated. Of several values for a point the first one counts. Both are warned of.

    Raises:
        TypeError, ValueError: they are no such pairs, a point is negative, or points and values seem swapped.
    """
    try:
        pairs = [(point, value) for point, value in schedule]
    except (TypeError, ValueError):
        raise TypeError("{}: schedule must be a list of (epoch or step, value); got {}; try [(30, 0.01), (60, 0.001)]".format(
            who, shown(schedule))) from None
    _refuse_swapped(who, pairs)
    values: Dict[int, float] = {}
    for point, value in pairs:
        point = _whole_point(who, point, value)
        if values.setdefault(point, value) != value:
            logger.warning("%s: the schedule has two values for %d; the first one, %s counts, and %s is left out.", who, point,
                           values[point], value)
    return sorted(values.items())


def _refuse_swapped(who: str, pairs: List[Tuple[Any, Any]]) -> None:
    if pairs and all(_is_number(point) and point > 0 and not _is_whole(point) and _is_whole(value) for point, value in pairs):
        raise ValueError("{}: the pairs of the schedule must be (epoch or step, value), and these seem swapped: each first "
                         "member has a fraction and each second one is whole; got {}; try {}".format(
                             who, shown(pairs), [(int(value), point) for point, value in pairs]))


def _is_whole(x: Any) -> bool:
    return _is_number(x) and x == int(x)


def _whole_point(who: str, point: Any, value: Any) -> int:
    if not _is_number(point) or not _is_number(value):
        raise TypeError("{}: schedule must have numbers; got ({!r}, {!r})".format(who, point, value))
    if point < 0:
        raise ValueError("{}: an epoch or step of the schedule must be at least 0; got {!r}".format(who, point))
    if not _is_whole(point):
        logger.warning("%s: epochs and steps of a schedule are whole numbers; %s is taken for %d.", who, point, int(point))
    return int(point)


def _is_number(x: Any) -> bool:
    return isinstance(x, numbers.Real) and not isinstance(x, bool) and math.isfinite(x)


def value_to_set(schedule: Schedule, previous: int, current: int, linear: bool) -> Optional[float]:
    """What to set at `current`, where the schedule was last asked at `previous`; None for nothing.

    Without interpolation it is the value of the last point after `previous` and not after `current`; with it, the value on
    the line between two points, and nothing beyond the last one.

    >>> [value_to_set([(10, 1), (20, 2), (30, 4)], p - 1, p, True) for p in (9, 10, 11, 15, 25, 30, 31)]
    [None, 1, 1.1, 1.5, 3.0, 4, None]
    >>> [value_to_set([(10, 1), (20, 2)], p - 1, p, False) for p in (9, 10, 15, 20)]
    [None, 1, None, 2]
    """
    if linear and schedule and schedule[0][0] <= current <= schedule[-1][0]:
        return value_in_force(schedule, current, linear)
    passed = [value for point, value in schedule if previous < point <= current]
    return passed[-1] if passed else None


def value_in_force(schedule: Schedule, current: int, linear: bool) -> Optional[float]:
    """The value that the schedule has set last when `current` is over; None before its first point."""
    before = [pair for pair in schedule if pair[0] <= current]
    if not before:
        return None
    point, value = before[-1]
    if not linear or point == current or len(before) == len(schedule):
        return value
    next_point, next_value = schedule[len(before)]
    return value + (next_value - value) * (current - point) / (next_point - point)
