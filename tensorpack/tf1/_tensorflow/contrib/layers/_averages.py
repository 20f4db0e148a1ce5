"""A moving average without the bias of its start at zero."""
from __future__ import annotations

from typing import Any

from .....compat import tfv1 as tf

__all__ = ["move_average_from_zero"]


def move_average_from_zero(variable: Any, value: Any, decay: Any) -> Any:
    """Assign `biased` / (1 - decay ** `local_step`) to the variable, a moving average that is right from its first step on.

    Variables below the name of `variable`, not trainable: `biased`, the moving average that starts at 0, and `local_step`, the
    number of steps. Both move when the result runs.
    """
    with tf.name_scope(None, "AssignMovingAvg", [variable, value, decay]):
        rate = tf.cast(tf.convert_to_tensor(1.0 - decay, name="decay"), variable.dtype.base_dtype)
        with tf.variable_scope(variable.op.name, values=[variable, value, rate]):
            biased, step = [
                tf.get_variable(_unused_name(name), shape, variable.dtype.base_dtype, tf.zeros_initializer(), trainable=False)
                for name, shape in (("biased", variable.shape), ("local_step", []))]
            new_biased = tf.assign_sub(biased, (biased - value) * rate)
            new_step = tf.assign_add(step, 1)
            return tf.assign(variable, new_biased / (1 - tf.pow(1.0 - rate, new_step)))


def _unused_name(name: Any) -> Any:
    scope = tf.get_variable_scope()
    if scope.reuse:
        return name
    taken = {each.op.name for each in scope.global_variables()}
    names = [name] + ["{}_{}".format(name, number) for number in range(1, len(taken) + 2)]
    return next(each for each in names if "{}/{}".format(scope.name, each) not in taken)
