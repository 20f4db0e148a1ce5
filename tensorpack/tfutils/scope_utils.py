"""Decorators and contexts for name scopes and variable scopes."""
from __future__ import annotations

from contextlib import contextmanager
from typing import Any, Callable, Iterator, Optional, Set
from weakref import WeakKeyDictionary

from ..compat import tfv1 as tf
from ..utils import logger
from ..utils._types import AnyFunction, Function, wraps
from ._graph_state import graph_state

__all__ = ["auto_reuse_variable_scope", "cached_name_scope", "under_name_scope"]


def auto_reuse_variable_scope(func: Function) -> Function:
    """A decorator: the second and later calls of `func` in a variable scope of a graph run with `reuse=True`.

    The first call runs plainly; one that raises does not count. No name scope is opened.
    """
    # graph -> names of the variable scopes in which func was called
    used_scopes: WeakKeyDictionary[tf.Graph, Set[str]] = WeakKeyDictionary()

    @wraps(func)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        used = used_scopes.setdefault(tf.get_default_graph(), set())
        scope = tf.get_variable_scope()
        if scope.name in used:
            with tf.variable_scope(scope, reuse=True, auxiliary_name_scope=False):
                return func(*args, **kwargs)
        result = func(*args, **kwargs)
        used.add(scope.name)
        return result

    return wrapper


def under_name_scope(name_scope: Optional[str] = None) -> Callable[[AnyFunction], AnyFunction]:
    """A decorator factory: the function runs in a new name scope, called like `name_scope` or else like the function.

    The decorated function takes a keyword argument `name_scope=`; with it the scope of that name below the current one is
    opened, or entered again if it was opened so before.
    """
    def decorator(func: AnyFunction) -> AnyFunction:
        @wraps(func)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            requested = kwargs.pop("name_scope", None)
            if requested is None:
                with tf.name_scope(name_scope or func.__name__):
                    return func(*args, **kwargs)
            with cached_name_scope(requested, top_level=False) as scope:
                if not ("/" + scope).endswith("/" + requested + "/"):
                    logger.warning("%s(name_scope='%s') runs in the name scope '%s' because that name was taken already.",
                                   func.__name__, requested, scope)
                return func(*args, **kwargs)

        return wrapper

    return decorator


def under_variable_scope() -> Callable[[Function], Function]:
    """A decorator factory: the function runs in a variable scope called like the function; variables are not reused."""
    def decorator(func: Function) -> Function:
        @wraps(func)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            with tf.variable_scope(func.__name__):
                return func(*args, **kwargs)

        return wrapper

    return decorator


@contextmanager
def cached_name_scope(name: str, top_level: bool = True) -> Iterator[str]:
    """A name scope that is made (and made unique) at its first use in a graph and entered again at later uses.

    Args:
        name: of the scope.
        top_level: make it at the root; else below the current name scope.

    Yields:
        the full name of the scope with a trailing slash, like `"A/"`.
    """
    scopes = graph_state("cached_name_scopes")
    parent = None if top_level else tf.get_default_graph().get_name_scope() or None
    key = (parent, name)
    if key not in scopes:
        with tf.name_scope(parent + "/" if parent else None), tf.name_scope(name) as made:
            scopes[key] = made
    with tf.name_scope(scopes[key]) as scope:
        yield scope
