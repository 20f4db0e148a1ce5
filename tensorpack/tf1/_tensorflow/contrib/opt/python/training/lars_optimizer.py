"""Momentum with a learning rate for each layer (You et al. 2017, https://arxiv.org/abs/1708.03888)."""
from __future__ import annotations

from typing import Any, List, Optional, Sequence, Tuple

from .......compat import tfv1 as tf

__all__ = ["LARSOptimizer"]


class LARSOptimizer(tf.train.Optimizer):
    """The learning rate of a variable w with gradient g is times eeta |w| / (|g| + weight_decay |w| + epsilon).

    Args:
        skip_list: parts of names of variables that have neither that factor nor weight decay.

    Raises:
        ValueError: momentum or weight decay is negative.
    """

    def __init__(self, learning_rate: Any, momentum: float = 0.9, weight_decay: float = 0.0001, eeta: float = 0.001,
                 epsilon: float = 0.0, name: str = "LARSOptimizer", skip_list: Optional[Sequence[str]] = None,
                 use_nesterov: bool = False):
        for argument, value in (("momentum", momentum), ("weight_decay", weight_decay)):
            if value < 0:
                raise ValueError("LARSOptimizer: {} must not be negative; got {}".format(argument, value))
        super().__init__(use_locking=False, name=name)
        self._learning_rate, self._momentum, self._weight_decay = learning_rate, momentum, weight_decay
        self._eeta, self._epsilon, self._skip_list, self._use_nesterov = eeta, epsilon, skip_list, use_nesterov

    def _create_slots(self, var_list: List[Any]) -> None:
        for each in var_list:
            self._zeros_slot(each, "momentum", self._name)

    def _prepare(self) -> None:
        rate = self._learning_rate() if callable(self._learning_rate) else self._learning_rate
        self._learning_rate_tensor = tf.convert_to_tensor(rate, name="learning_rate")
        self._momentum_tensor = tf.convert_to_tensor(self._momentum, name="momentum")

    def compute_lr(self, grad: Any, var: Any) -> Tuple[Any, Any]:
        """(learning rate of a variable, gradient with weight decay)."""
        if any(part in var.name for part in self._skip_list or ()):
            return self._learning_rate, grad
        size, slope = tf.norm(var, ord=2), tf.norm(grad, ord=2)
        ratio = self._eeta * size / (slope + self._weight_decay * size + self._epsilon)
        ratio = tf.where(tf.logical_and(size > 0, slope > 0), ratio, tf.ones_like(ratio))
        return self._learning_rate * ratio, grad + self._weight_decay * var

    def _arguments(self, grad: Any, var: Any) -> Any:
        rate, grad = self.compute_lr(grad, var)
        return {"lr": tf.cast(1.0, var.dtype.base_dtype), "grad": grad * rate,
                "momentum": tf.cast(self._momentum, var.dtype.base_dtype), "use_locking": False,
                "use_nesterov": self._use_nesterov}

    def _apply_dense(self, grad: Any, var: Any) -> Any:
        return tf.raw_ops.ApplyMomentum(var=var._ref(), accum=self.get_slot(var, "momentum")._ref(),
                                        **self._arguments(grad, var))

    def _resource_apply_dense(self, grad: Any, var: Any) -> Any:
        return tf.raw_ops.ResourceApplyMomentum(var=var.handle, accum=self.get_slot(var, "momentum").handle,
                                                **self._arguments(grad, var))

    def _sparse_arguments(self, var: Any) -> Any:
        dtype = var.dtype.base_dtype
        return {"lr": tf.cast(self._learning_rate_tensor, dtype), "momentum": tf.cast(self._momentum_tensor, dtype),
                "use_locking": self._use_locking, "use_nesterov": self._use_nesterov}

    def _apply_sparse(self, grad: Any, var: Any) -> Any:
        return tf.raw_ops.SparseApplyMomentum(
            var=var._ref(), accum=self.get_slot(var, "momentum")._ref(), grad=grad.values, indices=grad.indices,
            **self._sparse_arguments(var)).op

    def _resource_apply_sparse(self, grad: Any, var: Any, indices: Any) -> Any:
        return tf.raw_ops.ResourceSparseApplyMomentum(
            var=var.handle, accum=self.get_slot(var, "momentum").handle, grad=grad, indices=indices,
            **self._sparse_arguments(var))
