"""Batch renormalization (Ioffe 2017): corrections of batch statistics towards their averages, for BatchNormalization."""
from __future__ import annotations

import math
from typing import Any, Mapping, Tuple

from .....compat import tfv1 as tf
from .....models._normalization.moving_statistics import move_average
from .branches import smart_cond

__all__ = ["check_clipping", "correct"]


def check_clipping(clipping: Mapping[str, Any]) -> None:
    """Raise ValueError for a key that is none of the limits."""
    unknown = sorted(set(clipping) - {"rmax", "rmin", "dmax"})
    if unknown:
        raise ValueError("BatchNormalization: the keys of renorm_clipping must be rmax, rmin or dmax; got {}".format(
            ", ".join(unknown)))


def correct(layer: Any, mean: Any, variance: Any, training: Any) -> Tuple[Any, Any, Any, Any]:
    """The factor and the offset of normalised elements, constants to gradients, and mean and variance for the moving averages.

    While training it moves `layer.renorm_mean` and `layer.renorm_stddev` before the returned statistics are known.
    """
    stddev = tf.sqrt(variance + layer.epsilon)
    average_stddev = tf.maximum(layer.renorm_stddev, math.sqrt(layer.epsilon))
    r, d = stddev / average_stddev, (mean - layer.renorm_mean) / average_stddev
    with tf.control_dependencies([r, d]):  # before their averages move
        mean, stddev = tf.identity(mean), tf.identity(stddev)
    r, d = _clip(r, layer.renorm_clipping.get("rmin"), layer.renorm_clipping.get("rmax")), _clip_both(d, layer)
    r, d = smart_cond(training, lambda: (r, d), lambda: (tf.ones_like(r), tf.zeros_like(d)))
    updates = [_move(variable, value, layer.renorm_momentum, training)
               for variable, value in ((layer.renorm_mean, mean), (layer.renorm_stddev, stddev))]
    with tf.control_dependencies(updates):
        mean, variance = tf.identity(mean), tf.identity(variance)
    return tf.stop_gradient(r, name="renorm_r"), tf.stop_gradient(d, name="renorm_d"), mean, variance


def _clip_both(d: Any, layer: Any) -> Any:
    limit = layer.renorm_clipping.get("dmax")
    return d if limit is None else _clip(d, -limit, limit)


def _clip(x: Any, low: Any, high: Any) -> Any:
    x = x if low is None else tf.maximum(x, low)
    return x if high is None else tf.minimum(x, high)


def _move(variable: Any, value: Any, momentum: Any, training: Any) -> Any:
    value = tf.identity(value)
    return smart_cond(training, lambda: move_average(variable, value, momentum), lambda: tf.identity(variable))
