"""The fully connected layers of before 2016."""
from __future__ import annotations

import functools
from typing import Any, Callable, Optional, Sequence

from .....compat import tfv1 as tf
from ...layers._core.spellings import ZEROS
from ._initializers import XAVIER
from ._utils import last_dimension

__all__ = ["legacy_fully_connected", "legacy_linear", "legacy_relu"]


def legacy_fully_connected(
        x: Any, num_output_units: int, activation_fn: Optional[Callable[..., Any]] = None, weight_init: Any = XAVIER,
        bias_init: Any = ZEROS, name: Any = None, weight_collections: Sequence[str] = (tf.GraphKeys.WEIGHTS,),
        bias_collections: Sequence[str] = (tf.GraphKeys.BIASES,),
        output_collections: Sequence[str] = (tf.GraphKeys.ACTIVATIONS,), trainable: bool = True, weight_regularizer: Any = None,
        bias_regularizer: Any = None) -> Any:
    """activation(x * weights + bias) over the last axis: [..., C] -> [..., num_output_units]. Scope: `fully_connected`.

    Variables: `weights` [C, num_output_units] and, unless `bias_init` is None, `bias` [num_output_units].
    """
    with tf.variable_scope(name, "fully_connected", [x]):
        x = tf.convert_to_tensor(x)
        channels, dtype = last_dimension(x.shape, min_rank=2), x.dtype.base_dtype

        def variable(name: str, shape: Sequence[int], initializer: Any, collections: Any, regularizer: Any) -> Any:
            keys = list(dict.fromkeys(list(collections or []) + [tf.GraphKeys.GLOBAL_VARIABLES]))
            return tf.get_variable(name, shape, dtype, initializer, regularizer, trainable, keys)

        weights = variable("weights", [channels, num_output_units], weight_init, weight_collections, weight_regularizer)
        y = tf.matmul(tf.reshape(x, [-1, channels]) if x.shape.ndims > 2 else x, weights)
        if bias_init is not None:
            y = tf.nn.bias_add(y, variable("bias", [num_output_units], bias_init, bias_collections, bias_regularizer))
        if x.shape.ndims > 2:
            y = tf.reshape(y, tf.concat([tf.shape(x)[:-1], [num_output_units]], 0))
            y.set_shape(x.shape[:-1].concatenate(num_output_units))
        y = y if activation_fn is None else activation_fn(y)
        tf.add_to_collections(list(output_collections or []) + [tf.GraphKeys.ACTIVATIONS], y)
        return y


legacy_relu = functools.partial(legacy_fully_connected, activation_fn=tf.nn.relu)
legacy_linear = functools.partial(legacy_fully_connected, activation_fn=None)
