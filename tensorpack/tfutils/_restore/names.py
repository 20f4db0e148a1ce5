"""Variable names with and without `:0`, the words with which errors suggest names, and patterns of names."""
from __future__ import annotations

import difflib
import os
import re
from typing import Any, Dict, Iterable, List, Mapping

PART_OF_CHECKPOINT = re.compile(r"\.(index|meta|data-\d{5}-of-\d{5})$")
_NUMPY_ENDING = re.compile(r"(\.np[yz])+$")
_PATTERN = re.compile(r"\.[*+]|[\\^$()\[\]|?]")  # what patterns have more than names
_ALIKE = 0.6  # names that are more alike than this, of 1 for equal ones, are suggested


def op_name(name: str) -> str:
    """The variable name without a trailing `:0`."""
    return name[:-2] if name.endswith(":0") else name


def tensor_name(name: str) -> str:
    """The variable name with a trailing `:0`."""
    return op_name(name) + ":0"


def with_text_keys(who: str, values: Mapping[Any, Any]) -> Dict[str, Any]:
    """The dict with its keys as str: those of type bytes, which Python 2 wrote, are decoded.

    Raises:
        TypeError: a key is no name.
    """
    decoded = {}
    for key, value in values.items():
        name = key.decode("utf-8") if isinstance(key, bytes) else key
        if not isinstance(name, str):
            raise TypeError("{}: the keys must be names of variables; got {!r}".format(who, key))
        decoded[name] = value
    return decoded


class NamePatterns:
    """Names (without `:0`) that are meant: `name in patterns`.

    Args:
        who: the argument to name in errors.
        patterns: True for all names, False or None for none; a regular expression, or a list of them, each for whole names.
            A name is a regular expression for itself.

    Raises:
        TypeError, ValueError: it is something else, or no regular expression.
    """

    def __init__(self, who: str, patterns: Any = None):
        if patterns is None or isinstance(patterns, bool):
            patterns = [".*"] if patterns else []
        listed = [patterns] if isinstance(patterns, str) else patterns
        if not isinstance(listed, (list, tuple, set, frozenset)) or not all(isinstance(each, str) for each in listed):
            raise TypeError("{}: must be True, the name of a variable, a regular expression, or a list of these; got "
                            "{!r}".format(who, patterns))
        try:
            self._patterns = [re.compile(op_name(each)) for each in listed]
        except re.error as e:
            raise ValueError("{}: must hold names or regular expressions; got {!r}: {}".format(who, patterns, e)) from e

    def __contains__(self, name: str) -> bool:
        return any(pattern.fullmatch(name) for pattern in self._patterns)


def nearest_names(name: str, names: Iterable[str], limit: int = 5) -> List[str]:
    """The names most like `name`: those that differ by an outer scope, then the most alike.

    Case does not matter, and the last part of a name may stand for all of it.
    """
    names, wanted = sorted(set(names)), op_name(name)
    found = [each for each in names if op_name(each).endswith("/" + wanted) or wanted.endswith("/" + op_name(each))]
    likeness = {each: _likeness(wanted.lower(), op_name(each).lower()) for each in names}
    found += sorted([each for each, ratio in likeness.items() if ratio > _ALIKE], key=lambda each: (-likeness[each], each))
    return list(dict.fromkeys(found))[:limit]


def nearest_to_pattern(pattern: str, names: Iterable[str], limit: int) -> List[str]:
    """The names that a pattern or scope may have been meant for: those in a scope of that name, or else the most alike."""
    names = sorted(set(names))
    scope = pattern.rstrip(".*/$") + "/"
    inside = [name for name in names if name.startswith(scope)]
    return inside[:limit] or nearest_names(_PATTERN.sub("", pattern).strip("/"), names, limit)


def _likeness(wanted: str, name: str) -> float:
    return max(_ratio(wanted, form) for form in (name, name.split("/")[-1]))


def _ratio(a: str, b: str) -> float:
    matcher = difflib.SequenceMatcher(None, a, b)
    return matcher.ratio() if matcher.real_quick_ratio() > _ALIKE and matcher.quick_ratio() > _ALIKE else 0.0


def near_names(name: str, names: Iterable[str]) -> str:
    """Words for an error message: the names most like `name`, or some of them."""
    names = sorted(set(names))
    near = nearest_names(name, names)
    if near:
        return "did you mean {}?".format(" or ".join(map(repr, near)))
    return "there are {} names{}".format(len(names), ": " + some(names, 5) if names else "")


def near_path(path: str) -> str:
    """Words to append to an error: what has a name like the first part of `path` that is missing; none if nothing has."""
    while os.path.dirname(path) not in ("", path) and not os.path.isdir(os.path.dirname(path)):
        path = os.path.dirname(path)
    directory, name = os.path.split(path)
    if not os.path.isdir(directory or "."):
        return ""
    beside = sorted({PART_OF_CHECKPOINT.sub("", each) for each in os.listdir(directory or ".")} - {
        name, PART_OF_CHECKPOINT.sub("", name)})
    same = [each for each in beside if _NUMPY_ENDING.sub("", each) == _NUMPY_ENDING.sub("", name)]
    near = same or difflib.get_close_matches(name, beside, n=2)
    return "; did you mean {}?".format(" or ".join(repr(os.path.join(directory, each)) for each in near)) if near else ""


def near_tensor_names(name: str, operations: Iterable[Any], scope: str = "", more: Iterable[str] = ()) -> str:
    """Words about the outputs of these operations, and `more` names, that are most like the tensor name `name`.

    Operations that nobody has given a name are left out, unless `name` is nearly the last part of such a name. Where no name is
    like it, the words say how a tensor gets one.

    Args:
        scope: the beginning of the operations' names that is not told.
    """
    operations = [op for op in operations if op.outputs and op.name.startswith(scope)]
    given = [op.name[len(scope):] + ":0" for op in operations if not is_named_by_tensorflow(op)] + list(more)
    if nearest_names(name, given):
        return near_names(name, given)
    every = [op.name[len(scope):] + ":0" for op in operations]
    wanted = _without_number(name)
    meant = [each for each in every if _ratio(wanted, _without_number(each)) > _NEARLY_THE_SAME]
    words = near_names(name, meant or given or every)
    how = "; tf.identity(x, name={!r}) in the model gives a tensor this name".format(op_name(name))
    return words if meant else words + how


_NUMBER = re.compile(r"_\d+$")
# Names that Python operators and functions give to operations of another type.
_DEFAULTS = frozenset(["add", "concat", "mul", "read", "split", "stack", "sub", "truediv", "unstack", "Initializer"])


_NEARLY_THE_SAME = 0.9  # 'MatMull' and 'MatMul' are, 'cost' and 'Const' are not


def _without_number(name: str) -> str:
    """The last part of a name, in small letters and without the number that makes it unique."""
    return _NUMBER.sub("", op_name(name).split("/")[-1]).lower()


def is_named_by_tensorflow(op: Any) -> bool:
    """Whether an operation, or a scope around it, has a name that nobody gave it."""
    *scopes, last = [_NUMBER.sub("", part) for part in op.name.split("/")]
    return last in _DEFAULTS or last.replace("_", "").lower() == op.type.lower() or not _DEFAULTS.isdisjoint(scopes)


def some(names: Iterable[str], limit: int) -> str:
    """The first names, joined by commas."""
    names = list(names)
    return ", ".join(map(repr, names[:limit])) + (", ..." if len(names) > limit else "")
