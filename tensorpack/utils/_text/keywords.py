"""Calls that Python refuses: it names a wrong keyword or a missing argument, and this adds what may have been meant."""
from __future__ import annotations

import difflib
import functools
import inspect
import re
import traceback
from typing import Any, Callable, Collection, Dict, List, Mapping, Optional, Tuple

from .._types import Function, wraps
from .swapped import swapped_call

_UNKNOWN = re.compile(r"(?:^|\.)(\w+)\(\) got an unexpected keyword argument '(\w+)'")
_MISSING = re.compile(r"(?:^|\.)(\w+)\(\) missing \d+ required (?:positional|keyword-only) arguments?: (.*)")
_TOO_MANY = re.compile(r"(?:^|\.)(\w+)\(\) takes .* positional arguments? but .* given")
_VARIADIC = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
_LIBRARY = __name__.partition(".")[0] + "."
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
    if match is None or match.group(1) != function.__name__ or match.group(2) not in given or _has_begun(function, error):
        return None
    keyword, names = match.group(2), _arguments(function)
    near = difflib.get_close_matches(keyword, names, n=2) or [name for name in names if keyword in name.split("_")][:2]
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


def with_arguments(error: TypeError, who: str, function: Callable[..., Any]) -> Optional[TypeError]:
    """The error with the arguments that there are, if it is Python's about how many `function` was given; else None."""
    match = _MISSING.search(str(error)) or _TOO_MANY.search(str(error))
    function = inspect.unwrap(function)
    if match is None or match.group(1) != function.__name__ or _has_begun(function, error):
        return None
    call = "{}({})".format(who.partition(" ")[0], _call_of(function))
    if match.re is _MISSING:
        return TypeError("{}: {} must be given; write {}".format(who, match.group(2).replace("'", ""), call))
    return TypeError("{}: got too many arguments without a keyword; write {}".format(who, call))


def _has_begun(function: Any, error: BaseException) -> bool:
    """Whether the error comes from inside of the function."""
    codes = [frame.f_code for frame, _ in traceback.walk_tb(error.__traceback__)]
    return getattr(inspect.unwrap(function), "__code__", None) in codes


def _call_of(function: Callable[..., Any]) -> str:
    parameters = [p for p in inspect.signature(function).parameters.values() if p.name != "self"]
    words = []
    for p in parameters[:_MAX_NAMES]:
        is_optional = p.default is not p.empty
        words.append(str(p).split(":")[0] if p.kind in _VARIADIC else p.name + "=..." * is_optional)
    return ", ".join(words + ["..."] * (len(parameters) > _MAX_NAMES))


def keywords_told(function: Function) -> Function:
    """Decorator of functions and methods: a call that Python refuses tells near keywords, or the arguments that there are."""

    @wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **kwargs)
        except TypeError as e:
            who = function.__qualname__
            told = with_near_keywords(e, who, function, kwargs) or with_arguments(e, who, function)
            if told is None:
                raise
            raise told from None

    return wrapper


class KeywordsTold:
    """A base of classes whose constructors, those of derived classes included, tell near keywords, what is missing, swaps."""

    _words_for_keywords: Mapping[str, str] = {}  # what to do instead of some keywords, such as those of another library

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        made: Any = cls
        init = made.__dict__.get("__init__")
        if inspect.isfunction(init):
            made.__init__ = telling(init)


def telling(init: Callable[..., None]) -> Callable[..., None]:
    """What `KeywordsTold` makes of a constructor; for one that takes the place of that of an existing class, too."""

    @functools.wraps(init)
    def wrapper(self: Any, *args: Any, **kwargs: Any) -> None:
        try:
            init(self, *args, **kwargs)
        except (AttributeError, TypeError, ValueError) as e:
            told = _told(e, self, init, args, kwargs)
            if told is None:
                raise
            raise told from None

    return wrapper


def _told(error: Exception, made: Any, init: Any, args: Tuple[Any, ...], kwargs: Dict[str, Any]) -> Optional[Exception]:
    cls = type(made)
    told: Optional[Exception] = None
    if isinstance(error, TypeError):
        told = (with_near_keywords(error, cls.__name__, init, kwargs, made._words_for_keywords)
                or with_arguments(error, cls.__name__, init))
    is_own = inspect.unwrap(cls.__init__) is inspect.unwrap(init)  # not that of a base, which another constructor has called
    if told is None and is_own and init.__module__.startswith(_LIBRARY):
        call = swapped_call(cls, init, args, kwargs)
        if call is not None:
            told = type(error)("{}: the arguments seem to be swapped; write {}".format(cls.__name__, call))
    return told
