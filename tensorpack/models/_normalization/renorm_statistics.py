"""The averages of BatchRenorm: those that training corrects its batch statistics by, and those that inference normalises by."""
from __future__ import annotations

import math
from typing import Any, List, Tuple

from ...compat import tfv1 as tf
from ...tfutils.tower import BaseTowerContext
from .._types import Initializer
from .moving_statistics import add_once, move_average

__all__ = ["RenormStatistics"]

# Of the averages used in training; a layer has no argument for it.
_RENORM_MOMENTUM = 0.99


class RenormStatistics:
    """Variables of the current variable scope, under the names that `tf.layers` of TensorFlow 1.15 gives them.

    For the tower that is being built.
    """

    def __init__(self, channels: int, dtype: Any, tower: BaseTowerContext):
        def create(name: str, initializer: Initializer) -> Any:
            return tf.get_variable(name, [channels], dtype, initializer=initializer, trainable=False)

        self._tower = tower
        self.moving_mean = create("moving_mean", tf.zeros_initializer())
        self.moving_variance = create("moving_variance", tf.ones_initializer())
        self._moving_stddev = create("moving_stddev", tf.ones_initializer())
        self._renorm_mean = create("renorm_mean", tf.zeros_initializer())
        self._renorm_stddev = create("renorm_stddev", tf.ones_initializer())
        if tower.is_main_training_tower:
            add_once(tf.GraphKeys.MODEL_VARIABLES, self._all())

    def _all(self) -> List[Any]:
        return [self.moving_mean, self.moving_variance, self._moving_stddev, self._renorm_mean, self._renorm_stddev]

    def corrections(self, mean: Any, stddev: Any, epsilon: float, rmax: Any, dmax: Any) -> Tuple[Any, Any]:
        """The factor r in [1 / rmax, rmax] and the offset d in [-dmax, dmax] of the normalised batch; both are constants to
        gradients."""
        rmax, dmax = tf.cast(rmax, mean.dtype), tf.cast(dmax, mean.dtype)
        # a stored deviation below that of a constant channel would blow the corrections up
        average_stddev = tf.maximum(self._renorm_stddev, math.sqrt(epsilon))
        r = tf.clip_by_value(stddev / average_stddev, 1 / rmax, rmax)
        d = tf.clip_by_value((mean - self._renorm_mean) / average_stddev, -dmax, dmax)
        return tf.stop_gradient(r, name="renorm_r"), tf.stop_gradient(d, name="renorm_d")

    def update(self, mean: Any, stddev: Any, momentum: float, epsilon: float) -> None:
        """In the main training tower, let UPDATE_OPS move all averages towards these statistics."""
        if not self._tower.is_main_training_tower:
            return
        renorm = [move_average(self._renorm_mean, mean, _RENORM_MOMENTUM).op,
                  move_average(self._renorm_stddev, stddev, _RENORM_MOMENTUM).op]
        with tf.control_dependencies(renorm):
            moving_mean = move_average(self.moving_mean, mean, momentum)
            moving_stddev = move_average(self._moving_stddev, stddev, momentum)
            # rounding can make the difference negative
            variance = tf.nn.relu(tf.square(moving_stddev) - epsilon)
            moving_variance = tf.assign(self.moving_variance, variance, name="AssignNewValue")
        for update in (moving_mean, moving_variance):
            tf.add_to_collection(tf.GraphKeys.UPDATE_OPS, update.op)
