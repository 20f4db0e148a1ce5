"""Variable names with and without `:0`, and the words with which errors suggest names."""
from __future__ import annotations

import difflib
from typing import Iterable


def op_name(name: str) -> str:
    """The variable name without a trailing `:0`."""
    return name[:-2] if name.endswith(":0") else name


def tensor_name(name: str) -> str:
    """The variable name with a trailing `:0`."""
    return op_name(name) + ":0"


def near_names(name: str, names: Iterable[str]) -> str:
    """Words for an error message: the names most like `name`, or some of them."""
    names = sorted(names)
    near = difflib.get_close_matches(name, names, n=5, cutoff=0.5)
    if near:
        return "did you mean {}?".format(" or ".join(map(repr, near)))
    return "there are {} names{}".format(len(names), ": " + some(names, 5) if names else "")


def some(names: Iterable[str], limit: int) -> str:
    """The first names, joined by commas."""
    names = list(names)
    return ", ".join(map(repr, names[:limit])) + (", ..." if len(names) > limit else "")
