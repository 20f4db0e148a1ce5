"""The trainers that minimise one cost, each with its way to build towers."""
from __future__ import annotations

from typing import Callable, List

from ..callbacks.base import Callback
from ..compat import tfv1 as tf
from ..input_source.input_source_base import InputSource
from ..tfutils.tower import TowerContext
from .tower import SingleCostTrainer

__all__ = ["SimpleTrainer"]


class SimpleTrainer(SingleCostTrainer):
    """One tower, with no name scope and no device of its own.

    Creates the operation `train_op`; variables and their optimizer slots have root names.
    """

    def _setup_graph(self, input: InputSource, get_cost_fn: Callable[..., tf.Tensor],
                     get_opt_fn: Callable[[], tf.train.Optimizer]) -> List[Callback]:
        with TowerContext("", is_training=True):
            gradients = self._make_get_grad_fn(input, get_cost_fn, get_opt_fn)()
            self.train_op = get_opt_fn().apply_gradients(gradients, name="train_op")
        return []
