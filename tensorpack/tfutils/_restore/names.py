"""Variable names with and without `:0`, the words with which errors suggest names, and patterns of names."""
from __future__ import annotations

import difflib
import re
from typing import Any, Dict, Iterable, List, Mapping


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
    """The names most like `name`, first those that differ by an outer scope or by capital letters only."""
    names = sorted(names)
    suffix = "/" + name
    found = [each for each in names if each.endswith(suffix) or name.endswith("/" + each)]
    by_lower: Dict[str, List[str]] = {}
    for each in names:
        by_lower.setdefault(each.lower(), []).append(each)
    for lower in difflib.get_close_matches(name.lower(), by_lower, n=limit, cutoff=0.5):
        found.extend(by_lower[lower])
    return list(dict.fromkeys(found))[:limit]


def near_names(name: str, names: Iterable[str]) -> str:
    """Words for an error message: the names most like `name`, or some of them."""
    names = sorted(names)
    near = nearest_names(name, names)
    if near:
        return "did you mean {}?".format(" or ".join(map(repr, near)))
    return "there are {} names{}".format(len(names), ": " + some(names, 5) if names else "")


def some(names: Iterable[str], limit: int) -> str:
    """The first names, joined by commas."""
    names = list(names)
    return ", ".join(map(repr, names[:limit])) + (", ..." if len(names) > limit else "")
