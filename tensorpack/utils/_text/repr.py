"""`ReprMixin`: an object shows itself as the call that makes it, without the arguments that have their defaults."""
from __future__ import annotations

import inspect
import reprlib
import types
from typing import Any, Iterator, Tuple

import numpy as np

from .keywords import KeywordsTold
from .spec import describe

_MAX_TEXT = 200  # characters shown of one argument
_VARIADIC = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
_MISSING = object()


class ReprMixin(KeywordsTold):
    """Gives `ClassName(arg=value, ...)`: constructor arguments that differ from their defaults.

    The value of an argument is read from the attribute of its name, or of its name after an underscore; arguments that the
    object did not store are skipped.
    """

    @reprlib.recursive_repr(fillvalue="...")
    def __repr__(self) -> str:
        shown = ", ".join("{}={}".format(name, _format(value)) for name, value in _changed_arguments(self))
        return "{}({})".format(type(self).__name__, shown)


def _changed_arguments(obj: Any) -> Iterator[Tuple[str, Any]]:
    attributes = getattr(obj, "__dict__", {})
    for parameter in _constructor_parameters(type(obj)):
        value = attributes.get(parameter.name, attributes.get("_" + parameter.name, _MISSING))
        if value is not _MISSING and not _same(value, parameter.default):
            yield parameter.name, value


def _constructor_parameters(cls: Any) -> Tuple[inspect.Parameter, ...]:
    try:
        parameters = list(inspect.signature(cls.__init__).parameters.values())[1:]
    except (TypeError, ValueError):  # a constructor written in C
        return ()
    return tuple(p for p in parameters if p.kind not in _VARIADIC)


def _same(value: Any, default: Any) -> bool:
    if value is default:
        return True
    if type(value) is not type(default):
        return False
    try:
        return bool(value == default)
    except Exception:  # comparing arrays gives no single truth, and a user's __eq__ may fail in any way
        return False


def _format(value: Any) -> str:
    if isinstance(value, np.ndarray):
        return "<{}>".format(describe(value))
    if isinstance(value, (types.FunctionType, types.BuiltinFunctionType, types.MethodType, type)):
        return value.__qualname__
    if isinstance(value, (list, tuple, dict)) and len(value) > 10:
        return "<{} of {}>".format(type(value).__name__, len(value))
    text = repr(value)
    if "\n" in text:  # arrays in a list
        return "<{}>".format(describe(value))
    return text if len(text) <= _MAX_TEXT else text[:_MAX_TEXT - 3] + "..."
