"""Scopes of default arguments for layers: `with argscope(Conv2D, kernel_size=3): ...`."""
from __future__ import annotations

import functools
import inspect
import threading
import types
from collections import defaultdict
from contextlib import contextmanager
from typing import Any, Callable, DefaultDict, Dict, Iterator, List, TypeVar

from .. import compat
from ..utils import logger
from ..utils._text.spec import shown
from ..utils._types import AnyFunction
from .model_utils import get_shape_str
from .tower import get_current_tower_context

__all__ = ["argscope", "enable_argscope_for_function", "enable_argscope_for_module", "get_arg_scope"]

_active = threading.local()

Outputs = TypeVar("Outputs")


def argscope(layers: Any, **kwargs: Any) -> Any:
    """A context in which every call of these layers gets `kwargs` as default arguments.

    Scopes nest: an inner value overrides an outer one argument by argument, and what a call itself gives wins over both.

    Args:
        layers: a layer, or a list or tuple of layers.

    Raises:
        ValueError: an element is not a layer: it lacks the mark that `layer_register` or
            `enable_argscope_for_function` set.
    """
    if not isinstance(layers, (list, tuple)):
        layers = [layers]
    for layer in layers:
        if not hasattr(layer, "__argscope_enabled__"):
            raise ValueError("argscope(layers): every layer must support argscope; got {!r}; register it by "
                             "layer_register or wrap it by enable_argscope_for_function".format(layer))
    return _scope([layer.__name__ for layer in layers], kwargs)


@contextmanager
def _scope(names: List[str], kwargs: Dict[str, Any]) -> Iterator[None]:
    # values are shared, not copied: they may be tensors
    scope = defaultdict(dict, {name: dict(values) for name, values in get_arg_scope().items()})
    for name in names:
        scope[name].update(kwargs)
    stack = _stack()
    stack.append(scope)
    try:
        yield
    finally:
        stack.pop()


def get_arg_scope() -> DefaultDict[str, Dict[str, Any]]:
    """The active scope of this thread, layer name -> {argument: value}; a change to it lasts until the scope ends.

    Without a scope it is a new empty one.
    """
    stack = _stack()
    return stack[-1] if stack else defaultdict(dict)


def enable_argscope_for_function(func: Callable[..., Outputs], log_shape: bool = True) -> Callable[..., Outputs]:
    """Wrap a function so that `argscope` gives it default arguments, under its `__name__`.

    Args:
        log_shape: log the shapes of the first tensor argument and of the (first) result at every call, except in towers
            other than the main one.
    """
    if not callable(func):
        raise TypeError("enable_argscope_for_function(func): func must be callable; got {!r}".format(func))

    @functools.wraps(func)
    def wrapped(*args: Any, **kwargs: Any) -> Outputs:
        result = func(*args, **dict(get_arg_scope()[func.__name__], **kwargs))
        if log_shape and _in_logged_tower():
            name = "'{}'".format(kwargs.get("name") or func.__name__)
            source = next((arg for arg in list(args) + list(kwargs.values()) if compat.is_tensor_like(_first(arg))), None)
            logger.info("%s", "{:<12}: {} --> {}".format(name, _shape_text(_first(source)), _shape_text(_first(result))))
        return result

    enabled: Any = wrapped
    enabled.__argscope_enabled__ = True
    return wrapped


def enable_argscope_for_module(module: Any, log_shape: bool = True) -> None:
    """Replace, in place, every plain function of a module by its wrapper from `enable_argscope_for_function`.

    Where the module has no function, or cannot be loaded, a warning says so: programs call this when they are imported, and
    may not need it, as where TensorFlow comes with Keras 3 and without `tf.layers`.

    Raises:
        TypeError: `module` is no module.
    """
    if not isinstance(module, types.ModuleType):
        raise TypeError("enable_argscope_for_module(module): must be a module; got {}".format(shown(module)))
    functions = _functions_of(module)
    if not functions:
        logger.warning("enable_argscope_for_module(%s): the module has no function, so argscope has nothing to give arguments "
                       "to. tf.layers has none where TensorFlow comes with Keras 3; use the layers of tensorpack.models.",
                       module.__name__)
    for name, function in functions.items():
        if not hasattr(function, "__argscope_enabled__"):
            setattr(module, name, enable_argscope_for_function(function, log_shape=log_shape))


def _functions_of(module: types.ModuleType) -> Dict[str, AnyFunction]:
    try:
        attributes = {name: getattr(module, name, None) for name in dir(module)}
    except ImportError:  # a module that is loaded when it is used, and cannot be
        return {}
    return {name: value for name, value in attributes.items() if inspect.isfunction(value)}


def _stack() -> List[DefaultDict[str, Dict[str, Any]]]:
    if not hasattr(_active, "stack"):
        _active.stack = []
    return _active.stack


def _in_logged_tower() -> bool:
    context = get_current_tower_context()
    return context is None or "tower" not in context.name.lower() or context.is_main_training_tower


def _first(value: Any) -> Any:
    return value[0] if isinstance(value, (list, tuple)) and value else value


def _shape_text(value: Any) -> str:
    try:
        return get_shape_str(value)
    except (TypeError, ValueError):  # no tensor, or of unknown rank
        return "?"
