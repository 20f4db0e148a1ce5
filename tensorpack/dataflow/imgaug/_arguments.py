"""Checks of what augmentors are made with: sizes, probabilities, ranges, and augmentors. What cannot be meant is refused."""
from __future__ import annotations

import inspect
import math
import operator
from typing import Any, List, Optional, Tuple

from ...utils._arguments.numbers import whole_number
from ...utils._text.spec import describe, shown

_LIMITS = {"minimum": (operator.ge, "at least"), "above": (operator.gt, "above"),
           "maximum": (operator.le, "at most"), "below": (operator.lt, "below")}


def pair(who: Any, name: str, value: Any) -> Tuple[Any, Any]:
    """`value` as a tuple of two; ValueError if it is something else."""
    if not isinstance(value, (tuple, list)) or len(value) != 2:
        raise ValueError("{}: {} must be a pair; got {}".format(type(who).__name__, name, describe(value)))
    return tuple(value)


def size(who: Any, name: str, value: Any) -> int:
    """A number of pixels, at least one."""
    return whole_number(who, name, value, minimum=1)


def interpolation(who: Any, value: Any, flags: int = 0) -> int:
    """One of OpenCV's numbers for ways of interpolation, 0 to 6, with some of the flags."""
    way = whole_number(who, "interp", value, minimum=0)
    if way & ~flags > 6:
        raise ValueError("{}: interp must be one of OpenCV's interpolations, 0 to 6, such as cv2.INTER_LINEAR; got {}{}".format(
            type(who).__name__, way, "" if flags else "; a height and a width are one argument, (h, w)"))
    return way


def number(who: Any, name: str, value: Any, **limits: float) -> Any:
    """`value`, unless it is no finite number or not within the limits `minimum`, `above`, `maximum`, `below`.

    Then TypeError or ValueError is raised.
    """
    try:
        plain = math.nan if isinstance(value, (str, bytes)) else float(value)
    except (TypeError, ValueError):
        plain = math.nan
    if not math.isfinite(plain):
        error = ValueError if isinstance(value, float) else TypeError
        raise error("{}: {} must be a finite number; got {}".format(type(who).__name__, name, shown(value)))
    for kind, limit in limits.items():
        holds, words = _LIMITS[kind]
        if not holds(plain, limit):
            raise ValueError("{}: {} must be {} {}; got {!r}".format(type(who).__name__, name, words, limit, value))
    return value


def probability(who: Any, name: str, value: Any) -> Any:
    """`value`, a number in [0, 1]."""
    return number(who, name, value, minimum=0, maximum=1)


def interval(who: Any, name: str, value: Any, **limits: float) -> Tuple[Any, Any]:
    """The ends of a range of finite numbers, both within the limits of `number`, in either order: NumPy draws alike."""
    first, second = (number(who, name, end, **limits) for end in pair(who, name, value))
    return first, second


def whole_interval(who: Any, name: str, value: Any, limit: Optional[int] = None) -> Tuple[int, int]:
    """(low, high) for whole numbers that are drawn from low to high - 1: 0 <= low < high <= `limit`."""
    low, high = (whole_number(who, name, end, minimum=0) for end in pair(who, name, value))
    if low >= high or (limit is not None and high > limit):
        raise ValueError("{}: {} must be (low, high) with 0 <= low < high{}; got {}".format(
            type(who).__name__, name, "" if limit is None else " <= {}".format(limit), (low, high)))
    return low, high


def one_augmentor(who: Any, name: str, value: Any) -> Any:
    """`value`, an augmentor or something with the methods of one; TypeError if it is none."""
    if not isinstance(value, type) and hasattr(value, "get_transform") and hasattr(value, "reset_state"):
        return value
    raise TypeError("{}: {} must be an augmentor; got {}".format(_name(who), name, _no_augmentor(value)))


def list_of_augmentors(who: Any, name: str, values: Any) -> List[Any]:
    """`values`, a list or tuple of augmentors, as a list; TypeError if it is none or one of them is none."""
    if not isinstance(values, (list, tuple)):
        raise TypeError("{}: {} must be a list of augmentors; got {}{}".format(
            _name(who), name, shown(values), "; try [it]" if hasattr(values, "get_transform") else ""))
    return [one_augmentor(who, "{}[{}]".format(name, k), value) for k, value in enumerate(values)]


def _no_augmentor(value: Any) -> str:
    """What was given instead of an augmentor, and what to give."""
    if isinstance(value, type) and hasattr(value, "get_transform"):
        own = "imgaug." if value.__module__.startswith(__name__.rpartition(".")[0]) else ""
        return "the class {0}; try {1}{0}(...), an instance of it".format(value.__name__, own)
    if isinstance(value, (list, tuple)):
        return "{}; try imgaug.AugmentorList([...])".format(shown(value))
    if inspect.isroutine(value):
        return "the function {}; try imgaug.MapImage(func), where func is from image to image".format(value.__name__)
    return "{}; derive a class from imgaug.ImageAugmentor whose get_transform(img) returns {}".format(
        shown(value), "it" if hasattr(value, "apply_image") else "a Transform")


def _name(who: Any) -> str:
    return who if isinstance(who, str) else type(who).__name__
