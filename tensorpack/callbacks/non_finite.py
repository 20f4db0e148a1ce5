"""Stop training in the very step in which something becomes NaN or infinite."""
from __future__ import annotations

import math
from typing import Sequence, Union

import numpy as np

from ..compat import tfv1 as tf
from ..tfutils.common import get_op_tensor_name
from .base import Callback

__all__ = ["TerminateOnNaN"]


class TerminateOnNaN(Callback):
    """Fail in the step in which a tensor becomes NaN or infinite, so that nothing is saved afterwards; on every process.

    The tensors are fetched with each step. Unlike `CheckNumerics`, which looks at variables, it is meant for the cost or for
    gradients, one step before the variables are spoilt for good.

    Args:
        names: name or names of floating point tensors, of any shape.

    Raises:
        FloatingPointError: in that step, with the tensor, its value and the global step.
    """

    _chief_only = False

    def __init__(self, names: Union[str, Sequence[str]]):
        names = [names] if isinstance(names, str) else list(names)
        if not names:
            raise ValueError("TerminateOnNaN: names must have at least one tensor name; got none; try the name of the cost")
        self.names = [get_op_tensor_name(name)[1] for name in names]

    def _setup_graph(self) -> None:
        tensors = self.get_tensors_maybe_in_tower(self.names)
        for name, tensor in zip(self.names, tensors):
            if not tensor.dtype.base_dtype.is_floating:
                raise TypeError("TerminateOnNaN: tensors must be of a floating point type; got {} for '{}'".format(
                    tensor.dtype.base_dtype.name, name))
        self._run_args = tf.train.SessionRunArgs(tensors)

    def _before_run(self, ctx: tf.train.SessionRunContext) -> tf.train.SessionRunArgs:
        return self._run_args

    def _after_run(self, run_context: tf.train.SessionRunContext, run_values: tf.train.SessionRunValues) -> None:
        for name, value in zip(self.names, run_values.results):
            if not (math.isfinite(value) if value.ndim == 0 else np.isfinite(value).all()):
                raise FloatingPointError("TerminateOnNaN: '{}' is {} at global step {}".format(
                    name, _describe_non_finite(value), self.global_step))


def _describe_non_finite(value: np.ndarray) -> str:
    if value.ndim == 0:
        return str(value)
    return "not finite in {} of {} elements".format(int(value.size - np.isfinite(value).sum()), value.size)
