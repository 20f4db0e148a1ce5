"""`tf.contrib.util.loader`: libraries of operations."""
from __future__ import annotations

from typing import Any

from .....compat import tfv1 as tf

__all__ = ["load_op_library"]


def load_op_library(path: str) -> Any:
    """Load a library of operations, which is built for this TensorFlow, and return a module with functions of them.

    Raises:
        tf.errors.NotFoundError: there is no such file, or it does not fit this TensorFlow.
    """
    return tf.load_op_library(path)
