"""The largest or the mean elements of windows over one, two or three axes of space."""
from __future__ import annotations

from typing import Any, Callable, Optional, Type

from ....compat import tfv1 as tf
from ._core.kernels import pool, run_kernel
from ._core.shapes import Sizes, convolved_size, layer_data_format, layer_padding, sizes
from .base import InputSpec, Layer

__all__ = ["AveragePooling1D", "AveragePooling2D", "AveragePooling3D", "MaxPooling1D", "MaxPooling2D", "MaxPooling3D",
           "average_pooling1d", "average_pooling2d", "average_pooling3d", "max_pooling1d", "max_pooling2d", "max_pooling3d"]


class _Pooling(Layer):
    _kind = "max"
    _rank = 1

    def __init__(self, pool_size: Sizes, strides: Sizes, padding: str = "valid", data_format: str = "channels_last",
                 name: Optional[str] = None, **kwargs: Any) -> None:
        super().__init__(name=name, **kwargs)
        who = type(self).__name__
        self.pool_size = sizes(who, "pool_size", pool_size, self._rank)
        self.strides = sizes(who, "strides", strides, self._rank)
        self.padding = layer_padding(who, padding)
        self.data_format = layer_data_format(data_format)
        self.input_spec = InputSpec(ndim=self._rank + 2)

    def call(self, inputs: Any) -> Any:
        return run_kernel(lambda x, data_format: pool(self._kind, x, self.pool_size, self.strides, self.padding.upper(),
                                                      data_format), inputs, self.data_format)

    def compute_output_shape(self, input_shape: Any) -> Any:
        shape = tf.TensorShape(input_shape).as_list()
        first = 2 if self.data_format == "channels_first" else 1
        for axis in range(self._rank):
            shape[first + axis] = convolved_size(shape[first + axis], self.pool_size[axis], self.padding, self.strides[axis])
        return tf.TensorShape(shape)


class MaxPooling1D(_Pooling):
    """The largest element of each channel in windows of `pool_size`: [N, W, C] -> [N, W', C].

    Args:
        padding: 'valid' or 'same'.
        data_format: 'channels_last' or 'channels_first', which works on CPUs too (by transposes).
    """


class MaxPooling2D(_Pooling):
    """`MaxPooling1D` over two axes of space: [N, H, W, C] -> [N, H', W', C]; sizes are whole numbers or pairs."""

    _rank = 2


class MaxPooling3D(_Pooling):
    """`MaxPooling1D` over three axes of space: [N, D, H, W, C] -> [N, D', H', W', C]; sizes are whole numbers or triples."""

    _rank = 3


class AveragePooling1D(_Pooling):
    """The mean of each channel in windows of `pool_size`, of those elements that are not padding: [N, W, C] -> [N, W', C].

    Args:
        padding: 'valid' or 'same'.
        data_format: 'channels_last' or 'channels_first', which works on CPUs too (by transposes).
    """

    _kind = "average"


class AveragePooling2D(AveragePooling1D):
    """`AveragePooling1D` over two axes of space: [N, H, W, C] -> [N, H', W', C]; sizes are whole numbers or pairs."""

    _rank = 2


class AveragePooling3D(AveragePooling1D):
    """`AveragePooling1D` over three axes of space: [N, D, H, W, C] -> [N, D', H', W', C]; sizes are numbers or triples."""

    _rank = 3


def _function_of(layer: Type[_Pooling], name: str) -> Callable[..., Any]:
    def function(inputs: Any, pool_size: Sizes, strides: Sizes, padding: str = "valid", data_format: str = "channels_last",
                 name: Optional[str] = None) -> Any:
        return layer(pool_size, strides, padding, data_format, name).apply(inputs)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = "One `{}`, called with `inputs`.\n\n    {}".format(layer.__name__, layer.__doc__)
    return function


average_pooling1d = _function_of(AveragePooling1D, "average_pooling1d")
average_pooling2d = _function_of(AveragePooling2D, "average_pooling2d")
average_pooling3d = _function_of(AveragePooling3D, "average_pooling3d")
max_pooling1d = _function_of(MaxPooling1D, "max_pooling1d")
max_pooling2d = _function_of(MaxPooling2D, "max_pooling2d")
max_pooling3d = _function_of(MaxPooling3D, "max_pooling3d")
