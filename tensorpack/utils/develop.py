"""For extensions of the library: deprecation notices, stand-ins for what cannot be imported, lazily loaded modules."""
from __future__ import annotations

import collections
import importlib
import os
import sys
import types
from datetime import datetime
from typing import Any, Callable, Counter, Dict, List, NoReturn, Optional, Sequence, Union

from . import logger
from ._types import AnyFunction, Function, wraps

__all__ = [
    "HIDE_DOC",
    "LazyLoader",
    "building_rtfd",
    "create_dummy_class",
    "create_dummy_func",
    "deprecated",
    "log_deprecated",
]

_NUM_WARNINGS: Counter[str] = collections.Counter()


def building_rtfd() -> bool:
    """Whether the documentation is being built (`READTHEDOCS=True` or any `DOC_BUILDING` in the environment)."""
    return os.environ.get("READTHEDOCS") == "True" or bool(os.environ.get("DOC_BUILDING"))


def HIDE_DOC(func: Function) -> Function:
    """Decorator: leave the object out of the documentation."""
    hidden: Any = func
    hidden.__HIDE_SPHINX_DOC__ = True
    return func


def create_dummy_class(klass: str, dependency: Union[str, Sequence[str]]) -> type:
    """A class to use in place of `klass` when `dependency` cannot be imported.

    Constructing it raises ImportError, reading an attribute of it AttributeError, both with the reason.
    """
    message = _unavailable(klass, dependency)

    class _DummyMeta(type):
        def __getattr__(cls, name: str) -> Any:
            raise AttributeError(message)

    class _Dummy(metaclass=_DummyMeta):
        def __new__(cls, *args: Any, **kwargs: Any) -> NoReturn:
            raise ImportError(message)

    _Dummy.__name__ = _Dummy.__qualname__ = klass
    return _Dummy


def create_dummy_func(func: str, dependency: Union[str, Sequence[str]]) -> AnyFunction:
    """A function to use in place of `func` when `dependency` cannot be imported; calling it raises ImportError."""
    message = _unavailable(func, dependency)

    def _dummy(*args: Any, **kwargs: Any) -> NoReturn:
        raise ImportError(message)

    _dummy.__name__ = _dummy.__qualname__ = func
    return _dummy


def _unavailable(name: str, dependency: Union[str, Sequence[str]]) -> str:
    if building_rtfd():
        raise RuntimeError("{}: the documentation must be built with all dependencies; {} is missing".format(name, dependency))
    if not isinstance(dependency, str):
        dependency = ",".join(dependency)
    return "Cannot import '{}', therefore '{}' is not available".format(dependency, name)


def log_deprecated(name: str = "", text: str = "", eos: str = "", max_num_warnings: Optional[int] = None) -> None:
    """Warn that something is deprecated.

    Args:
        name: of the deprecated thing; without it `text` is the sentence.
        text: what to use instead.
        eos: end of service, `YYYY-MM-DD`: the day after which it goes.
        max_num_warnings: how often this notice may be logged; None means always.
    """
    after = "after " + datetime.strptime(eos, "%Y-%m-%d").strftime("%d %b") if eos else ""
    if name:
        notice = "{} will be deprecated {}. {}".format(name, after, text) if eos else "{} was deprecated. {}".format(name, text)
    else:
        notice = "{} Legacy period ends {}".format(text, after) if eos else text
    _NUM_WARNINGS[notice] += 1
    if max_num_warnings is None or _NUM_WARNINGS[notice] <= max_num_warnings:
        logger.warning("[Deprecated] %s", notice)


def deprecated(text: str = "", eos: str = "", max_num_warnings: Optional[int] = None) -> Callable[[Function], Function]:
    """Decorator: calls of the function go through `log_deprecated`, with the place in the main program that led to them."""

    def decorate(func: Function) -> Function:
        @wraps(func)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            name = "{} [{}]".format(func.__name__, _outermost_location())
            log_deprecated(name, text, eos, max_num_warnings=max_num_warnings)
            return func(*args, **kwargs)

        return wrapper

    return decorate


def _outermost_location() -> str:
    frame: Any = sys._getframe()
    while frame.f_back is not None:
        frame = frame.f_back
    return "{}:{}".format(frame.f_code.co_filename, frame.f_lineno)


class LazyLoader(types.ModuleType):
    """A module that is imported when one of its attributes is used first.

    Args:
        local_name: the name under which `parent_globals` holds it; replaced by the real module then.
        parent_globals: `globals()` of the module that uses it.
        name: full name of the module.
    """

    def __init__(self, local_name: str, parent_globals: Dict[str, Any], name: str):
        self._local_name = local_name
        self._parent_globals = parent_globals
        super().__init__(name)

    def _load(self) -> types.ModuleType:
        module = importlib.import_module(self.__name__)
        self._parent_globals[self._local_name] = module
        self.__dict__.update(module.__dict__)  # for those who hold the loader
        return module

    def __getattr__(self, item: str) -> Any:
        return getattr(self._load(), item)

    def __dir__(self) -> List[str]:
        return dir(self._load())
