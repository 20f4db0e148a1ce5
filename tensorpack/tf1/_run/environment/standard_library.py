"""Names that Python's own library has lost."""
from __future__ import annotations

import collections
import collections.abc
import fractions
import importlib
import inspect
import itertools
import math
import string
import time
import urllib
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


def _find_in_urllib(name: str) -> Any:
    """A function of Python 2's urllib; `urllib.request` is large, so it is imported on use."""
    if name in ("ContentTooShortError", "URLopener", "FancyURLopener", "urlopen", "urlretrieve", "urlcleanup", "quote",
                "quote_plus", "unquote", "unquote_plus", "urlencode", "pathname2url", "url2pathname"):
        for module in ("urllib.parse", "urllib.request", "urllib.error"):
            value = getattr(importlib.import_module(module), name, None)
            if value is not None:
                return value
    raise AttributeError("module 'urllib' has no attribute {!r}".format(name))


def restore() -> None:
    """Give them back where they are lost."""
    vars(urllib)["__getattr__"] = _find_in_urllib
    for module, names in lost_names():
        for name, value in names.items():
            if name not in vars(module):
                setattr(module, name, value)
