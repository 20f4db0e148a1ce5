"""Adam by the largest gradient instead of the mean of squares (Kingma and Ba 2014, section 7.1)."""
from __future__ import annotations

from typing import Any, Callable, List

from .......compat import tfv1 as tf

__all__ = ["AdaMaxOptimizer"]


class AdaMaxOptimizer(tf.train.AdamOptimizer):
    """Slots are those of Adam; there is no power of `beta2`."""

    def __init__(self, learning_rate: Any = 0.001, beta1: Any = 0.9, beta2: Any = 0.999, epsilon: float = 1e-8,
                 use_locking: bool = False, name: str = "AdaMax"):
        super().__init__(learning_rate, beta1, beta2, epsilon, use_locking, name)

    def _get_beta_accumulators(self) -> Any:
        return self._get_non_slot_variable("beta1_power", graph=tf.get_default_graph())

    def _create_slots(self, var_list: List[Any]) -> None:
        first = min(var_list, key=lambda each: each.name)
        self._create_non_slot_variable(initial_value=self._beta1, name="beta1_power", colocate_with=first)
        for each in var_list:
            self._zeros_slot(each, "m", self._name)
            self._zeros_slot(each, "v", self._name)

    def _scalars(self, dtype: Any) -> Any:
        names = ("beta1_power", "lr", "beta1", "beta2", "epsilon")
        values = (self._get_beta_accumulators(), self._lr_t, self._beta1_t, self._beta2_t, self._epsilon_t)
        return {name: tf.cast(value, dtype) for name, value in zip(names, values)}

    def _apply_dense(self, grad: Any, var: Any) -> Any:
        m, v = self.get_slot(var, "m"), self.get_slot(var, "v")
        return tf.raw_ops.ApplyAdaMax(var=var._ref(), m=m._ref(), v=v._ref(), grad=grad, use_locking=self._use_locking,
                                      **self._scalars(var.dtype.base_dtype)).op

    def _resource_apply_dense(self, grad: Any, var: Any) -> Any:
        m, v = self.get_slot(var, "m"), self.get_slot(var, "v")
        return tf.raw_ops.ResourceApplyAdaMax(var=var.handle, m=m.handle, v=v.handle, grad=grad,
                                              use_locking=self._use_locking, **self._scalars(grad.dtype.base_dtype))

    def _apply_sparse(self, grad: Any, var: Any) -> Any:
        return self._update_rows(grad.values, var, grad.indices)

    def _resource_apply_sparse(self, grad: Any, var: Any, indices: Any) -> Any:
        return self._update_rows(grad, var, indices)

    def _update_rows(self, grad: Any, var: Any, indices: Any) -> Any:
        scalars = self._scalars(var.dtype.base_dtype)
        m, v = self.get_slot(var, "m"), self.get_slot(var, "v")
        new_m = tf.gather(m, indices) * scalars["beta1"] + grad * (1 - scalars["beta1"])
        new_v = tf.maximum(tf.gather(v, indices) * scalars["beta2"], tf.abs(grad))
        change = scalars["lr"] / (1 - scalars["beta1_power"]) * (new_m / (new_v + scalars["epsilon"]))
        locking = {"use_locking": self._use_locking}
        with tf.control_dependencies([change]):  # all is read before anything is written
            return tf.group(tf.scatter_sub(var, indices, change, **locking), tf.scatter_update(m, indices, new_m, **locking),
                            tf.scatter_update(v, indices, new_v, **locking))

    def _finish(self, update_ops: List[Any], name_scope: Callable[..., Any]) -> Any:
        with tf.control_dependencies(update_ops):
            power = self._get_beta_accumulators()
            with tf.colocate_with(power):
                update = power.assign(power * self._beta1_t, use_locking=self._use_locking)
        return tf.group(*update_ops + [update], name=name_scope)
