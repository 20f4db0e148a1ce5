"""Keywords that a function does not take: Python names them, and this adds those that may have been meant."""
from __future__ import annotations

import difflib
import functools
import inspect
import re
from typing import Any, Callable, Collection, List, Mapping, Optional

_UNKNOWN = re.compile(r"(?:^|\.)(\w+)\(\) got an unexpected keyword argument '(\w+)'")
_NOTHING: Mapping[str, str] = {}
_MAX_NAMES = 16  # of the arguments that are listed where none is like the one given


def with_near_keywords(error: TypeError, who: str, function: Callable[..., Any], given: Collection[str],
                       words: Mapping[str, str] = _NOTHING) -> Optional[TypeError]:
    """The error with advice, if it is Python's about a keyword that `function` does not take; else None.

    Args:
        who: how the message names the function.
        given: the keywords of the call.
        words: what to do instead of some keywords, such as those of another library.
    """
    match = _UNKNOWN.search(str(error))
    if match is None or match.group(1) != function.__name__ or match.group(2) not in given:
        return None
    keyword, names = match.group(2), _arguments(function)
    near = difflib.get_close_matches(keyword, names, n=2)
    if keyword in words:
        advice = "try " + words[keyword]
    elif near:
        advice = "did you mean {}?".format(" or ".join(near))
    else:
        advice = "it takes {}".format(", ".join(names[:_MAX_NAMES]) + (", ..." if len(names) > _MAX_NAMES else "") or "none")
    return TypeError("{}: got an unexpected keyword argument '{}'; {}".format(who, keyword, advice))


def _arguments(function: Callable[..., Any]) -> List[str]:
    kinds = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    return [p.name for p in inspect.signature(function).parameters.values() if p.kind in kinds and p.name != "self"]


class KeywordsTold:
    """A base of classes whose constructors, those of derived classes included, tell near keywords."""

    _words_for_keywords: Mapping[str, str] = {}  # what to do instead of some keywords, such as those of another library

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        made: Any = cls
        init = made.__dict__.get("__init__")
        if inspect.isfunction(init):
            made.__init__ = _telling(init)


def _telling(init: Callable[..., None]) -> Callable[..., None]:

    @functools.wraps(init)
    def wrapper(self: Any, *args: Any, **kwargs: Any) -> None:
        try:
            init(self, *args, **kwargs)
        except TypeError as e:
            told = with_near_keywords(e, type(self).__name__, init, kwargs, self._words_for_keywords)
            if told is None:
                raise
            raise told from None

    return wrapper
