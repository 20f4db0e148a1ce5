"""Functions that a user gives: that they can take what they will be called with is known before they are called."""
from __future__ import annotations

import functools
import inspect
from typing import Any

from .._text.spec import shown

__all__ = ["check_function"]


def check_function(who: Any, argument: str, function: Any, words: str, num_arguments: int = 1) -> None:
    """Refuse what is no function of `num_arguments` positional arguments.

    Where a signature tells nothing for sure, as that of a class or of a function in C, it counts as one.

    Args:
        who: the object that takes the function, named in errors by its class; or a name, a str.
        argument: the argument's name.
        words: how the message goes on, what the function is called with, such as "of the datapoint, one argument".

    Raises:
        TypeError: it is none.
    """
    who = who if isinstance(who, str) else type(who).__name__
    if not callable(function):
        raise TypeError("{}: {} must be a function {}; got {}".format(who, argument, words, shown(function)))
    if not (inspect.isfunction(function) or inspect.ismethod(function) or isinstance(function, functools.partial)):
        return
    # what a decorator wraps may be called with other arguments than its wrapper
    signature = inspect.signature(function, follow_wrapped=False)
    try:
        signature.bind(*[None] * num_arguments)
    except TypeError as e:
        name = getattr(function, "__name__", type(function).__name__)
        raise TypeError("{}: {} must be a function {}; got {}{}: {}".format(
            who, argument, words, name, signature, e)) from None
