"""Adam with Nesterov's momentum (Dozat 2016)."""
from __future__ import annotations

from typing import Any

from .......compat import tfv1 as tf
from . import _adam

__all__ = ["NadamOptimizer"]


class NadamOptimizer(tf.train.AdamOptimizer):
    """`tf.train.AdamOptimizer` that looks one step of momentum ahead."""

    def __init__(self, learning_rate: Any = 0.001, beta1: Any = 0.9, beta2: Any = 0.999, epsilon: float = 1e-8,
                 use_locking: bool = False, name: str = "Adam"):
        super().__init__(learning_rate, beta1, beta2, epsilon, use_locking, name)

    def _apply_dense(self, grad: Any, var: Any) -> Any:
        adam, m, v = self._parts(var)
        return tf.raw_ops.ApplyAdam(
            var=var._ref(), m=m._ref(), v=v._ref(), beta1_power=adam.beta1_power, beta2_power=adam.beta2_power,
            lr=adam.learning_rate, beta1=adam.beta1, beta2=adam.beta2, epsilon=adam.epsilon, grad=grad,
            use_locking=self._use_locking, use_nesterov=True).op

    def _resource_apply_dense(self, grad: Any, var: Any) -> Any:
        adam, m, v = self._parts(var)
        return tf.raw_ops.ResourceApplyAdam(
            var=var.handle, m=m.handle, v=v.handle, beta1_power=adam.beta1_power, beta2_power=adam.beta2_power,
            lr=adam.learning_rate, beta1=adam.beta1, beta2=adam.beta2, epsilon=adam.epsilon, grad=grad,
            use_locking=self._use_locking, use_nesterov=True)

    def _parts(self, var: Any) -> Any:
        return _adam.settings(self, var.dtype.base_dtype), self.get_slot(var, "m"), self.get_slot(var, "v")

    def _apply_sparse_shared(self, grad: Any, var: Any, indices: Any, scatter_add: Any) -> Any:
        adam, m, v = self._parts(var)
        scaled, scaled_square = grad * (1 - adam.beta1), tf.square(grad) * (1 - adam.beta2)
        with tf.control_dependencies([tf.assign(m, m * adam.beta1, use_locking=self._use_locking)]):
            new_m = scatter_add(m, indices, scaled)
        with tf.control_dependencies([tf.assign(v, v * adam.beta2, use_locking=self._use_locking)]):
            new_v = scatter_add(v, indices, scaled_square)
        ahead = scaled + adam.beta1 * tf.gather(new_m, indices)
        change = -adam.step_size * ahead / (tf.sqrt(tf.gather(new_v, indices)) + adam.epsilon)
        return tf.group(scatter_add(var, indices, change), ahead, new_v)
