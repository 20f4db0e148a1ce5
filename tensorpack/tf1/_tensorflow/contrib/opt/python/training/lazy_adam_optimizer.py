"""Adam whose averages of rows that have no gradient stay as they are: for embeddings."""
from __future__ import annotations

from typing import Any

from .......compat import tfv1 as tf
from . import _adam

__all__ = ["LazyAdamOptimizer"]


class LazyAdamOptimizer(tf.train.AdamOptimizer):
    """`tf.train.AdamOptimizer`, which for sparse gradients updates only the rows that have some."""

    def __init__(self, learning_rate: Any = 0.001, beta1: Any = 0.9, beta2: Any = 0.999, epsilon: float = 1e-8,
                 use_locking: bool = False, name: str = "Adam"):
        super().__init__(learning_rate, beta1, beta2, epsilon, use_locking, name)

    def _apply_sparse(self, grad: Any, var: Any) -> Any:
        return self._update_rows(grad.values, var, grad.indices)

    def _resource_apply_sparse(self, grad: Any, var: Any, indices: Any) -> Any:
        return self._update_rows(grad, var, indices)

    def _update_rows(self, grad: Any, var: Any, indices: Any) -> Any:
        adam = _adam.settings(self, var.dtype.base_dtype)
        m, v = self.get_slot(var, "m"), self.get_slot(var, "v")
        new_m = adam.beta1 * tf.gather(m, indices) + (1 - adam.beta1) * grad
        new_v = adam.beta2 * tf.gather(v, indices) + (1 - adam.beta2) * tf.square(grad)
        change = adam.step_size * new_m / (tf.sqrt(new_v) + adam.epsilon)
        with tf.control_dependencies([change]):  # all is read before anything is written
            return tf.group(tf.scatter_sub(var, indices, change, use_locking=self._use_locking),
                            tf.scatter_update(m, indices, new_m, use_locking=self._use_locking),
                            tf.scatter_update(v, indices, new_v, use_locking=self._use_locking))
