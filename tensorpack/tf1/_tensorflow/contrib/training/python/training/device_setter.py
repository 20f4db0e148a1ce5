"""Which parameter server gets a variable: strategies for `tf.train.replica_device_setter(ps_strategy=...)`."""
from __future__ import annotations

import hashlib
from typing import Any, Callable, List

from .......compat import tfv1 as tf

__all__ = ["GreedyLoadBalancingStrategy", "RandomStrategy", "byte_size_load_fn"]


class RandomStrategy:
    """A task that depends on the name of the operation and the seed alone."""

    def __init__(self, num_ps_tasks: int, seed: int = 0):
        self._num_tasks, self._seed = num_ps_tasks, seed

    def __call__(self, op: Any) -> int:
        key = "{}_{}".format(op.name, self._seed).encode("utf-8")
        return int(hashlib.md5(key).hexdigest(), 16) % self._num_tasks


class GreedyLoadBalancingStrategy:
    """The task with the least load so far; `load_fn` says what an operation weighs."""

    def __init__(self, num_tasks: int, load_fn: Callable[[Any], float]):
        self._load_fn = load_fn
        self._loads: List[float] = [0.0] * num_tasks

    def __call__(self, op: Any) -> int:
        task = self._loads.index(min(self._loads))
        self._loads[task] += self._load_fn(op)
        return task


def byte_size_load_fn(op: Any) -> int:
    """The size in bytes of the one output of an operation.

    Raises:
        ValueError: it has another number of outputs, or its shape is not known.
    """
    if len(op.outputs) != 1:
        raise ValueError("byte_size_load_fn: the operation must have one output; got {}".format(op))
    output = op.outputs[0]
    shape = output.shape if output.shape.is_fully_defined() else tf.TensorShape(op.get_attr("shape"))
    shape.assert_is_fully_defined()
    return int(shape.num_elements() * output.dtype.size)
