"""Weight decay that is no part of the loss (Loshchilov and Hutter 2017, https://arxiv.org/abs/1711.05101).

Before each step of the optimizer a variable loses `weight_decay` of itself. The decay is not multiplied by the learning rate:
a schedule has to be applied to both.
"""
from __future__ import annotations

import inspect
import logging
from typing import Any, Dict, List, Optional, Sequence, Set, Tuple

from .......compat import tfv1 as tf

__all__ = ["AdamWOptimizer", "DecoupledWeightDecayExtension", "MomentumWOptimizer", "extend_with_decoupled_weight_decay"]


_Optimizer: Any = object  # whichever comes next among the bases


class DecoupledWeightDecayExtension(_Optimizer):
    """Put before an optimizer among the bases of a class, it adds weight decay.

    Args:
        weight_decay: number, tensor, or a function that returns one.
        kwargs: those of the optimizer.
    """

    def __init__(self, weight_decay: Any, **kwargs: Any):
        self._decay_names: Optional[Set[str]] = None  # all variables
        self._gradients: List[Any] = []
        self._weight_decay = weight_decay
        super().__init__(**kwargs)

    def minimize(self, loss: Any, global_step: Any = None, var_list: Any = None,
                 gate_gradients: int = tf.train.Optimizer.GATE_OP, aggregation_method: Any = None,
                 colocate_gradients_with_ops: bool = False, name: Optional[str] = None, grad_loss: Any = None,
                 decay_var_list: Optional[Sequence[Any]] = None) -> Any:
        """As the optimizer's.

        Args:
            decay_var_list: has no effect, as in TensorFlow 1.15, which decays all variables here; `apply_gradients` takes one
                that has.
        """
        if decay_var_list:
            logging.getLogger("tensorflow").warning(
                "%s.minimize: decay_var_list has no effect, as in TensorFlow 1.15, and all variables decay; to decay some call "
                "compute_gradients, then apply_gradients(decay_var_list=...)", type(self).__name__)
        return super().minimize(
            loss, global_step=global_step, var_list=var_list, gate_gradients=gate_gradients,
            aggregation_method=aggregation_method, colocate_gradients_with_ops=colocate_gradients_with_ops, name=name,
            grad_loss=grad_loss)

    def apply_gradients(self, grads_and_vars: Any, global_step: Any = None, name: Optional[str] = None,
                        decay_var_list: Optional[Sequence[Any]] = None) -> Any:
        """As the optimizer's.

        Args:
            decay_var_list: the variables to decay; all if None.
        """
        grads_and_vars = list(grads_and_vars)
        self._decay_names = {each.name for each in decay_var_list} if decay_var_list else None
        # A variable must not decay before all gradients have read it
        self._gradients = [gradient for gradient, _ in grads_and_vars if gradient is not None]
        return super().apply_gradients(grads_and_vars, global_step=global_step, name=name)

    def _prepare(self) -> None:
        if callable(self._weight_decay):
            self._weight_decay = self._weight_decay()
        super()._prepare()

    def _decays(self, variable: Any) -> bool:
        return self._decay_names is None or variable.name in self._decay_names

    def _decay(self, variable: Any) -> Any:
        if not self._decays(variable):
            return tf.no_op()
        with tf.control_dependencies(self._gradients):
            change = self._weight_decay * variable
            return tf.assign_sub(variable, change, use_locking=self._use_locking)

    def _decay_rows(self, variable: Any, indices: Any) -> Any:
        if not self._decays(variable):
            return tf.no_op()
        with tf.control_dependencies(self._gradients):
            change = -self._weight_decay * tf.gather(variable, indices)
            return tf.scatter_add(variable, indices, change, use_locking=self._use_locking)

    def _apply_dense(self, grad: Any, var: Any) -> Any:
        with tf.control_dependencies([self._decay(var)]):
            return super()._apply_dense(grad, var)

    def _resource_apply_dense(self, grad: Any, var: Any) -> Any:
        with tf.control_dependencies([self._decay(var)]):
            return super()._resource_apply_dense(grad, var)

    def _apply_sparse(self, grad: Any, var: Any) -> Any:
        with tf.control_dependencies([self._decay_rows(var, grad.indices)]):
            return super()._apply_sparse(grad, var)

    def _resource_apply_sparse(self, grad: Any, var: Any, indices: Any) -> Any:
        with tf.control_dependencies([self._decay_rows(var, indices)]):
            return super()._resource_apply_sparse(grad, var, indices)


def extend_with_decoupled_weight_decay(base_optimizer: Any) -> Any:
    """A class of optimizers as `base_optimizer`, whose first argument is the weight decay."""

    class OptimizerWithDecoupledWeightDecay(DecoupledWeightDecayExtension, base_optimizer):
        def __init__(self, weight_decay: Any, *args: Any, **kwargs: Any):
            super().__init__(weight_decay, **_by_name(base_optimizer, args, kwargs))

    return OptimizerWithDecoupledWeightDecay


def _by_name(optimizer: Any, args: Tuple[Any, ...], kwargs: Dict[str, Any]) -> Dict[str, Any]:
    """All arguments of an optimizer as keywords."""
    return dict(inspect.signature(optimizer).bind(*args, **kwargs).arguments)


class MomentumWOptimizer(DecoupledWeightDecayExtension, tf.train.MomentumOptimizer):
    """`tf.train.MomentumOptimizer` with weight decay."""

    def __init__(self, weight_decay: Any, learning_rate: Any, momentum: Any, use_locking: bool = False,
                 name: str = "MomentumW", use_nesterov: bool = False):
        super().__init__(weight_decay, learning_rate=learning_rate, momentum=momentum, use_locking=use_locking, name=name,
                         use_nesterov=use_nesterov)


class AdamWOptimizer(DecoupledWeightDecayExtension, tf.train.AdamOptimizer):
    """`tf.train.AdamOptimizer` with weight decay."""

    def __init__(self, weight_decay: Any, learning_rate: Any = 0.001, beta1: Any = 0.9, beta2: Any = 0.999,
                 epsilon: float = 1e-8, use_locking: bool = False, name: str = "AdamW"):
        super().__init__(weight_decay, learning_rate=learning_rate, beta1=beta1, beta2=beta2, epsilon=epsilon,
                         use_locking=use_locking, name=name)
