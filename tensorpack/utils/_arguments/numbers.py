"""Counts and sizes that a user gives: whole floats such as `48 / 4` are taken, what is no whole number is refused by name."""
from __future__ import annotations

import operator
from typing import Any, Dict, Optional

import numpy as np

from .._text.spec import shown

__all__ = ["whole_number"]

_SIGNS: Dict[type, Any] = {str: "+-", bytes: b"+-"}


def whole_number(who: Any, name: str, value: Any, minimum: Optional[int] = None) -> int:
    """`value` as a python int.

    Args:
        who: the object that takes the number, named in errors by its class; or a name, a str.
        name: the argument's name.
        value: an integer, or a float without a fraction; python or numpy, a scalar or a 0-d array.
        minimum: the smallest number allowed.

    Raises:
        TypeError: it is no number; a bool is none.
        ValueError: it has a fraction, is not finite, or is less than `minimum`.
    """
    who = who if isinstance(who, str) else type(who).__name__
    number = _as_int(value)
    if number is None:
        error = ValueError if isinstance(_plain(value), float) else TypeError
        raise error("{}: {} must be a whole number; got {}{}".format(who, name, shown(value), _advice(value)))
    if minimum is not None and number < minimum:
        raise ValueError("{}: {} must be at least {}; got {}".format(who, name, minimum, shown(value)))
    return number


def _as_int(value: Any) -> Optional[int]:
    value = _plain(value)
    if isinstance(value, bool):
        return None
    if isinstance(value, float):
        return int(value) if value.is_integer() else None
    try:
        return operator.index(value)
    except TypeError:
        return None


def _plain(value: Any) -> Any:
    """The python number of a numpy one; other values as they are."""
    is_scalar = isinstance(value, np.generic) or (isinstance(value, np.ndarray) and value.ndim == 0)
    value = value.item() if is_scalar else value
    # the longest floats of numpy stay what they are
    return float(value) if isinstance(value, np.floating) else value


def _advice(value: Any) -> str:
    if isinstance(value, (str, bytes)):
        return "; convert it by int()" if value.strip().lstrip(_SIGNS[type(value)]).isdigit() else ""
    return "; choose how to round it: //, round() or math.ceil()" if isinstance(_plain(value), float) else ""
