"""Sizes of images that a user gives: one number for both sides, or (height, width)."""
from __future__ import annotations

from typing import Any, Tuple

from .._text.spec import shown
from .numbers import whole_number

__all__ = ["height_width"]


def height_width(who: Any, name: str, value: Any) -> Tuple[int, int]:
    """(h, w) of a pair, or of one number for both; each a whole number, at least 1.

    Args:
        who, name: see `whole_number`.

    Raises:
        TypeError, ValueError: as `whole_number`; ValueError for a list or tuple that is no pair.
    """
    if not isinstance(value, (tuple, list)):
        value = (value, value)
    if len(value) != 2:
        raise ValueError("{}: {} must be one number or (height, width); got {}".format(
            who if isinstance(who, str) else type(who).__name__, name, shown(value)))
    return whole_number(who, name, value[0], minimum=1), whole_number(who, name, value[1], minimum=1)
