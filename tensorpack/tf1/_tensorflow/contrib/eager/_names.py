"""The names that TensorFlow has elsewhere."""
from __future__ import annotations

from typing import Any

from .....compat import inner_module, num_gpus
from .....compat import tfv1 as tf

Checkpoint = tf.train.Checkpoint
GradientTape = tf.GradientTape
TensorSpec = tf.TensorSpec
Variable = inner_module("ops.resource_variable_ops").ResourceVariable
custom_gradient = tf.custom_gradient
executing_eagerly = tf.executing_eagerly
function = tf.function
in_eager_mode = tf.executing_eagerly
py_func = tf.py_function

__all__ = [
    "Checkpoint", "GradientTape", "TensorSpec", "Variable", "custom_gradient", "enable_eager_execution", "executing_eagerly",
    "function", "in_eager_mode", "num_gpus", "py_func",
]


def enable_eager_execution(config: Any = None, device_policy: Any = None, execution_mode: Any = None) -> None:
    """Run operations at once, from now on; graphs that are made explicitly still work.

    Args:
        config: a `tf.ConfigProto`.
        device_policy, execution_mode: as in `tf.enable_eager_execution`.

    Raises:
        ValueError: there is a graph already.
    """
    try:
        tf.enable_eager_execution(config, device_policy, execution_mode)
    except ValueError as e:
        raise ValueError("enable_eager_execution: it must be called before the program makes its first tensor or graph; got a "
                         "program that has made one; programs of graphs, and those of tensorpack, do not need it") from e
