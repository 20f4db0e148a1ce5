"""Convolutions over one, two and three axes of space."""
from __future__ import annotations

from typing import Any, Optional

from .....compat import tfv1 as tf
from ..base import InputSpec, Layer
from . import spellings
from .functional import function_of
from .kernels import convolve, run_kernel
from .shapes import Sizes, channel_axis, channels, convolved_size, layer_data_format, layer_padding, sizes
from .spellings import ZEROS

__all__ = ["Conv1D", "Conv2D", "Conv3D", "Convolution", "conv1d", "conv2d", "conv3d"]


class Convolution(Layer):
    """activation(convolution of inputs with kernel + bias): [N, space..., C] -> [N, space'..., filters].

    Variables: `kernel` [kernel size..., C, filters], `bias` [filters] if `use_bias`. Channels-first input, [N, C, space...],
    works on CPUs too (by transposes); the variables do not depend on the format.

    Args:
        rank: number of axes of space.
        kernel_size, strides, dilation_rate: a whole number or one for each axis of space.
        padding: 'valid' or 'same' (any case), with one axis also 'causal': zeros before the first element only.
        data_format: 'channels_last' or 'channels_first'.
        activation, initializers, regularizers and constraints: functions, Keras' names for them, or None; the kernel is at
            first Glorot's uniform.

    Raises:
        ValueError: the input has another rank or an unknown number of channels; both strides and dilation are above 1; a size
            or format is none.
    """

    def __init__(self, rank: int, filters: Optional[int], kernel_size: Sizes, strides: Sizes = 1, padding: str = "valid",
                 data_format: str = "channels_last", dilation_rate: Sizes = 1, activation: Any = None, use_bias: Any = True,
                 kernel_initializer: Any = None, bias_initializer: Any = ZEROS, kernel_regularizer: Any = None,
                 bias_regularizer: Any = None, activity_regularizer: Any = None, kernel_constraint: Any = None,
                 bias_constraint: Any = None, trainable: bool = True, name: Optional[str] = None, **kwargs: Any) -> None:
        super().__init__(trainable=trainable, name=name, activity_regularizer=activity_regularizer, **kwargs)
        who = type(self).__name__
        self.rank, self.filters = rank, filters
        self.kernel_size = sizes(who, "kernel_size", kernel_size, rank)
        self.strides = sizes(who, "strides", strides, rank)
        self.dilation_rate = sizes(who, "dilation_rate", dilation_rate, rank)
        self.padding = layer_padding(who, padding, causal=rank == 1)
        self.data_format = layer_data_format(data_format)
        self.activation = spellings.activation(activation)
        self.use_bias = use_bias
        self.kernel_initializer, self.bias_initializer = kernel_initializer, bias_initializer
        self.kernel_regularizer, self.bias_regularizer = kernel_regularizer, bias_regularizer
        self.kernel_constraint, self.bias_constraint = kernel_constraint, bias_constraint
        self.input_spec = InputSpec(ndim=rank + 2)
        if max(self.strides) > 1 and max(self.dilation_rate) > 1:
            raise ValueError("{}: strides and dilation_rate cannot both be above 1; got {} and {}".format(
                who, self.strides, self.dilation_rate))

    def build(self, input_shape: Any) -> None:
        depth = self._known_channels(input_shape)
        self.kernel = self._kernel("kernel", self.kernel_size + (depth, self.filters))
        self._make_bias()
        self.built = True

    def _known_channels(self, input_shape: Any) -> Any:
        axis = channel_axis(self.data_format)
        depth = channels(self, input_shape, axis)
        self.input_spec = InputSpec(ndim=self.rank + 2, axes={axis: depth})
        return depth

    def _kernel(self, name: Any, shape: Any) -> Any:
        """A variable by the initializer, the regularizer and the constraint that are named after it."""
        return self.add_weight(name, shape, **{argument: getattr(self, name.replace("_kernel", "") + "_" + argument)
                                               for argument in ("initializer", "regularizer", "constraint")})

    def _make_bias(self) -> None:
        self.bias = self._kernel("bias", (self.filters,)) if self.use_bias else None

    def call(self, inputs: Any) -> Any:
        return self.activation(run_kernel(self._biased, inputs, self.data_format))

    def _biased(self, x: Any, data_format: Any) -> Any:
        return self._add_bias(self._convolve(x, data_format), data_format)

    def _add_bias(self, y: Any, data_format: str) -> Any:
        # the formats have these names for one and three axes of space as well
        return y if self.bias is None else tf.nn.bias_add(y, self.bias, data_format=data_format)

    def _convolve(self, x: Any, data_format: Any) -> Any:
        x, padding = self._padded(x, data_format)
        return convolve(x, tf.convert_to_tensor(self.kernel), self.strides, padding, self.dilation_rate, data_format)

    def _padded(self, x: Any, data_format: Any) -> Any:
        if self.padding != "causal":
            return x, self.padding.upper()
        before = [[self.dilation_rate[0] * (self.kernel_size[0] - 1), 0]]
        return tf.pad(x, [[0, 0]] + before + [[0, 0]] if data_format == "NHWC" else [[0, 0], [0, 0]] + before), "VALID"

    def compute_output_shape(self, input_shape: Any) -> Any:
        shape = tf.TensorShape(input_shape).as_list()
        first = 2 if self.data_format == "channels_first" else 1
        for axis in range(self.rank):
            shape[first + axis] = self._output_size(shape[first + axis], axis)
        shape[channel_axis(self.data_format)] = self.filters
        return tf.TensorShape(shape)

    def _output_size(self, size: Any, axis: Any) -> Any:
        return convolved_size(size, self.kernel_size[axis], self.padding, self.strides[axis], self.dilation_rate[axis])


class Conv1D(Convolution):
    """`Convolution` over one axis of space."""

    def __init__(self, filters: int, kernel_size: Sizes, strides: Sizes = 1, padding: str = "valid",
                 data_format: str = "channels_last", dilation_rate: Sizes = 1, activation: Any = None, use_bias: Any = True,
                 kernel_initializer: Any = None, bias_initializer: Any = ZEROS, kernel_regularizer: Any = None,
                 bias_regularizer: Any = None, activity_regularizer: Any = None, kernel_constraint: Any = None,
                 bias_constraint: Any = None, trainable: bool = True, name: Optional[str] = None, **kwargs: Any) -> None:
        super().__init__(1, filters, kernel_size, strides, padding, data_format, dilation_rate, activation, use_bias,
                         kernel_initializer, bias_initializer, kernel_regularizer, bias_regularizer, activity_regularizer,
                         kernel_constraint, bias_constraint, trainable, name, **kwargs)


class Conv2D(Convolution):
    """`Convolution` over two axes of space."""

    def __init__(self, filters: int, kernel_size: Sizes, strides: Sizes = (1, 1), padding: str = "valid",
                 data_format: str = "channels_last", dilation_rate: Sizes = (1, 1), activation: Any = None,
                 use_bias: Any = True, kernel_initializer: Any = None, bias_initializer: Any = ZEROS,
                 kernel_regularizer: Any = None, bias_regularizer: Any = None, activity_regularizer: Any = None,
                 kernel_constraint: Any = None, bias_constraint: Any = None, trainable: bool = True,
                 name: Optional[str] = None, **kwargs: Any) -> None:
        super().__init__(2, filters, kernel_size, strides, padding, data_format, dilation_rate, activation, use_bias,
                         kernel_initializer, bias_initializer, kernel_regularizer, bias_regularizer, activity_regularizer,
                         kernel_constraint, bias_constraint, trainable, name, **kwargs)


class Conv3D(Convolution):
    """`Convolution` over three axes of space."""

    def __init__(self, filters: int, kernel_size: Sizes, strides: Sizes = (1, 1, 1), padding: str = "valid",
                 data_format: str = "channels_last", dilation_rate: Sizes = (1, 1, 1), activation: Any = None,
                 use_bias: Any = True, kernel_initializer: Any = None, bias_initializer: Any = ZEROS,
                 kernel_regularizer: Any = None, bias_regularizer: Any = None, activity_regularizer: Any = None,
                 kernel_constraint: Any = None, bias_constraint: Any = None, trainable: bool = True,
                 name: Optional[str] = None, **kwargs: Any) -> None:
        super().__init__(3, filters, kernel_size, strides, padding, data_format, dilation_rate, activation, use_bias,
                         kernel_initializer, bias_initializer, kernel_regularizer, bias_regularizer, activity_regularizer,
                         kernel_constraint, bias_constraint, trainable, name, **kwargs)


conv1d = function_of(Conv1D, "conv1d")
conv2d = function_of(Conv2D, "conv2d")
conv3d = function_of(Conv3D, "conv3d")
