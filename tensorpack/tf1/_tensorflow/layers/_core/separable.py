"""Separable convolutions: each channel by itself, then mixed at each place (Chollet 2017, "Xception")."""
from __future__ import annotations

from typing import Any, Optional

from .....compat import tfv1 as tf
from .convolution import Convolution
from .functional import function_of
from .kernels import run_in_2d, with_ends
from .shapes import Sizes
from .spellings import ZEROS

__all__ = ["SeparableConv1D", "SeparableConv2D", "separable_conv1d", "separable_conv2d"]


class _Separable(Convolution):
    def __init__(self, rank: int, filters: int, kernel_size: Sizes, strides: Sizes, padding: str, data_format: str,
                 dilation_rate: Sizes, depth_multiplier: int, activation: Any, use_bias: Any, depthwise_initializer: Any,
                 pointwise_initializer: Any, bias_initializer: Any, depthwise_regularizer: Any, pointwise_regularizer: Any,
                 bias_regularizer: Any, activity_regularizer: Any, depthwise_constraint: Any, pointwise_constraint: Any,
                 bias_constraint: Any, trainable: bool, name: Optional[str], **kwargs: Any) -> None:
        super().__init__(rank, filters, kernel_size, strides, padding, data_format, dilation_rate, activation, use_bias,
                         bias_initializer=bias_initializer, bias_regularizer=bias_regularizer,
                         activity_regularizer=activity_regularizer, bias_constraint=bias_constraint, trainable=trainable,
                         name=name, **kwargs)
        self.depth_multiplier = depth_multiplier
        self.depthwise_initializer, self.pointwise_initializer = depthwise_initializer, pointwise_initializer
        self.depthwise_regularizer, self.pointwise_regularizer = depthwise_regularizer, pointwise_regularizer
        self.depthwise_constraint, self.pointwise_constraint = depthwise_constraint, pointwise_constraint

    def build(self, input_shape: Any) -> None:
        depth = self._known_channels(input_shape)
        self.depthwise_kernel = self._kernel("depthwise_kernel", self.kernel_size + (depth, self.depth_multiplier))
        self.pointwise_kernel = self._kernel("pointwise_kernel",
                                             (1,) * self.rank + (depth * self.depth_multiplier, self.filters))
        self._make_bias()
        self.built = True

    def _biased(self, x: Any, data_format: str) -> Any:
        x, padding = self._padded(x, data_format)
        depthwise, pointwise = tf.convert_to_tensor(self.depthwise_kernel), tf.convert_to_tensor(self.pointwise_kernel)
        if self.rank == 2:
            return self._separable(x, depthwise, pointwise, self.strides, padding, self.dilation_rate, data_format)
        return run_in_2d(lambda x, data_format: self._separable(
            x, tf.expand_dims(depthwise, 0), tf.expand_dims(pointwise, 0), 2 * self.strides, padding, (1,) + self.dilation_rate,
            data_format), x, data_format)

    def _separable(self, x: Any, depthwise: Any, pointwise: Any, strides: Any, padding: str, dilations: Any,
                   data_format: str) -> Any:
        y = tf.nn.separable_conv2d(x, depthwise, pointwise, with_ends(strides, data_format), padding, rate=list(dilations),
                                   data_format=data_format)
        return self._add_bias(y, data_format)


class SeparableConv1D(_Separable):
    """`Convolution` over one axis of space by `depthwise_kernel` [kernel size, C, depth_multiplier], each channel by itself,
    and then `pointwise_kernel` [1, C * depth_multiplier, filters]."""

    def __init__(self, filters: int, kernel_size: Sizes, strides: Sizes = 1, padding: str = "valid",
                 data_format: str = "channels_last", dilation_rate: Sizes = 1, depth_multiplier: int = 1,
                 activation: Any = None, use_bias: Any = True, depthwise_initializer: Any = None,
                 pointwise_initializer: Any = None, bias_initializer: Any = ZEROS, depthwise_regularizer: Any = None,
                 pointwise_regularizer: Any = None, bias_regularizer: Any = None, activity_regularizer: Any = None,
                 depthwise_constraint: Any = None, pointwise_constraint: Any = None, bias_constraint: Any = None,
                 trainable: bool = True, name: Optional[str] = None, **kwargs: Any) -> None:
        super().__init__(1, filters, kernel_size, strides, padding, data_format, dilation_rate, depth_multiplier, activation,
                         use_bias, depthwise_initializer, pointwise_initializer, bias_initializer, depthwise_regularizer,
                         pointwise_regularizer, bias_regularizer, activity_regularizer, depthwise_constraint,
                         pointwise_constraint, bias_constraint, trainable, name, **kwargs)


class SeparableConv2D(_Separable):
    """`Convolution` over two axes of space by `depthwise_kernel` [height, width, C, depth_multiplier], each channel by itself,
    and then `pointwise_kernel` [1, 1, C * depth_multiplier, filters]; both strides must be equal."""

    def __init__(self, filters: int, kernel_size: Sizes, strides: Sizes = (1, 1), padding: str = "valid",
                 data_format: str = "channels_last", dilation_rate: Sizes = (1, 1), depth_multiplier: int = 1,
                 activation: Any = None, use_bias: Any = True, depthwise_initializer: Any = None,
                 pointwise_initializer: Any = None, bias_initializer: Any = ZEROS,
                 depthwise_regularizer: Any = None, pointwise_regularizer: Any = None, bias_regularizer: Any = None,
                 activity_regularizer: Any = None, depthwise_constraint: Any = None, pointwise_constraint: Any = None,
                 bias_constraint: Any = None, trainable: bool = True, name: Optional[str] = None, **kwargs: Any) -> None:
        super().__init__(2, filters, kernel_size, strides, padding, data_format, dilation_rate, depth_multiplier, activation,
                         use_bias, depthwise_initializer, pointwise_initializer, bias_initializer, depthwise_regularizer,
                         pointwise_regularizer, bias_regularizer, activity_regularizer, depthwise_constraint,
                         pointwise_constraint, bias_constraint, trainable, name, **kwargs)


separable_conv1d = function_of(SeparableConv1D, "separable_conv1d")
separable_conv2d = function_of(SeparableConv2D, "separable_conv2d")
