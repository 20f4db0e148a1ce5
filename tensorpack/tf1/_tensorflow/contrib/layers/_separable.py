"""Convolutions of single channels, and what mixes them at each place."""
from __future__ import annotations

from typing import Any, Callable, Optional

from .....compat import tfv1 as tf
from .....models._layout import run_kernel
from ...layers._core.kernels import with_ends
from ...layers._core.spellings import ZEROS
from ...layers.convolutional import SeparableConv2D
from ..framework._arg_scope import add_arg_scope
from ..framework._variables import model_variable
from ._convolution import finish
from ._initializers import XAVIER
from ._utils import (
    add_variable_to_collections,
    channel_dimension,
    get_variable_collections,
    last_dimension,
    layer_data_format,
    two_element_tuple,
)
from ._variables import model_variable_getter

__all__ = ["convolution2d_in_plane", "separable_convolution2d"]

_RENAMED = {"bias": "biases", "depthwise_kernel": "depthwise_weights", "pointwise_kernel": "pointwise_weights"}


@add_arg_scope
def separable_convolution2d(
        inputs: Any, num_outputs: Optional[int], kernel_size: Any, depth_multiplier: int = 1, stride: Any = 1,
        padding: str = "SAME", data_format: str = "NHWC", rate: Any = 1,
        activation_fn: Optional[Callable[..., Any]] = tf.nn.relu, normalizer_fn: Optional[Callable[..., Any]] = None,
        normalizer_params: Any = None, weights_initializer: Any = XAVIER, pointwise_initializer: Any = None,
        weights_regularizer: Any = None, biases_initializer: Any = ZEROS, biases_regularizer: Any = None,
        reuse: Any = None, variables_collections: Any = None, outputs_collections: Any = None, trainable: bool = True,
        scope: Any = None) -> Any:
    """Convolution of each channel by itself, then mixed at each place: activation(normalizer(conv)) of it.

    Variables, in the input's dtype: `depthwise_weights` [height, width, C, depth_multiplier]; `pointwise_weights`
    [1, 1, C * depth_multiplier, num_outputs], unless `num_outputs` is None, which leaves the channels unmixed; and, without a
    normalizer and unless `biases_initializer` is None, `biases`. Scope: `SeparableConv2d`. The other arguments are those of
    `convolution`.
    """
    df = layer_data_format(data_format, "NCHW", "NHWC")
    getter = model_variable_getter(_RENAMED)
    with tf.variable_scope(scope, "SeparableConv2d", [inputs], reuse=reuse, custom_getter=getter) as sc:
        inputs = tf.convert_to_tensor(inputs)
        use_bias = normalizer_fn is None and biases_initializer is not None
        if num_outputs is None:
            outputs = _depthwise(
                inputs, two_element_tuple(kernel_size), depth_multiplier, two_element_tuple(stride), padding, df,
                two_element_tuple(rate), weights_initializer, weights_regularizer, biases_initializer if use_bias else None,
                biases_regularizer, variables_collections, trainable)
        else:
            layer = SeparableConv2D(
                num_outputs, kernel_size, stride, padding, df, two_element_tuple(rate), depth_multiplier, use_bias=use_bias,
                depthwise_initializer=weights_initializer, pointwise_initializer=pointwise_initializer or weights_initializer,
                bias_initializer=biases_initializer, depthwise_regularizer=weights_regularizer,
                pointwise_regularizer=weights_regularizer, bias_regularizer=biases_regularizer, trainable=trainable,
                name=sc.name, dtype=inputs.dtype.base_dtype, _scope=sc, _reuse=reuse)
            outputs = layer.apply(inputs)
            for variable, kind in ((layer.depthwise_kernel, "weights"), (layer.pointwise_kernel, "weights"),
                                   (layer.bias, "biases")):
                if variable is not None:
                    add_variable_to_collections(variable, variables_collections, kind)
        return finish(outputs, sc.name, normalizer_fn, normalizer_params, activation_fn, outputs_collections)


def _depthwise(inputs: Any, kernel_size: Any, depth_multiplier: Any, stride: Any, padding: Any, df: Any, rate: Any,
               weights_initializer: Any, weights_regularizer: Any, biases_initializer: Any, biases_regularizer: Any,
               variables_collections: Any, trainable: Any) -> Any:
    channels, dtype = channel_dimension(inputs.shape, df, min_rank=4), inputs.dtype.base_dtype
    weights = model_variable(
        "depthwise_weights", list(kernel_size) + [channels, depth_multiplier], dtype, weights_initializer, weights_regularizer,
        trainable, get_variable_collections(variables_collections, "weights"))
    biases = None
    if biases_initializer is not None:
        biases = model_variable("biases", [depth_multiplier * channels], dtype, biases_initializer, biases_regularizer,
                                trainable, get_variable_collections(variables_collections, "biases"))

    def kernel(x: Any, data_format: str) -> Any:
        y = tf.nn.depthwise_conv2d(x, weights, with_ends(stride, data_format), padding, rate=rate, data_format=data_format)
        return y if biases is None else tf.nn.bias_add(y, biases, data_format=data_format)

    return run_kernel(kernel, inputs, df)


@add_arg_scope
def convolution2d_in_plane(
        inputs: Any, kernel_size: Any, stride: Any = 1, padding: str = "SAME",
        activation_fn: Optional[Callable[..., Any]] = tf.nn.relu, normalizer_fn: Optional[Callable[..., Any]] = None,
        normalizer_params: Any = None, weights_initializer: Any = XAVIER, weights_regularizer: Any = None,
        biases_initializer: Any = ZEROS, biases_regularizer: Any = None, reuse: Any = None,
        variables_collections: Any = None, outputs_collections: Any = None, trainable: bool = True, scope: Any = None) -> Any:
    """Convolution of each channel by the same `weights` [height, width, 1, 1]; other arguments as of `convolution`.

    Scope: `ConvInPlane`; `biases` [C] as there.
    """
    with tf.variable_scope(scope, "ConvInPlane", [inputs], reuse=reuse) as sc:
        inputs = tf.convert_to_tensor(inputs)
        dtype, channels = inputs.dtype.base_dtype, last_dimension(inputs.shape, min_rank=4)
        weights = model_variable("weights", list(two_element_tuple(kernel_size)) + [1, 1], dtype, weights_initializer,
                                 weights_regularizer, trainable, get_variable_collections(variables_collections, "weights"))
        outputs = tf.nn.depthwise_conv2d(inputs, tf.tile(weights, [1, 1, channels, 1]),
                                         with_ends(two_element_tuple(stride), "NHWC"), padding)
        if normalizer_fn is None and biases_initializer is not None:
            biases = model_variable("biases", [channels], dtype, biases_initializer, biases_regularizer, trainable,
                                    get_variable_collections(variables_collections, "biases"))
            outputs = tf.nn.bias_add(outputs, biases)
        return finish(outputs, sc.name, normalizer_fn, normalizer_params, activation_fn, outputs_collections)
