"""Short data specifications for error messages: what a value is, without its bulk."""
from __future__ import annotations

from typing import Any, Iterable

import numpy as np

_MAX_ITEMS = 8  # components shown of one container
_MAX_TEXT = 40  # characters shown of a string or a number
_MAX_DEPTH = 3
_MAX_NONE = 1000  # elements that are looked at for None
_NONE = ("; None is no data: did cv2.imread find the file? Where it cannot read one, it returns None without an error, as a "
         "function does without `return`")
_MAX_REPR = 200  # characters shown of any other value


def describe(value: Any) -> str:
    """One line on type, dtype and shape of `value`.

    >>> describe(np.zeros((32, 28), "float32"))
    'float32 (32, 28)'
    >>> describe([7, "abc", None])
    "list of 3: [int 7, str 'abc', None]"
    """
    return _describe(value, _MAX_DEPTH)


def shown(value: Any) -> str:
    """What was given where something else is needed: its repr, as long as that is short; of a class, how to make an instance.

    >>> shown(7), shown([1, "a"]), shown([1] * 100), shown(np.zeros((32, 28), "float32"))
    ('7', "[1, 'a']", 'list of 100: [int 1, int 1, int 1, int 1, int 1, int 1, int 1, int 1, ...]', 'float32 (32, 28)')
    >>> shown(dict)
    'the class dict; write dict(...) to make one'
    """
    if isinstance(value, type):
        return "the class {0}; write {0}(...) to make one".format(value.__name__)
    if isinstance(value, np.ndarray) and value.ndim or isinstance(value, (list, tuple, dict)) and not _is_small(value):
        return describe(value)
    text = repr(value)
    return text if len(text) <= _MAX_REPR else text[:_MAX_REPR - 3] + "..."


def about_none(value: Any) -> str:
    """Words to append to an error about data that are None or have None among them; else none.

    >>> about_none([1, 2])
    ''
    """
    return _NONE if _has_none(value, _MAX_DEPTH) else ""


def _has_none(value: Any, depth: int) -> bool:
    if isinstance(value, np.ndarray) and value.dtype.kind == "O":
        value = value.ravel()[:_MAX_NONE].tolist()
    if isinstance(value, (list, tuple)) and depth:
        return any(_has_none(x, depth - 1) for x in value[:_MAX_NONE])
    return value is None


def _is_small(container: Any) -> bool:
    """Whether a container has a few numbers or strings, which say more than their types."""
    items = list(container.values()) if isinstance(container, dict) else container
    return len(items) <= _MAX_ITEMS and all(isinstance(x, (bool, int, float, str, np.generic)) or x is None for x in items)


def _describe(value: Any, depth: int) -> str:
    if value is None:
        return "None"
    if isinstance(value, (list, tuple, dict)):
        return _describe_container(value, depth)
    if isinstance(value, np.ndarray):
        return "{} {}".format(value.dtype, value.shape)
    kind = type(value).__name__
    if isinstance(value, np.generic):
        return "{} {}".format(kind, _shorten(str(value)))
    if isinstance(value, (bool, int, float, complex, str, bytes)):
        return "{} {}".format(kind, _shorten(repr(value)))
    if isinstance(value, type):
        return "class {}".format(value.__name__)
    if hasattr(value, "dtype") and hasattr(value, "shape"):  # tensors and foreign arrays
        return "{} {} {}".format(kind, getattr(value.dtype, "name", value.dtype), value.shape)
    return kind


def _describe_container(value: Any, depth: int) -> str:
    head = "{} of {}".format(type(value).__name__, len(value))
    if depth == 0 or not value:
        return head
    if isinstance(value, dict):
        items = ("{!r}: {}".format(k, _describe(v, depth - 1)) for k, v in value.items())
        return "{}: {{{}}}".format(head, _join(items, len(value)))
    return "{}: [{}]".format(head, _join((_describe(v, depth - 1) for v in value), len(value)))


def _join(items: Iterable[str], count: int) -> str:
    shown = [item for item, _ in zip(items, range(_MAX_ITEMS))]
    return ", ".join(shown + ["..."] * (count > _MAX_ITEMS))


def _shorten(text: str) -> str:
    return text if len(text) <= _MAX_TEXT else text[:_MAX_TEXT - 3] + "..."
