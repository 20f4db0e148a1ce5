"""Fully connected layers."""
from __future__ import annotations

import functools
import numbers
from typing import Any, Callable, Optional

from .....compat import tfv1 as tf
from ...layers._core.spellings import ZEROS
from ...layers.core import Dense
from ..framework._arg_scope import add_arg_scope
from ._convolution import finish
from ._initializers import XAVIER
from ._utils import add_variable_to_collections
from ._variables import model_variable_getter

__all__ = ["elu", "fully_connected", "linear", "relu", "relu6"]


@add_arg_scope
def fully_connected(inputs: Any, num_outputs: int, activation_fn: Optional[Callable[..., Any]] = tf.nn.relu,
                    normalizer_fn: Optional[Callable[..., Any]] = None, normalizer_params: Any = None,
                    weights_initializer: Any = XAVIER, weights_regularizer: Any = None,
                    biases_initializer: Any = ZEROS, biases_regularizer: Any = None, reuse: Any = None,
                    variables_collections: Any = None, outputs_collections: Any = None, trainable: bool = True,
                    scope: Any = None) -> Any:
    """activation(normalizer(inputs * weights)) over the last axis: [..., C] -> [..., num_outputs].

    Variables, in the input's dtype: `weights` [C, num_outputs] and, without a normalizer and unless `biases_initializer` is
    None, `biases` [num_outputs]; in MODEL_VARIABLES. Scope: `fully_connected`. The other arguments are those of `convolution`.

    Raises:
        ValueError: num_outputs is no whole number, or C is unknown.
    """
    if not isinstance(num_outputs, numbers.Integral):
        raise ValueError("fully_connected: num_outputs must be a whole number; got {!r}".format(num_outputs))
    getter = model_variable_getter({"bias": "biases", "kernel": "weights"})
    with tf.variable_scope(scope, "fully_connected", [inputs], reuse=reuse, custom_getter=getter) as sc:
        inputs = tf.convert_to_tensor(inputs)
        layer = Dense(num_outputs, use_bias=normalizer_fn is None and biases_initializer is not None,
                      kernel_initializer=weights_initializer, bias_initializer=biases_initializer,
                      kernel_regularizer=weights_regularizer, bias_regularizer=biases_regularizer, trainable=trainable,
                      name=sc.name, dtype=inputs.dtype.base_dtype, _scope=sc, _reuse=reuse)
        outputs = layer.apply(inputs)
        add_variable_to_collections(layer.kernel, variables_collections, "weights")
        if layer.bias is not None:
            add_variable_to_collections(layer.bias, variables_collections, "biases")
        return finish(outputs, sc.name, normalizer_fn, normalizer_params, activation_fn, outputs_collections)


elu = functools.partial(fully_connected, activation_fn=tf.nn.elu)
relu = functools.partial(fully_connected, activation_fn=tf.nn.relu)
relu6 = functools.partial(fully_connected, activation_fn=tf.nn.relu6)
linear = functools.partial(fully_connected, activation_fn=None)
