"""Checks of the numbers that callbacks are given; counts are checked by `utils._numbers`."""
from __future__ import annotations

import math
import numbers
from typing import Any, Optional

from ..utils._text.spec import shown

__all__ = ["check_number"]


def check_number(who: str, name: str, value: Any, minimum: Optional[float] = None, above: Optional[float] = None) -> Any:
    """`value`, which must be a real number.

    Args:
        who: the class that takes it, for errors.
        name: the argument's name.
        minimum: the smallest number allowed.
        above: all allowed numbers are larger than this one.

    Raises:
        TypeError: it is no number; a bool is none.
        ValueError: it is NaN or too small.
    """
    if not isinstance(value, numbers.Real) or isinstance(value, bool):
        raise TypeError("{}: {} must be a number; got {}".format(who, name, shown(value)))
    if math.isnan(value):
        raise ValueError("{}: {} must be a number; got {}".format(who, name, shown(value)))
    if minimum is not None and value < minimum:
        raise ValueError("{}: {} must be at least {}; got {}".format(who, name, minimum, shown(value)))
    if above is not None and value <= above:
        raise ValueError("{}: {} must be above {}; got {}".format(who, name, above, shown(value)))
    return value
