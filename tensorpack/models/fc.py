"""FullyConnected, and `batch_flatten`."""
from __future__ import annotations

from typing import Any, Optional

import numpy as np

from ..compat import tfv1 as tf
from ..tfutils._precision import kernel_in_float32, like
from ..utils._arguments.numbers import whole_number
from ._affine import Parameters, finish
from ._layout import float_tensor
from ._types import Activation, Initializer, Regularizer
from .registry import layer_register
from .tflayer import convert_to_tflayer_args

__all__ = ["FullyConnected", "batch_flatten"]


def batch_flatten(x: Any) -> Any:
    """Flatten all dimensions but the first, row-major: [N, ...] -> [N, prod(...)]."""
    sizes = x.shape.as_list()[1:]
    if None in sizes:
        flat = tf.reshape(x, tf.stack([tf.shape(x)[0], -1]))
        flat.set_shape([x.shape[0], None])
        return flat
    features = int(np.prod(sizes))
    # -1 cannot be inferred for rows without elements
    batch = -1 if features else tf.shape(x)[0]
    return tf.reshape(x, [batch, features])


@layer_register(log_shape=True)
@convert_to_tflayer_args(args_names=["units"], name_mapping={"out_dim": "units"})
def FullyConnected(
        inputs: Any,
        units: int,
        activation: Activation = None,
        use_bias: bool = True,
        kernel_initializer: Optional[Initializer] = None,
        bias_initializer: Initializer = tf.zeros_initializer(),
        kernel_regularizer: Optional[Regularizer] = None,
        bias_regularizer: Optional[Regularizer] = None,
        activity_regularizer: Optional[Regularizer] = None) -> Any:
    """Matrix product with the flattened input, as `FullyConnected("name", x, units, ...)`: [N, ...] -> [N, units].

    Rows of `W` follow the row-major flattening of the input, so channels-first and channels-last inputs need different `W`.

    Variables, in the input's dtype and trainable: `name/W` [prod(...), units] and, if `use_bias`, `name/b` [units], with the
    initial values of `Conv2D`. Output tensor: `name/output`, after bias and activation. Activation and regularisers, which
    add to REGULARIZATION_LOSSES, are those of `Conv2D`.

    Raises:
        ValueError: a dimension other than the first is unknown when the graph is built.
        TypeError, ValueError: `units` is no positive whole number.
    """
    x = float_tensor("FullyConnected", inputs)
    units = whole_number("FullyConnected", "units", units, minimum=1)
    if x.shape.ndims is None or None in x.shape.as_list()[1:]:
        raise ValueError("FullyConnected: all dimensions but the first must be known when the graph is built; got shape {}; "
                         "use set_shape on the input".format(x.shape))
    if x.shape.ndims != 2:
        x = batch_flatten(x)
    parameters = Parameters(x.dtype.base_dtype)
    W = parameters.kernel([x.shape.as_list()[1], units], kernel_initializer, kernel_regularizer)
    b = parameters.bias(units, bias_initializer, bias_regularizer) if use_bias else None

    def kernel(x: Any) -> Any:
        y = tf.matmul(x, like(W, x))
        return y if b is None else tf.nn.bias_add(y, like(b, y))

    x = kernel_in_float32(kernel, x)
    return finish(x, parameters, activation, activity_regularizer, rename_in_activation=True)
