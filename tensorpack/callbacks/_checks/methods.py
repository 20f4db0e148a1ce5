"""Methods of users' callback classes that nobody would call, or that stand in the place of those that the trainer calls."""
from __future__ import annotations

import inspect
from difflib import get_close_matches
from types import CodeType
from typing import Any, Dict, Iterable, Optional, Set

from ...utils.argtools import log_once
from ..base import Callback, unwrapped

__all__ = ["check_methods"]

# What the moments are called by the callbacks of Keras and Lightning, and by TensorFlow's SessionRunHook.
_ELSEWHERE = {
    "after_create_session": "_before_train", "begin": "_setup_graph", "end": "_after_train", "on_batch_begin": "_before_run",
    "on_batch_end": "_trigger_step", "on_epoch_begin": "_before_epoch", "on_epoch_end": "_trigger_epoch",
    "on_epoch_start": "_before_epoch", "on_train_batch_begin": "_before_run", "on_train_batch_end": "_trigger_step",
    "on_train_batch_start": "_before_run", "on_train_begin": "_before_train", "on_train_end": "_after_train",
    "on_train_epoch_end": "_trigger_epoch", "on_train_epoch_start": "_before_epoch", "on_train_start": "_before_train",
    "set_model": "_setup_graph"}
_ALIKE = 0.9  # names that are more alike than this, of 1 for equal ones, are taken for a slip


def check_methods(cb: Callback) -> None:
    """Warn, once for each class, of a callback whose methods look like a mistake; the library's own classes may do as they
    like.

    Raises:
        TypeError: its `setup_graph` cannot be called with the trainer.
    """
    cb = unwrapped(cb)
    own = _own_members(type(cb))
    if own:
        functions = {name: _code(value) for name, value in own.items() if inspect.isfunction(value)}
        _check_public(type(cb), functions)
        _warn_of_slips(cb, own, functions)


def _code(function: Any) -> CodeType:
    """The code of what a decorator has wrapped; of the wrapper, if that is no function."""
    return getattr(inspect.unwrap(function), "__code__", function.__code__)


def _library_methods(cls: type) -> Set[str]:
    """Names of the methods that a class has from the library."""
    library = [each for each in cls.__mro__ if _is_of_library(each) and each is not object]
    return {name for each in library for name, value in vars(each).items() if not name.startswith("__") and callable(value)}


def _is_of_library(cls: type) -> bool:
    return cls is object or cls.__module__.partition(".")[0] == __name__.partition(".")[0]


def _own_members(cls: type) -> Dict[str, Any]:
    """What a class has from outside of the library, by name; nothing if it has no methods of its own."""
    found: Dict[str, Any] = {}
    for each in reversed([each for each in cls.__mro__ if not _is_of_library(each)]):
        found.update(vars(each))
    return found if any(map(inspect.isroutine, found.values())) else {}


def _check_public(cls: type, functions: Dict[str, CodeType]) -> None:
    known = _library_methods(cls)
    for name in functions:
        # one that goes on to the method of the class above, or to the one with the underscore, is meant
        if name not in known or "_" + name not in known or _mentions(functions[name], "super", name, "_" + name):
            continue
        if name == "setup_graph" and not _takes_trainer(getattr(cls, name)):
            raise TypeError("{}: setup_graph is called with the trainer, which it must take; got setup_graph{}; override "
                            "_setup_graph(self), which has self.trainer".format(
                                cls.__name__, inspect.signature(getattr(cls, name))))
        log_once("{0} overrides {1}, which others call and which calls _{1}; override _{1} instead.".format(
            cls.__name__, name), "warning")


def _mentions(code: CodeType, *names: str) -> bool:
    """Whether code, or a function inside of it, reads a variable or attribute of one of these names."""
    return not set(names).isdisjoint(code.co_names) or any(
        _mentions(constant, *names) for constant in code.co_consts if isinstance(constant, CodeType))


def _takes_trainer(method: Any) -> bool:
    try:
        inspect.signature(method).bind("self", "trainer")
    except TypeError:
        return False
    return True


def _warn_of_slips(cb: Callback, own: Dict[str, Any], functions: Dict[str, CodeType]) -> None:
    who, known = type(cb).__name__, _library_methods(type(cb))
    parent = next(cls for cls in type(cb).__mro__ if _is_of_library(cls))
    strangers = [name for name in functions if not name.startswith("__") and name not in known
                 and not any(_mentions(code, name) for code in functions.values())]
    if parent is Callback and not any(name in own or name in vars(cb) for name in known):
        meant = [(name, _ELSEWHERE.get(name) or _nearest(name, known)) for name in strangers]
        hints = ["instead of {} override {}".format(name, other) for name, other in meant if other]
        log_once("{} overrides no method of Callback, so that it does nothing; {}.".format(
            who, "; ".join(hints) or "override one, such as _trigger_epoch"), "warning")
        return
    for name in strangers:
        other = _nearest(name, known) if name.startswith("_") else None
        if other:
            log_once("{}.{} is no method of a callback, nobody calls it; did you mean {}?".format(who, name, other), "warning")


def _nearest(name: str, known: Iterable[str]) -> Optional[str]:
    """The method to override for which a name is a slip, if any."""
    near = get_close_matches(name if name.startswith("_") else "_" + name, sorted(known), 1, _ALIKE)
    return near[0] if near else None
