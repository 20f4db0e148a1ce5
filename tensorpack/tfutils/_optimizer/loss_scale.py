"""`LossScaleOptimizer`: gradients of a float16 model without underflow."""
from __future__ import annotations

import numbers
import weakref
from typing import Any, Dict, List, NamedTuple, Optional, Sequence, Tuple

from ...compat import tfv1 as tf
from ...utils._arguments.numbers import whole_number
from .._graph_state import graph_state
from .._precision import like, widened
from .gradient import drop_none, map_values
from .proxy import ProxyOptimizer

__all__ = ["LossScaleOptimizer"]

_LARGEST_SCALE = 2.0 ** 24  # with it the smallest float16 number stands for one below 1e-14


class _State(NamedTuple):
    scale: Any
    good_steps: Any


class LossScaleOptimizer(ProxyOptimizer):
    """Multiplies the cost by a large number and divides the gradients by it, for models that compute in float16.

    A step whose gradients are not all finite updates nothing and halves the number; after `growth_steps` good steps in
    succession it doubles. Gradient processors and `AccumGradOptimizer` around this optimizer see the true gradients.

    Creates the global, non-trainable variables `LossScale/scale` (float32) and `LossScale/good_steps` (int32). Variables that
    the inner optimizer names itself get the prefix `LossScaleOptimizer/cond/`.

    Args:
        opt: a `tf.train.Optimizer`.
        initial_scale: the number at the start, at least 1.
        growth_steps: good steps before the number grows, at least 1; several `apply_gradients` in a graph (replicated
            towers) count as several steps.
    """

    def __init__(self, opt: tf.train.Optimizer, *, initial_scale: float = 2.0 ** 15, growth_steps: int = 2000):
        super().__init__(opt, "LossScaleOptimizer")
        if not isinstance(initial_scale, numbers.Real) or not 1 <= initial_scale <= _LARGEST_SCALE:
            raise ValueError("LossScaleOptimizer: initial_scale must be a number from 1 to 2**24; got {!r}".format(
                initial_scale))
        self._initial_scale: float = float(initial_scale)
        self._growth_steps: int = whole_number(self, "growth_steps", growth_steps, minimum=1)

    def compute_gradients(self, loss: Any, *args: Any, **kwargs: Any) -> List[Tuple[Any, Any]]:
        """The gradients of `loss`, computed through the scaled loss; arguments as of the inner optimizer."""
        scale = self._state().scale
        with tf.name_scope("LossScale"):
            scaled = tf.cast(loss, tf.float32) * scale
        pairs = self._opt.compute_gradients(scaled, *args, **kwargs)
        with tf.name_scope("LossScale"):
            return [(None if grad is None else map_values(lambda values: _divided(values, scale), grad), variable)
                    for grad, variable in pairs]

    def apply_gradients(self, grads_and_vars: Sequence[Tuple[Any, Any]], global_step: Optional[Any] = None,
                        name: Optional[str] = None) -> tf.Operation:
        """The operation `LossScaleOptimizer/<name>` (default `update`): apply finite gradients, then adapt the scale.

        Args:
            global_step: a variable that is incremented by each step that is not skipped.

        Raises:
            ValueError: no pair has a gradient.
        """
        pairs = drop_none(list(grads_and_vars))
        if not pairs:
            raise ValueError("LossScaleOptimizer.apply_gradients: some variable must have a gradient; got none")
        state = self._state()
        with tf.name_scope("LossScaleOptimizer"):
            finite = _all_finite([grad for grad, _ in pairs])
            applied = tf.cond(finite, lambda: tf.group(self._opt.apply_gradients(pairs, global_step)), tf.no_op, name="cond")
            with tf.control_dependencies([applied]):
                adapted = self._adapt(state, finite)
            return tf.group(*adapted, name=name or "update")

    def variables(self) -> List[Any]:
        """The variables of the inner optimizer in the default graph, then the scale and the counter of good steps."""
        return super().variables() + list(self._states().get(self, ()))

    def _adapt(self, state: _State, finite: Any) -> List[tf.Operation]:
        scale, good_steps = state.scale.read_value(), state.good_steps.read_value() + 1
        grows = tf.greater_equal(good_steps, self._growth_steps)
        good_scale = tf.where(grows, tf.minimum(scale * 2, _LARGEST_SCALE), scale)
        new_scale = tf.where(finite, good_scale, tf.maximum(scale / 2, 1.0))
        new_good_steps = tf.where(tf.logical_and(finite, tf.logical_not(grows)), good_steps, tf.zeros_like(good_steps))
        with tf.control_dependencies([new_scale, new_good_steps]):
            return [state.scale.assign(new_scale, read_value=False), state.good_steps.assign(new_good_steps, read_value=False)]

    def _state(self) -> _State:
        states = self._states()
        if self not in states:
            with tf.init_scope(), tf.variable_scope(None, default_name="LossScale"), tf.device("/cpu:0"):
                states[self] = _State(_scalar("scale", tf.float32, self._initial_scale), _scalar("good_steps", tf.int32, 0))
        return states[self]

    @staticmethod
    def _states() -> Dict[LossScaleOptimizer, _State]:
        return graph_state("loss_scale_states", weakref.WeakKeyDictionary)


def _divided(values: Any, scale: Any) -> Any:
    wide = widened(values)  # float16 cannot hold the larger scales
    return like(wide / tf.cast(scale, wide.dtype), values)


def _scalar(name: str, dtype: Any, value: Any) -> Any:
    return tf.get_variable(name, shape=[], dtype=dtype, trainable=False, initializer=tf.constant_initializer(value))


def _all_finite(grads: Sequence[Any]) -> Any:
    values = [grad.values if isinstance(grad, tf.IndexedSlices) else grad for grad in grads]
    return tf.reduce_all(tf.stack([tf.reduce_all(tf.math.is_finite(value)) for value in values]))
