"""The step counter of a graph."""
from __future__ import annotations

from typing import Any, Optional

from .....compat import tfv1 as tf

__all__ = ["assert_global_step", "assert_or_get_global_step", "create_global_step", "get_global_step",
           "get_or_create_global_step"]


def assert_global_step(global_step_tensor: Any) -> None:
    """Raise TypeError unless it is a scalar of whole numbers."""
    tf.train.assert_global_step(global_step_tensor)


def assert_or_get_global_step(graph: Any = None, global_step_tensor: Any = None) -> Optional[Any]:
    """The given counter, if it is one, else that of the graph or None."""
    if global_step_tensor is None:
        return get_global_step(graph)
    assert_global_step(global_step_tensor)
    return global_step_tensor


def get_global_step(graph: Any = None) -> Optional[Any]:
    """The counter of the graph, or None."""
    return tf.train.get_global_step(graph)


def create_global_step(graph: Any = None) -> Any:
    """A new counter; ValueError if the graph has one."""
    return tf.train.create_global_step(graph)


def get_or_create_global_step(graph: Any = None) -> Any:
    """The counter of the graph, made if there is none."""
    return tf.train.get_or_create_global_step(graph)
