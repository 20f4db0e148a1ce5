"""Variable names with and without `:0`, and the words with which errors suggest names."""
from __future__ import annotations

import difflib
import re
from typing import Any, Iterable, List

_ALIKE = 0.6  # names that are more alike than this, of 1 for equal ones, are suggested


def op_name(name: str) -> str:
    """The variable name without a trailing `:0`."""
    return name[:-2] if name.endswith(":0") else name


def tensor_name(name: str) -> str:
    """The variable name with a trailing `:0`."""
    return op_name(name) + ":0"


def near_names(name: str, names: Iterable[str]) -> str:
    """Words for an error message: the names most like `name`, or some of them."""
    names = sorted(set(names))
    near = _most_like(name, names)
    if near:
        return "did you mean {}?".format(" or ".join(map(repr, near)))
    return "there are {} names{}".format(len(names), ": " + some(names, 5) if names else "")


def near_tensor_names(name: str, operations: Iterable[Any], scope: str = "", more: Iterable[str] = ()) -> str:
    """Words about the outputs of these operations, and `more` names, that are most like the tensor name `name`.

    Operations that nobody has given a name are left out, as long as there is something else to suggest.

    Args:
        scope: the beginning of the operations' names that is not told.
    """
    operations = [op for op in operations if op.outputs and op.name.startswith(scope)]
    given = [op.name[len(scope):] + ":0" for op in operations if not _is_named_by_tensorflow(op)] + list(more)
    if _most_like(name, given):
        return near_names(name, given)
    every = [op.name[len(scope):] + ":0" for op in operations]
    return near_names(name, every if _most_like(name, every) or not given else given)


_NUMBER = re.compile(r"_\d+$")
# Names that Python operators and functions give to operations of another type.
_DEFAULTS = frozenset(["add", "concat", "mul", "read", "split", "stack", "sub", "truediv", "unstack", "Initializer"])


def _is_named_by_tensorflow(op: Any) -> bool:
    *scopes, last = [_NUMBER.sub("", part) for part in op.name.split("/")]
    return last in _DEFAULTS or last.replace("_", "").lower() == op.type.lower() or not _DEFAULTS.isdisjoint(scopes)


def _most_like(name: str, names: Iterable[str]) -> List[str]:
    """At most five, the most alike first; case does not matter, and the last part of a name may stand for all of it."""
    wanted = op_name(name).lower()
    likeness = {each: max(_likeness(wanted, form) for form in (op_name(each).lower(), op_name(each).lower().split("/")[-1]))
                for each in names}
    return sorted([each for each, ratio in likeness.items() if ratio > _ALIKE], key=lambda each: (-likeness[each], each))[:5]


def _likeness(a: str, b: str) -> float:
    matcher = difflib.SequenceMatcher(None, a, b)
    return matcher.ratio() if matcher.real_quick_ratio() > _ALIKE and matcher.quick_ratio() > _ALIKE else 0.0


def some(names: Iterable[str], limit: int) -> str:
    """The first names, joined by commas."""
    names = list(names)
    return ", ".join(map(repr, names[:limit])) + (", ..." if len(names) > limit else "")
