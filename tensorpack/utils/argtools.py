"""Decorators that map, memoize or guard calls, and checks of common arguments."""
from __future__ import annotations

import functools
import inspect
import numbers
from typing import Any, Callable, Dict, List, Sequence, Set, Tuple, Union

from . import logger
from ._types import AnyFunction, Function, wraps

__all__ = [
    "call_only_once",
    "get_data_format",
    "graph_memoized",
    "log_once",
    "map_arg",
    "memoized",
    "memoized_ignoreargs",
    "memoized_method",
    "shape2d",
    "shape4d",
]

_GRAPH_CACHE = "_tensorpack_memoized"
_METHOD_CACHE = "_MEMOIZED_CACHE"
_CALLED_ONCE = "_CALL_ONLY_ONCE_CACHE"

_LOGGED: Set[Tuple[str, str]] = set()
_LOG_FUNCTIONS = ("critical", "debug", "error", "exception", "info", "warn", "warning")


def map_arg(**maps: Callable[[Any], Any]) -> Callable[[Function], Function]:
    """Decorator: pass each explicitly given argument through the function of its name in `maps`.

    Defaults are not mapped. What a function collects by `**kwargs` is mapped too, what it collects by `*args` is not.
    """

    def decorate(func: Function) -> Function:
        signature = inspect.signature(func)
        variadic = {p.kind: p.name for p in signature.parameters.values()
                    if p.kind in (p.VAR_POSITIONAL, p.VAR_KEYWORD)}
        collected = variadic.get(inspect.Parameter.VAR_KEYWORD)

        @wraps(func)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            try:
                bound = signature.bind(*args, **kwargs)
            except TypeError:
                return func(*args, **kwargs)  # raises a TypeError that names the function
            arguments = bound.arguments
            for name in arguments:
                if name in maps and name not in variadic.values():
                    arguments[name] = maps[name](arguments[name])
            if collected in arguments:
                arguments[collected] = {k: maps[k](v) if k in maps else v for k, v in arguments[collected].items()}
            return func(*bound.args, **bound.kwargs)

        return wrapper

    return decorate


def memoized(user_function: Function) -> Function:
    """Decorator: `functools.lru_cache` without a bound. Arguments must be hashable."""
    remembering: Any = functools.lru_cache(maxsize=None)(user_function)
    return remembering


def graph_memoized(func: Function) -> Function:
    """Decorator: like `memoized`, but with a cache for each default TensorFlow graph, which lives as long as the graph."""

    @wraps(func)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        import tensorflow as tf

        # The cache is an attribute of the graph: a table of graphs would keep them alive through the tensors in it.
        graph = tf.compat.v1.get_default_graph()
        cache = getattr(graph, _GRAPH_CACHE, None)  # graphs of TF 2.x take attributes but have no __dict__
        if cache is None:
            cache = {}
            setattr(graph, _GRAPH_CACHE, cache)
        return _recall(cache, func, args, kwargs)

    return wrapper


def memoized_ignoreargs(func: Function) -> Function:
    """Decorator: the result of the first call is the result of all calls, whatever their arguments."""
    results: List[Any] = []

    @wraps(func)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        if not results:
            results.append(func(*args, **kwargs))
        return results[0]

    return wrapper


def memoized_method(func: Function) -> Function:
    """Decorator for methods: remember results by argument values, separately in each object."""

    @wraps(func)
    def wrapper(self: Any, *args: Any, **kwargs: Any) -> Any:
        cache = self.__dict__.setdefault(_METHOD_CACHE, _TransientDict())
        return _recall(cache, func, args, kwargs, self)

    return wrapper


class _TransientDict(Dict[Any, Any]):
    """A dictionary whose copies and pickles are empty: results of one object are not those of its copy."""

    def __reduce__(self) -> Tuple[type, Tuple[()]]:
        return _TransientDict, ()


def _recall(cache: Dict[Any, Any], func: AnyFunction, args: Tuple[Any, ...], kwargs: Dict[str, Any], *owner: Any) -> Any:
    key = (func, args, frozenset(kwargs.items()))
    if key not in cache:
        cache[key] = func(*(owner + args), **kwargs)
    return cache[key]


def call_only_once(func: Function) -> Function:
    """Decorator for methods and property setters: a second call on the same object raises RuntimeError."""

    @wraps(func)
    def wrapper(self: Any, *args: Any, **kwargs: Any) -> Any:
        called = self.__dict__.setdefault(_CALLED_ONCE, set())
        if func.__qualname__ in called:
            is_property = isinstance(inspect.getattr_static(type(self), func.__name__, None), property)
            raise RuntimeError("{} {}.{} can only be called once per object! Make a new {}.".format(
                "Property" if is_property else "Method", type(self).__name__, func.__name__, type(self).__name__))
        called.add(func.__qualname__)
        return func(self, *args, **kwargs)

    return wrapper


def shape2d(a: Union[int, Sequence[int]]) -> List[int]:
    """`[a, a]` for an integer, a list of the two elements for a list or tuple; whole floats become integers.

    Raises ValueError if the list has another length, RuntimeError if `a` is something else.
    """
    size: Any = a
    if _is_whole(size):
        return [int(size), int(size)]
    if isinstance(a, (list, tuple)):
        if len(a) != 2:
            raise ValueError("shape2d: a must be an integer or hold two of them; got {!r}".format(a))
        return [int(x) if _is_whole(x) else x for x in a]
    raise RuntimeError("Illegal shape: {!r}; it must be an integer, or a list or tuple of two".format(a))


def _is_whole(x: Any) -> bool:
    if isinstance(x, bool):
        return False
    return isinstance(x, numbers.Integral) or (isinstance(x, numbers.Real) and float(x).is_integer())


def get_data_format(data_format: str, keras_mode: bool = True) -> str:
    """Name of a data format as Keras spells it (`channels_first`, `channels_last`), or else `NCHW`, `NHWC`.

    Raises ValueError if it is none of the four.
    """
    names = {"NCHW": "channels_first", "NHWC": "channels_last"}
    if not keras_mode:
        names = {keras: plain for plain, keras in names.items()}
    if data_format in names:
        return names[data_format]
    if data_format in names.values():
        return data_format
    raise ValueError("Unknown data_format: {!r}; it must be NHWC, NCHW, channels_last or channels_first".format(data_format))


def shape4d(a: Union[int, Sequence[int]], data_format: str = "NHWC") -> List[int]:
    """`shape2d(a)` as a shape or stride of four dimensions: `[1, a, a, 1]`, or `[1, 1, a, a]` with channels first."""
    height_width = shape2d(a)
    if get_data_format(data_format, keras_mode=False) == "NHWC":
        return [1] + height_width + [1]
    return [1, 1] + height_width


def log_once(message: str, func: str = "info") -> None:
    """Log `message` with the logger's function `func`, unless that was done before."""
    if func not in _LOG_FUNCTIONS:
        raise ValueError("log_once: func must be one of {}; got {!r}".format(", ".join(_LOG_FUNCTIONS), func))
    if (message, func) not in _LOGGED:
        _LOGGED.add((message, func))
        getattr(logger, func)(message)
