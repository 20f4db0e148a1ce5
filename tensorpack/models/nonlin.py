"""Layers that serve as activations: Maxout, PReLU, BNReLU."""
from __future__ import annotations

from typing import Any, Optional

from ..compat import tfv1 as tf
from ..tfutils._precision import in_float32, like, widened
from ..utils import logger
from ..utils._arguments.numbers import whole_number
from ._layout import float_tensor
from .batch_norm import BatchNorm
from .registry import layer_register
from .shape_utils import StaticDynamicShape
from .utils import VariableHolder

__all__ = ["BNReLU", "Maxout", "PReLU"]


@layer_register(use_scope=None)
def Maxout(x: Any, num_unit: int) -> Any:
    """Maxout (Goodfellow et al. 2013, https://arxiv.org/abs/1302.4389): the maximum of each `num_unit` consecutive channels.

    Takes [N, C] or [N, H, W, C] where C is a multiple of `num_unit`; gives C / num_unit channels, as the tensor `output`.
    """
    x = tf.convert_to_tensor(x)
    num_unit = whole_number("Maxout", "num_unit", num_unit, minimum=1)
    channels = x.shape.as_list()[-1] if x.shape.ndims in (2, 4) else None
    if channels is None or channels % num_unit:
        raise ValueError("Maxout(num_unit={0}): the input must be [N, C] or [N, H, W, C] with C a known multiple of {0}; "
                         "got shape {1}".format(num_unit, x.shape))
    shape = StaticDynamicShape(x)
    grouped = tf.reshape(x, [shape.get_dynamic(axis) for axis in range(shape.ndims - 1)] + [channels // num_unit, num_unit])
    # its gradient counts equal channels
    return in_float32(lambda x, name=None: tf.reduce_max(x, axis=-1, name=name), grouped, name="output")


@layer_register()
def PReLU(x: Any, init: float = 0.001, name: Optional[str] = None) -> Any:
    """Parametric ReLU (He et al. 2015, https://arxiv.org/abs/1502.01852): x where x > 0, else alpha * x.

    Variable: `<layer>/alpha`, a trainable float32 scalar that starts at `init`. Output tensor: `<layer>/Mul_2`, or `name` if
    that deprecated argument is given, in shape and dtype of the input; it is also found as `<layer>/output`.
    """
    x = float_tensor("PReLU", x)
    if name is not None:
        logger.warning("PReLU: name= is deprecated; the first argument names the layer")
    alpha = tf.get_variable("alpha", [], tf.float32, initializer=tf.constant_initializer(init))
    positive, negative = tf.nn.relu(x), widened(tf.minimum(x, 0))  # the gradient of alpha is a sum of the latter
    y = positive + like(like(alpha, negative) * negative, x)
    output = tf.identity(y, name=name or "Mul_2")
    tf.identity(output, name="output")
    output.variables = VariableHolder(alpha=alpha)
    return output


@layer_register(use_scope=None)
def BNReLU(x: Any, name: Optional[str] = None) -> Any:
    """`BatchNorm("bn", x)`, then ReLU: for use as `activation=BNReLU`, or as `BNReLU("name", x)`.

    Variables and collections are those of `BatchNorm`, in the current scope: `bn/gamma`, `bn/beta`, `bn/mean/EMA`,
    `bn/variance/EMA`. The result is the tensor `Relu` in the current scope, or `name` if that deprecated argument is given.
    Arguments of the normalisation come from `argscope(BatchNorm, ...)`.
    """
    return tf.nn.relu(BatchNorm("bn", x), name=name)
