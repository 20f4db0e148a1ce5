"""Choosing between two ways by a Python value, or by a tensor that only a step knows."""
from __future__ import annotations

from typing import Any, Callable, Optional

from .....compat import is_tensor_like, is_variable
from .....compat import tfv1 as tf

__all__ = ["constant_value", "smart_cond"]


def constant_value(value: Any) -> Optional[Any]:
    """The value, of a tensor if it is known when the graph is built; None otherwise."""
    if is_variable(value):
        return None
    return tf.get_static_value(value) if is_tensor_like(value) else value


def smart_cond(predicate: Any, true_fn: Callable[[], Any], false_fn: Callable[[], Any], name: Optional[str] = None) -> Any:
    """What the chosen function returns, or a `tf.cond` of both."""
    value = constant_value(predicate)
    if value is None:
        return tf.cond(predicate, true_fn, false_fn, name=name)
    return true_fn() if value else false_fn()
