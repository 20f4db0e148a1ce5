"""Constructors that would take their arguments in another order."""
from __future__ import annotations

import inspect
import itertools
from typing import Any, Callable, Dict, List, Optional, Sequence

_MAX_ARGUMENTS = 3  # that may be swapped


def swapped_call(cls: Any, init: Callable[..., None], args: Sequence[Any], kwargs: Dict[str, Any]) -> Optional[str]:
    """The call that works when two arguments of different types change their places; None if there is none.

    Args:
        init: the constructor of `cls`, which has refused these arguments. It is tried on other objects, so it must only check
            and keep its arguments.
    """
    given = _given(init, args, kwargs)
    for first, second in itertools.combinations(list(given)[:_MAX_ARGUMENTS], 2):
        if _kind(given[first]) is _kind(given[second]):
            continue
        swapped = dict(given)
        swapped[first], swapped[second] = given[second], given[first]
        if not _suit_defaults(init, swapped):
            continue
        try:
            init(cls.__new__(cls), **swapped)
        except Exception:  # whatever a constructor says to arguments in an order that it does not take
            continue
        return "{}({})".format(cls.__name__, ", ".join(_words(init, swapped)))
    return None


def _kind(value: Any) -> Any:
    """The type; lists and tuples are one, since what takes one of them mostly takes the other."""
    return list if isinstance(value, (list, tuple)) else type(value)


def _given(init: Callable[..., None], args: Sequence[Any], kwargs: Dict[str, Any]) -> Dict[str, Any]:
    """The arguments by name, in the order of the constructor; none where some have no name."""
    try:
        bound = inspect.signature(init).bind(None, *args, **kwargs)
    except TypeError:
        return {}
    parameters = bound.signature.parameters
    if any(parameters[name].kind in (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
           for name in bound.arguments):
        return {}
    return dict(list(bound.arguments.items())[1:])


def _suit_defaults(init: Callable[..., None], given: Dict[str, Any]) -> bool:
    """Whether arguments with a switch, a string or a number as their default get one: many a constructor takes anything."""
    defaults = {name: p.default for name, p in inspect.signature(init).parameters.items()}
    return all(type(value) is type(defaults[name]) for name, value in given.items()
               if isinstance(defaults[name], (bool, str, int)))


def _words(init: Callable[..., None], given: Dict[str, Any]) -> List[str]:
    """The values that are short, and the names of the arguments for the others; keywords where an argument is left out."""
    words = []
    by_position = list(inspect.signature(init).parameters)[1:][:len(given)] == list(given)
    for name, value in given.items():
        word = repr(value) if isinstance(value, (bool, int, float, str)) else name
        words.append(word if by_position else "{}={}".format(name, word))
    return words
