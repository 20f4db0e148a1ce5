"""The exponential moving average behind moving summaries: corrected for its start at zero, kept in local variables."""
from __future__ import annotations

from typing import Any

from ..compat import tfv1 as tf

__all__ = ["moving_average_update"]


def moving_average_update(x: Any, name: str, decay: float) -> Any:
    """The scalar tensor `EMA/<name>_EMA_apply`: the new average of `x`; evaluating it counts `x` in.

    After t evaluations it is `biased / (1 - decay ** t)`, with `biased <- decay * biased + (1 - decay) * x`.

    Creates the local, non-trainable variables `EMA/<name>` (the average), `EMA/<name>/biased` and `EMA/<name>/local_step` in
    the current variable scope, of the dtype of `x` (float32 or float64). Must be called at the root name scope.
    """
    average = _local_scalar("EMA/" + name, x.dtype)
    biased = _local_scalar(average.op.name + "/biased", x.dtype)
    step = _local_scalar(average.op.name + "/local_step", x.dtype)
    with tf.name_scope("EMA/" + name + "_EMA_apply") as scope:
        # new values are computed before any is written, so that no read depends on the order of the writes
        new_step = step + 1
        new_biased = biased * decay + x * (1 - decay)
        new_average = new_biased / (1 - tf.pow(tf.constant(decay, x.dtype), new_step))
        writes = [variable.assign(value, read_value=False) for variable, value in
                  ((average, new_average), (biased, new_biased), (step, new_step))]
        with tf.control_dependencies(writes):
            return tf.identity(new_average, name=scope)


def _local_scalar(name: str, dtype: Any) -> Any:
    current = tf.get_variable_scope()
    # the same scope without the user's getters, regularizer and constraint, which are meant for the model
    plain = tf.VariableScope(reuse=False, name=current.name, use_resource=current.use_resource)
    with tf.variable_scope(plain, auxiliary_name_scope=False):
        return tf.get_variable(name, shape=(), dtype=dtype, initializer=tf.zeros_initializer(), trainable=False,
                               collections=[tf.GraphKeys.LOCAL_VARIABLES])
