"""Tools of the adapters: translate keywords, rename methods, make today's hooks of old ones, warn, refuse."""
from __future__ import annotations

from contextlib import contextmanager
from types import ModuleType
from typing import Any, Callable, Collection, Iterator, List, Mapping, NoReturn, Sequence, Set

from ..utils import logger
from ..utils._types import wraps
from ._table import Gone, Ignored, Keyword

_warned: Set[str] = set()
_is_quiet: List[bool] = []  # one element for each `quiet` that is entered


def warn_once(old: str, today: str) -> None:
    """Log, once in this process, how `old` is spelled today."""
    if old not in _warned and not _is_quiet:
        _warned.add(old)
        logger.warning("%s is the spelling of an older tensorpack; today: %s", old, today)


@contextmanager
def quiet() -> Iterator[None]:
    """While a star import binds old names, which its program may never use."""
    _is_quiet.append(True)
    try:
        yield
    finally:
        _is_quiet.pop()


def gone(name: str, instead: str) -> type:
    """A class in place of something that is not provided: to call it or to derive from it raises NotImplementedError."""
    message = "{} of older releases is not provided; instead: {}".format(name, instead)

    def refuse(*args: Any, **kwargs: Any) -> NoReturn:
        raise NotImplementedError(message)

    return type(name.rpartition(".")[2], (), {
        "__doc__": message, "__new__": refuse, "__init_subclass__": classmethod(refuse), "not_provided": message})


def keywords(function: Callable[..., Any], who: str, table: Mapping[str, Keyword],
             silent: Collection[str] = ()) -> Callable[..., Any]:
    """`function`, which also takes the old keywords in `table`.

    Raises, when it is called:
        TypeError: an old keyword and its new one are both given, or the old one is not provided any more.
    """

    @wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        for old in table.keys() & kwargs.keys():
            _translate(who, old, table[old], kwargs, silent)
        return function(*args, **kwargs)

    return wrapper


def _translate(who: str, old: str, new: Keyword, kwargs: Any, silent: Collection[str]) -> None:
    value, spelling = kwargs.pop(old), "{}({})".format(who, old)
    if isinstance(new, Gone):
        raise TypeError("{}: the keyword '{}' of older releases is not provided; instead: {}".format(who, old, new.instead))
    if spelling not in silent:
        warn_once("{}({}=)".format(who, old), new.text() if isinstance(new, Ignored) else "{}({}=)".format(who, new))
    if isinstance(new, Ignored):
        return
    if new in kwargs:
        raise TypeError("{}: '{}' is the old spelling of '{}'; got both; give '{}' only".format(who, old, new, new))
    kwargs[new] = value


def add_keywords(module: ModuleType, name: str, table: Mapping[str, Keyword], silent: Collection[str] = ()) -> None:
    """Let the function or class `name` of `module` take the old keywords in `table`."""
    called = getattr(module, name)
    if isinstance(called, type):
        called.__init__ = keywords(called.__init__, name, table, silent)  # type: ignore[misc]  # of a class, not an instance
    else:
        setattr(module, name, keywords(called, name, table, silent))


def add_methods(cls: type, table: Mapping[str, str], silent: Collection[str] = ()) -> None:
    """Give `cls` old names of its methods; a subclass that overrides the new one is called by the old name too."""
    for old, new in table.items():
        setattr(cls, old, _forward(old, new, "{}.{}".format(cls.__name__, old) not in silent))


def _forward(old: str, new: str, loud: bool) -> Callable[..., Any]:
    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        if loud:
            warn_once("{}.{}()".format(type(self).__name__, old), "{}.{}()".format(type(self).__name__, new))
        return getattr(self, new)(*args, **kwargs)

    method.__name__ = method.__qualname__ = old
    method.__doc__ = "`{}` in older releases.".format(new)
    return method


def on_subclass(base: Any, prepare: Callable[[Any], None]) -> None:
    """Call `prepare` with each class that will be derived from `base`."""
    earlier = base.__dict__.get("__init_subclass__")

    def prepared(cls: Any, **kwargs: Any) -> None:
        if earlier is None:
            super(base, cls).__init_subclass__(**kwargs)
        else:
            earlier.__get__(None, cls)(**kwargs)
        prepare(cls)

    hook: Any = prepared
    base.__init_subclass__ = classmethod(hook)


def old_hooks(base: type, table: Mapping[str, Mapping[str, Callable[..., Any]]]) -> None:
    """Let subclasses of `base` define hooks of older releases, and call those of their parents by the old names.

    The most derived class decides. In a class that defines both the old hook is taken, unless today's calls it by itself.

    Args:
        table: today's hook -> {its old name -> what a class gets as today's hook that defines the old one}.
    """

    def prepare(cls: Any) -> None:
        for new, olds in table.items():
            for ancestor in cls.__mro__[:cls.__mro__.index(base)]:
                defined = [old for old in olds if old in ancestor.__dict__ and not _mentions(ancestor.__dict__.get(new), old)]
                if defined:
                    warn_once("{}.{}".format(base.__name__, defined[0]), "{}.{}".format(base.__name__, new))
                    setattr(cls, new, olds[defined[0]])
                if defined or new in ancestor.__dict__:
                    break

    on_subclass(base, prepare)
    for new, olds in table.items():
        for old in olds:
            setattr(base, old, _hook_of_parent(new, list(olds.values())))


def _mentions(function: Any, name: str) -> bool:
    return name in getattr(getattr(function, "__code__", None), "co_names", ())


def _hook_of_parent(new: str, made: Sequence[Callable[..., Any]]) -> Callable[..., Any]:
    """The old name in the base class: calls today's hook of the classes above the last one that has an old hook."""

    def hook(self: Any, *args: Any, **kwargs: Any) -> Any:
        defined = [cls.__dict__[new] for cls in type(self).__mro__ if new in cls.__dict__]
        while any(function in made for function in defined):
            del defined[0]
        return defined[0].__get__(self)(*args, **kwargs)

    return hook
