"""The moving averages of BatchNorm: their variables, and when they move."""
from __future__ import annotations

from typing import Any, List

from ...compat import tfv1 as tf
from ...tfutils.tower import BaseTowerContext
from ..utils import VariableHolder

__all__ = ["MovingStatistics", "add_once", "check_ema_update", "move_average"]

_EMA_UPDATES = ("default", "collection", "internal", "skip")


def check_ema_update(ema_update: str) -> None:
    """Raise ValueError unless it is one of the ways to move the averages."""
    if ema_update not in _EMA_UPDATES:
        raise ValueError("BatchNorm: ema_update must be one of {}; got {!r}".format(", ".join(_EMA_UPDATES), ema_update))


class MovingStatistics:
    """The variables `mean/EMA` and `variance/EMA` of the current variable scope, for the tower that is being built."""

    def __init__(self, channels: int, dtype: Any, variables: VariableHolder, tower: BaseTowerContext):
        self._tower = tower
        self.mean = tf.get_variable("mean/EMA", [channels], dtype, initializer=tf.zeros_initializer(), trainable=False)
        self.variance = tf.get_variable("variance/EMA", [channels], dtype, initializer=tf.ones_initializer(), trainable=False)
        variables.moving_mean = variables.mean = self.mean
        variables.moving_variance = variables.variance = self.variance
        if tower.is_main_training_tower:
            add_once(tf.GraphKeys.MODEL_VARIABLES, [self.mean, self.variance])

    def update(self, output: Any, mean: Any, variance: Any, momentum: float, ema_update: str) -> Any:
        """Let the averages move towards these statistics; return the tensor to use as the layer's output."""
        if ema_update == "skip" or (self._tower.is_training and not self._tower.is_main_training_tower):
            return output
        pairs = [(self.mean, mean), (self.variance, variance)]
        if ema_update == "internal":
            with tf.control_dependencies([move_average(variable, value, momentum).op for variable, value in pairs]):
                return tf.identity(output)
        for variable, value in pairs:
            tf.add_to_collection(tf.GraphKeys.UPDATE_OPS, move_average(variable, value, momentum).op)
        return output


def move_average(variable: Any, value: Any, momentum: float) -> Any:
    """The new value of `variable` after the operation `AssignMovingAvg`: variable * momentum + value * (1 - momentum)."""
    with tf.name_scope("AssignMovingAvg") as scope:
        rate = tf.convert_to_tensor(1.0 - momentum, dtype=variable.dtype.base_dtype, name="rate")
        return tf.assign_sub(variable, (variable - value) * rate, name=scope)


def add_once(key: str, variables: List[Any]) -> None:
    """Add to the collection those variables that are not in it."""
    present = tf.get_collection(key)
    for variable in variables:
        if not any(variable is each for each in present):
            tf.add_to_collection(key, variable)
