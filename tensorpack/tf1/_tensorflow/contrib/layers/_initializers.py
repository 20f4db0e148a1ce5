"""Initial values of weights whose size depends on the number of inputs and outputs."""
from __future__ import annotations

import math
from typing import Any, Callable, Optional, Sequence

from .....compat import tfv1 as tf

__all__ = ["XAVIER", "variance_scaling_initializer", "xavier_initializer", "xavier_initializer_conv2d"]


def xavier_initializer(uniform: bool = True, seed: Optional[int] = None, dtype: Any = tf.float32) -> Callable[..., Any]:
    """Variance 2 / (inputs + outputs) (Glorot and Bengio 2010): uniform, or normal without values beyond two deviations."""
    return variance_scaling_initializer(factor=1.0, mode="FAN_AVG", uniform=uniform, seed=seed, dtype=dtype)


xavier_initializer_conv2d = xavier_initializer


def variance_scaling_initializer(factor: float = 2.0, mode: str = "FAN_IN", uniform: bool = False, seed: Optional[int] = None,
                                 dtype: Any = tf.float32) -> Callable[..., Any]:
    """Variance about factor / n, where n counts inputs, outputs or is their mean; the default is that of He et al. 2015.

    Args:
        mode: 'FAN_IN', 'FAN_OUT' or 'FAN_AVG'.
        uniform: uniform values; normal ones without those beyond two deviations otherwise.

    Raises:
        TypeError: the dtype is not of floating point numbers, or the mode is none.
    """
    if not dtype.is_floating:
        raise TypeError("variance_scaling_initializer: dtype must be of floating point numbers; got {}".format(dtype))
    if mode not in ("FAN_IN", "FAN_OUT", "FAN_AVG"):
        raise TypeError("variance_scaling_initializer: mode must be FAN_IN, FAN_OUT or FAN_AVG; got {!r}".format(mode))

    def _initializer(shape: Sequence[Any], dtype: Any = dtype, partition_info: Any = None) -> Any:
        if not dtype.is_floating:
            raise TypeError("variance_scaling_initializer: dtype must be of floating point numbers; got {}".format(dtype))
        n = _fan(shape, mode)
        if uniform:
            limit = math.sqrt(3.0 * factor / n)
            return tf.random_uniform(shape, -limit, limit, dtype, seed=seed)
        # 1.3 makes up for the values that are cut off
        return tf.truncated_normal(shape, 0.0, math.sqrt(1.3 * factor / n), dtype, seed=seed)

    return _initializer


def _fan(shape: Any, mode: Any) -> Any:
    sizes = [float(each) for each in shape]
    fan_out = sizes[-1] if sizes else 1.0
    fan_in = sizes[-2] if len(sizes) > 1 else fan_out
    field = 1.0
    for size in sizes[:-2]:
        field *= size
    return field * {"FAN_IN": fan_in, "FAN_OUT": fan_out, "FAN_AVG": (fan_in + fan_out) / 2.0}[mode]


# The default of layers
XAVIER = xavier_initializer()
