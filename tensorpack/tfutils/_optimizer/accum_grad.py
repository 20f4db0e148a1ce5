"""`AccumGradOptimizer`: one update from the gradients of several steps."""
from __future__ import annotations

import weakref
from typing import Any, List, Optional, Sequence, Tuple

from ...compat import tfv1 as tf
from ...utils._arguments.numbers import whole_number
from .._graph_state import graph_state
from .._precision import is_half, like
from .gradient import dense_gradient, drop_none
from .proxy import ProxyOptimizer

__all__ = ["AccumGradOptimizer"]


class AccumGradOptimizer(ProxyOptimizer):
    """Sums gradients and lets the inner optimizer apply the sum at calls `niter`, `2 * niter`, ...

    To train as with batches `niter` times as large, divide the cost or the learning rate by `niter`. The other calls change
    no variable of the model. Pairs without gradient are dropped with a warning; `tf.IndexedSlices` become dense.

    Creates the global, non-trainable variables `<var>/AccumGrad` (the sums, in float32 for variables of half precision) and,
    for each call of `apply_gradients`, `AccumGrad/counter` (int32, number of steps; the second one is `AccumGrad_1/counter`).
    Variables that the inner optimizer names itself get the prefix `AccumGradOptimizer/cond/`, as Adam's `beta1_power`.

    Args:
        opt: a `tf.train.Optimizer`.
        niter: number of steps to an update, at least 1.
    """

    def __init__(self, opt: tf.train.Optimizer, niter: int):
        super().__init__(opt, "AccumGrad")
        self._niter = whole_number(self, "niter", niter, minimum=1)

    def apply_gradients(self, grads_and_vars: Sequence[Tuple[Any, Any]], global_step: Optional[Any] = None,
                        name: Optional[str] = None) -> tf.Operation:
        """The operation `AccumGradOptimizer/<name>` (default `cond_update_grad`) of one step: sum, and maybe update.

        Args:
            grads_and_vars: pairs as from `compute_gradients`.
            global_step: a variable to increment at each step, with or without update.

        Raises:
            ValueError: no pair has a gradient.
        """
        pairs = drop_none(list(grads_and_vars))
        if not pairs:
            raise ValueError("AccumGradOptimizer.apply_gradients: some variable must have a gradient; got none")
        with tf.init_scope():
            sums = [(self._sum_of(variable), variable) for _, variable in pairs]
            counter = self._new_counter()
        with tf.name_scope("AccumGradOptimizer"):
            adds = [total.assign_add(like(dense_gradient(grad, variable), total), read_value=False)
                    for (grad, variable), (total, _) in zip(pairs, sums)]
            step = tf.cond(self._is_due(counter, adds), lambda: self._update(sums), tf.no_op, name="cond")
            if global_step is not None:
                with tf.control_dependencies([step]):
                    step = global_step.assign_add(1, read_value=False)
            return tf.group(step, name=name or "cond_update_grad")

    def variables(self) -> List[Any]:
        """The variables of the inner optimizer in the default graph, then the sums and the counters."""
        return super().variables() + self._counters()

    def _is_due(self, counter: Any, adds: Sequence[tf.Operation]) -> Any:
        """Whether this is the last step before an update; known only when the sums and the counter are up to date."""
        with tf.control_dependencies(adds):
            increment = counter.assign_add(1, read_value=False)
        with tf.control_dependencies([increment]):
            return tf.equal(tf.math.floormod(counter.read_value(), self._niter), 0)

    def _update(self, sums: Sequence[Tuple[Any, Any]]) -> tf.Operation:
        applied = self._opt.apply_gradients([(like(total.read_value(), variable), variable) for total, variable in sums])
        with tf.control_dependencies([applied]):
            return tf.group(*[total.assign(tf.zeros_like(total), read_value=False) for total, _ in sums])

    def _sum_of(self, variable: Any) -> Any:
        if not is_half(variable):
            return self._zeros_slot(variable, "accum", self._name)
        return self._get_or_make_slot_with_initializer(
            variable, tf.zeros_initializer(), variable.shape, tf.float32, "accum", self._name)

    def _new_counter(self) -> Any:
        # One for each call: replicated towers call this optimizer once per tower, each with its own variables.
        with tf.variable_scope(None, default_name="AccumGrad"), tf.device("/cpu:0"):
            counter = tf.get_variable("counter", shape=[], dtype=tf.int32, trainable=False, initializer=tf.zeros_initializer())
        self._counters().append(counter)
        return counter

    def _counters(self) -> List[Any]:
        return graph_state("accum_grad_counters", weakref.WeakKeyDictionary).setdefault(self, [])
