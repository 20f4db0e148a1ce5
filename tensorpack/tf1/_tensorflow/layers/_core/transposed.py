"""Transposed convolutions over two and three axes of space (Zeiler et al. 2010, "Deconvolutional networks")."""
from __future__ import annotations

from typing import Any, Optional

from .....compat import tfv1 as tf
from .convolution import Convolution
from .functional import function_of
from .kernels import with_ends
from .shapes import Sizes, transposed_size
from .spellings import ZEROS

__all__ = ["Conv2DTranspose", "Conv3DTranspose", "conv2d_transpose", "conv3d_transpose"]


class _Transposed(Convolution):
    def build(self, input_shape: Any) -> None:
        depth = self._known_channels(input_shape)
        self.kernel = self._kernel("kernel", self.kernel_size + (self.filters, depth))
        self._make_bias()
        self.built = True

    def _convolve(self, x: Any, data_format: Any) -> Any:
        transpose = tf.nn.conv2d_transpose if self.rank == 2 else tf.nn.conv3d_transpose
        formats = {"NHWC": ("NHWC", "NDHWC"), "NCHW": ("NCHW", "NCDHW")}
        y = transpose(x, tf.convert_to_tensor(self.kernel), tf.stack(self._output_sizes(tf.unstack(tf.shape(x)), data_format)),
                      strides=with_ends(self.strides, data_format), padding=self.padding.upper(),
                      data_format=formats[data_format][self.rank - 2])
        y.set_shape(self._output_sizes(x.shape.as_list(), data_format))
        return y

    def _output_sizes(self, input_sizes: Any, data_format: Any) -> Any:
        first, channel = (1, -1) if data_format == "NHWC" else (2, 1)
        sizes = list(input_sizes)
        for axis in range(self.rank):
            sizes[first + axis] = self._output_size(sizes[first + axis], axis)
        sizes[channel] = self.filters
        return sizes

    def _output_size(self, size: Any, axis: Any) -> Any:
        return transposed_size(size, self.kernel_size[axis], self.padding, self.strides[axis])


class Conv2DTranspose(_Transposed):
    """`Convolution` turned round, over two axes of space: a size becomes size * stride with padding 'same', and
    max(kernel - stride, 0) more with 'valid'. `kernel` is [height, width, filters, C]."""

    def __init__(self, filters: int, kernel_size: Sizes, strides: Sizes = (1, 1), padding: str = "valid",
                 data_format: str = "channels_last", activation: Any = None, use_bias: Any = True,
                 kernel_initializer: Any = None, bias_initializer: Any = ZEROS, kernel_regularizer: Any = None,
                 bias_regularizer: Any = None, activity_regularizer: Any = None, kernel_constraint: Any = None,
                 bias_constraint: Any = None, trainable: bool = True, name: Optional[str] = None, **kwargs: Any) -> None:
        super().__init__(2, filters, kernel_size, strides, padding, data_format, 1, activation, use_bias, kernel_initializer,
                         bias_initializer, kernel_regularizer, bias_regularizer, activity_regularizer, kernel_constraint,
                         bias_constraint, trainable, name, **kwargs)


class Conv3DTranspose(_Transposed):
    """`Conv2DTranspose` over three axes of space. `kernel` is [depth, height, width, filters, C]."""

    def __init__(self, filters: int, kernel_size: Sizes, strides: Sizes = (1, 1, 1), padding: str = "valid",
                 data_format: str = "channels_last", activation: Any = None, use_bias: Any = True,
                 kernel_initializer: Any = None, bias_initializer: Any = ZEROS, kernel_regularizer: Any = None,
                 bias_regularizer: Any = None, activity_regularizer: Any = None, kernel_constraint: Any = None,
                 bias_constraint: Any = None, trainable: bool = True, name: Optional[str] = None, **kwargs: Any) -> None:
        super().__init__(3, filters, kernel_size, strides, padding, data_format, 1, activation, use_bias, kernel_initializer,
                         bias_initializer, kernel_regularizer, bias_regularizer, activity_regularizer, kernel_constraint,
                         bias_constraint, trainable, name, **kwargs)


conv2d_transpose = function_of(Conv2DTranspose, "conv2d_transpose")
conv3d_transpose = function_of(Conv3DTranspose, "conv3d_transpose")
