"""Default arguments for functions, for the time of a `with` block: a stack of tables, the innermost of which counts."""
from __future__ import annotations

import functools
import inspect
from contextlib import contextmanager
from typing import Any, Callable, Dict, Iterator, List, Mapping, Sequence, Tuple, TypeVar, Union

__all__ = ["add_arg_scope", "arg_scope", "arg_scope_func_key", "arg_scoped_arguments", "current_arg_scope", "has_arg_scope"]

Function = TypeVar("Function", bound=Callable[..., Any])
Scope = Dict[str, Dict[str, Any]]

_stack: List[Scope] = [{}]
_decorated: Dict[str, Tuple[str, ...]] = {}  # key of a function -> the names of its arguments that have defaults


def add_arg_scope(func: Function) -> Function:
    """Decorator: calls of the function take defaults for keyword arguments from the `arg_scope` that they are in.

    A keyword of the call wins over the scope. A positional argument that the scope names as well is an error, as any argument
    given twice.
    """
    key = arg_scope_func_key(func)

    @functools.wraps(func)
    def with_defaults(*args: Any, **kwargs: Any) -> Any:
        return func(*args, **{**current_arg_scope().get(key, {}), **kwargs})

    parameters = inspect.signature(func).parameters.values()
    _decorated[key] = tuple(each.name for each in parameters if each.default is not each.empty)
    result: Any = with_defaults
    result._key_op = key
    return result


@contextmanager
def arg_scope(list_ops_or_scope: Union[Sequence[Any], Mapping[str, Mapping[str, Any]]], **kwargs: Any) -> Iterator[Scope]:
    """Context in which the listed functions have these defaults, on top of those of the scopes around it.

    Args:
        list_ops_or_scope: functions that `add_arg_scope` has decorated; or a scope that an earlier `arg_scope` gave, which then
            counts instead of the scopes around.

    Yields:
        the scope: key of a function -> keyword arguments. Later changes of it are not seen by scopes inside.

    Raises:
        TypeError: neither a list, a tuple nor a scope.
        ValueError: a function is not decorated, or keyword arguments come with a scope.
    """
    scope = _reused(list_ops_or_scope, kwargs) if isinstance(list_ops_or_scope, dict) else _extended(list_ops_or_scope, kwargs)
    _stack.append(scope)
    try:
        yield scope
    finally:
        _stack.pop()


def _reused(scope: Mapping[str, Mapping[str, Any]], kwargs: Mapping[str, Any]) -> Scope:
    if kwargs:
        raise ValueError("arg_scope: a scope that is used again takes no keyword arguments; got {}; open a second arg_scope "
                         "with a list of functions inside".format(", ".join(sorted(kwargs))))
    return {key: dict(defaults) for key, defaults in scope.items()}


def _extended(functions: Any, kwargs: Mapping[str, Any]) -> Scope:
    if not isinstance(functions, (list, tuple)):
        raise TypeError("arg_scope: list_ops_or_scope must be a list or tuple of functions, or a scope; got {!r}; "
                        "write [function]".format(functions))
    scope = dict(current_arg_scope())
    for function in functions:
        if not has_arg_scope(function):
            raise ValueError("arg_scope: {} is not decorated with @add_arg_scope".format(
                getattr(function, "__name__", repr(function))))
        key = arg_scope_func_key(function)
        scope[key] = {**scope.get(key, {}), **kwargs}
    return scope


def current_arg_scope() -> Scope:
    """The defaults that count here: key of a function -> keyword arguments."""
    return _stack[-1]


def has_arg_scope(func: Any) -> bool:
    """Whether `add_arg_scope` has decorated the function."""
    return arg_scope_func_key(func) in _decorated


def arg_scoped_arguments(func: Any) -> Tuple[str, ...]:
    """The names of the arguments of a decorated function that have defaults, which are those that a scope can set."""
    if not has_arg_scope(func):
        raise ValueError("arg_scoped_arguments: {!r} is not decorated with @add_arg_scope".format(func))
    return _decorated[arg_scope_func_key(func)]


def arg_scope_func_key(op: Any) -> str:
    """The key of a function in a scope."""
    key: str = getattr(op, "_key_op", str(op))
    return key
