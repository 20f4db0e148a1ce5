"""Conv2D and Conv2DTranspose (also called Deconv2D), on `tf.nn` kernels."""
from __future__ import annotations

from typing import Any, Callable, List, Optional, Tuple

from ..compat import tfv1 as tf
from ..tfutils._precision import kernel_in_float32, like
from ..utils._arguments.numbers import whole_number
from ..utils.argtools import shape4d
from ._affine import Parameters, finish
from ._convolution import convolve
from ._layout import Size2D, float_tensor, kernel_format, run_kernel, size2d, static_channels, tf_padding
from ._types import Activation, Initializer, Regularizer
from .registry import layer_register
from .shape_utils import StaticDynamicShape
from .tflayer import convert_to_tflayer_args

__all__ = ["Conv2D", "Conv2DTranspose", "Deconv2D"]

_OLD_NAMES = {"out_channel": "filters", "kernel_shape": "kernel_size", "stride": "strides"}


@layer_register(log_shape=True)
@convert_to_tflayer_args(args_names=["filters", "kernel_size"], name_mapping=_OLD_NAMES)
def Conv2D(
        inputs: Any,
        filters: int,
        kernel_size: Size2D,
        strides: Size2D = (1, 1),
        padding: str = "same",
        data_format: str = "channels_last",
        dilation_rate: Size2D = (1, 1),
        activation: Activation = None,
        use_bias: bool = True,
        kernel_initializer: Optional[Initializer] = None,
        bias_initializer: Initializer = tf.zeros_initializer(),
        kernel_regularizer: Optional[Regularizer] = None,
        bias_regularizer: Optional[Regularizer] = None,
        activity_regularizer: Optional[Regularizer] = None,
        split: int = 1) -> Any:
    """2-D convolution, as `Conv2D("name", x, filters, kernel_size, ...)`: [N, H, W, C] -> [N, H', W', filters].

    With padding 'same' H' is H / stride, rounded up; with 'valid' it is (H - (kernel - 1) * dilation) / stride, rounded up.
    Channels-first input, [N, C, H, W], works on CPUs too (by transposes); the variables do not depend on the format.

    Variables, in the input's dtype and trainable: `name/W` [kernel height, kernel width, C / split, filters], at first normal
    with standard deviation sqrt(2 / fan in) (He et al. 2015, https://arxiv.org/abs/1502.01852); `name/b` [filters] if
    `use_bias`, at first zeros. Output tensor: `name/output`, after bias and activation, in the input's dtype.

    Args:
        filters: number of channels out.
        kernel_size, strides, dilation_rate: int or (height, width).
        padding: 'same' or 'valid', any case.
        activation: a function of a tensor, its Keras name (such as 'relu'), or None.
        kernel_initializer, bias_initializer: initializers, or their Keras names (such as 'he_normal').
        kernel_regularizer, bias_regularizer: functions from a variable to a scalar loss, which is added to
            REGULARIZATION_LOSSES when the variable is created; or 'l1', 'l2', 'l1_l2', which are those of Keras with 0.01.
        activity_regularizer: function from the output to a scalar loss; added, divided by the batch size, at each call.
        split: number of groups, each of which sees its part of the channels in and makes its part of the filters (AlexNet,
            ResNeXt; as many as channels: depthwise); C and `filters` must be multiples of it.

    Raises:
        ValueError: the input is not 4-D, its channels are unknown, or channels do not divide by `split`.
        TypeError, ValueError: a size is no positive whole number; 48 / 4 is one.
    """
    x = float_tensor("Conv2D", inputs)
    channels = static_channels("Conv2D", x, data_format)
    filters, split = whole_number("Conv2D", "filters", filters, minimum=1), whole_number("Conv2D", "split", split, minimum=1)
    kernel_size, strides = size2d("Conv2D", "kernel_size", kernel_size), size2d("Conv2D", "strides", strides)
    dilations = size2d("Conv2D", "dilation_rate", dilation_rate)
    if channels % split or filters % split:
        raise ValueError("Conv2D(split={}): channels in and filters must be multiples of split; got {} and {}".format(
            split, channels, filters))
    padding = tf_padding("Conv2D", padding)
    parameters = Parameters(x.dtype.base_dtype)
    W = parameters.kernel(kernel_size + [channels // split, filters], kernel_initializer, kernel_regularizer)
    b = parameters.bias(filters, bias_initializer, bias_regularizer) if use_bias else None

    def kernel(x: Any, data_format: str) -> Any:
        y = convolve(x, like(W, x), strides, padding, dilations, split, data_format)
        return y if b is None else tf.nn.bias_add(y, like(b, y), data_format=data_format)

    x = kernel_in_float32(lambda x: run_kernel(kernel, x, data_format), x)
    plain = split == 1 and dilations == [1, 1]
    return finish(x, parameters, activation, activity_regularizer, rename_in_activation=plain)


@layer_register(log_shape=True)
@convert_to_tflayer_args(args_names=["filters", "kernel_size", "strides"], name_mapping=_OLD_NAMES)
def Conv2DTranspose(
        inputs: Any,
        filters: int,
        kernel_size: Size2D,
        strides: Size2D = (1, 1),
        padding: str = "same",
        data_format: str = "channels_last",
        activation: Activation = None,
        use_bias: bool = True,
        kernel_initializer: Optional[Initializer] = None,
        bias_initializer: Initializer = tf.zeros_initializer(),
        kernel_regularizer: Optional[Regularizer] = None,
        bias_regularizer: Optional[Regularizer] = None,
        activity_regularizer: Optional[Regularizer] = None) -> Any:
    """Transposed 2-D convolution (Zeiler et al. 2010, "Deconvolutional networks"), as
    `Conv2DTranspose("name", x, filters, kernel_size, strides, ...)`: [N, H, W, C] -> [N, H', W', filters].

    H' is H * stride with padding 'same', H * stride + max(kernel - stride, 0) with 'valid'; what is known of that when the
    graph is built is in the static shape.

    Variables, in the input's dtype and trainable: `name/W` [kernel height, kernel width, filters, C]; `name/b` [filters] if
    `use_bias`. Output tensor: `name/output`. The other arguments, and the regularisers' losses, are those of `Conv2D`.

    Raises:
        ValueError: the input is not 4-D, its channels are unknown, or the padding is neither 'same' nor 'valid'.
        TypeError, ValueError: a size is no positive whole number.
    """
    x = float_tensor("Conv2DTranspose", inputs)
    channels = static_channels("Conv2DTranspose", x, data_format)
    padding = tf_padding("Conv2DTranspose", padding)
    filters = whole_number("Conv2DTranspose", "filters", filters, minimum=1)
    kernel_size = size2d("Conv2DTranspose", "kernel_size", kernel_size)
    strides = size2d("Conv2DTranspose", "strides", strides)
    parameters = Parameters(x.dtype.base_dtype)
    W = parameters.kernel(kernel_size + [filters, channels], kernel_initializer, kernel_regularizer)
    b = parameters.bias(filters, bias_initializer, bias_regularizer) if use_bias else None

    def kernel(x: Any, data_format: str) -> Any:
        static, dynamic = _transposed_shape(x, filters, kernel_size, strides, padding, data_format)
        y = tf.nn.conv2d_transpose(x, like(W, x), dynamic, strides=shape4d(strides, data_format), padding=padding,
                                   data_format=data_format)
        y.set_shape(static)
        return y if b is None else tf.nn.bias_add(y, like(b, y), data_format=data_format)

    x = kernel_in_float32(lambda x: run_kernel(kernel, x, data_format), x)
    return finish(x, parameters, activation, activity_regularizer)


def _transposed_shape(x: Any, filters: int, kernel_size: List[int], strides: List[int], padding: str,
                      data_format: str) -> Tuple[List[Optional[int]], Any]:
    """Static shape (with None) and run-time shape of the output of a transposed convolution."""
    shape = StaticDynamicShape(x)
    first, channel = (2, 1) if kernel_format(data_format) == "NCHW" else (1, 3)
    for axis in (0, 1):
        stride = strides[axis]
        extra = max(kernel_size[axis] - stride, 0) if padding == "VALID" else 0
        shape.apply(first + axis, _stretched(stride, extra))
    shape.apply(channel, lambda size: filters)
    return shape.get_static(), shape.get_dynamic()


def _stretched(stride: int, extra: int) -> Callable[[Any], Any]:
    return lambda size: size * stride + extra


Deconv2D = Conv2DTranspose
