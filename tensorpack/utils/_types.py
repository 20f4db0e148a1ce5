"""Types with a meaning, and what tells type checkers that a wrapper has the type of what it wraps."""
from __future__ import annotations

import functools
from typing import Any, Callable, TypeVar, Union

import numpy as np

DTypeLike = Union[str, type, np.dtype]  # what `np.dtype` takes
AnyFunction = Callable[..., Any]
Function = TypeVar("Function", bound=AnyFunction)

# What an attribute holds before it gets its value, where to use it then is a mistake: type checkers see that value's type.
NOT_YET: Any = None


def wraps(function: Function) -> Callable[[AnyFunction], Function]:
    """`functools.wraps` for a wrapper that takes and returns what `function` does: for type checkers it is of the same type."""
    same_type: Any = functools.wraps(function)
    return same_type
