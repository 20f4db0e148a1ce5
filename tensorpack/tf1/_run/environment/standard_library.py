"""Names that Python's own library has lost."""
from __future__ import annotations

import collections
import collections.abc
import fractions
import inspect
import itertools
import math
import string
import time
from typing import Any, Dict, List, NamedTuple, Tuple


class ArgSpec(NamedTuple):
    """What `inspect.getargspec` returns."""
    args: Any
    varargs: Any
    keywords: Any
    defaults: Any


def getargspec(func: Any) -> ArgSpec:
    """The arguments of a function without annotations and keyword-only ones.

    Raises:
        ValueError: it has keyword-only arguments.
    """
    spec = inspect.getfullargspec(func)
    if spec.kwonlyargs:
        raise ValueError("getargspec: the function must have no keyword-only arguments; use inspect.getfullargspec")
    return ArgSpec(spec.args, spec.varargs, spec.varkw, spec.defaults)


def lost_names() -> List[Tuple[Any, Dict[str, Any]]]:
    """[(module, {name: what it is})] of Python 2 and of earlier Pythons 3."""
    return [
        (collections, {name: getattr(collections.abc, name) for name in collections.abc.__all__}),
        (fractions, {"gcd": math.gcd}),
        (inspect, {"getargspec": getargspec, "ArgSpec": ArgSpec}),
        (itertools, {"izip": zip, "imap": map, "ifilter": filter, "izip_longest": itertools.zip_longest,
                     "ifilterfalse": itertools.filterfalse}),
        (string, {"letters": string.ascii_letters, "lowercase": string.ascii_lowercase, "uppercase": string.ascii_uppercase,
                  "maketrans": str.maketrans}),
        (time, {"clock": time.perf_counter}),
    ]


def restore() -> None:
    """Give them back where they are lost."""
    for module, names in lost_names():
        for name, value in names.items():
            if name not in vars(module):
                setattr(module, name, value)
