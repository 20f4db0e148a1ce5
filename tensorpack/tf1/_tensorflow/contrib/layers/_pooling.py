"""Pooling over axes of space."""
from __future__ import annotations

from typing import Any, Optional

from .....compat import tfv1 as tf
from ...layers.pooling import AveragePooling2D, AveragePooling3D, MaxPooling2D, MaxPooling3D
from ..framework._arg_scope import add_arg_scope
from ._utils import collect_named_outputs, layer_data_format, n_positive_integers

__all__ = ["avg_pool2d", "avg_pool3d", "max_pool2d", "max_pool3d", "pool"]


@add_arg_scope
def avg_pool2d(inputs: Any, kernel_size: Any, stride: Any = 2, padding: str = "VALID", data_format: str = "NHWC",
               outputs_collections: Any = None, scope: Optional[str] = None) -> Any:
    """The mean of each channel in windows: [N, H, W, C] -> [N, H', W', C]; sizes are whole numbers or pairs."""
    return _pool(AveragePooling2D, "AvgPool2D", layer_data_format(data_format, "NCHW", "NHWC"), inputs, kernel_size, stride,
                 padding, outputs_collections, scope)


@add_arg_scope
def avg_pool3d(inputs: Any, kernel_size: Any, stride: Any = 2, padding: str = "VALID", data_format: str = "NDHWC",
               outputs_collections: Any = None, scope: Optional[str] = None) -> Any:
    """The mean of each channel in windows: [N, D, H, W, C] -> [N, D', H', W', C]; sizes are whole numbers or triples."""
    return _pool(AveragePooling3D, "AvgPool3D", layer_data_format(data_format, "NCDHW", "NDHWC"), inputs, kernel_size, stride,
                 padding, outputs_collections, scope)


@add_arg_scope
def max_pool2d(inputs: Any, kernel_size: Any, stride: Any = 2, padding: str = "VALID", data_format: str = "NHWC",
               outputs_collections: Any = None, scope: Optional[str] = None) -> Any:
    """The largest element of each channel in windows: [N, H, W, C] -> [N, H', W', C]; sizes are whole numbers or pairs."""
    return _pool(MaxPooling2D, "MaxPool2D", layer_data_format(data_format, "NCHW", "NHWC"), inputs, kernel_size, stride,
                 padding, outputs_collections, scope)


@add_arg_scope
def max_pool3d(inputs: Any, kernel_size: Any, stride: Any = 2, padding: str = "VALID", data_format: str = "NDHWC",
               outputs_collections: Any = None, scope: Optional[str] = None) -> Any:
    """The largest element of each channel in windows: [N, D, H, W, C] -> [N, D', H', W', C]; sizes are numbers or triples."""
    return _pool(MaxPooling3D, "MaxPool3D", layer_data_format(data_format, "NCDHW", "NDHWC"), inputs, kernel_size, stride,
                 padding, outputs_collections, scope)


def _pool(layer: Any, default_name: Any, df: Any, inputs: Any, kernel_size: Any, stride: Any, padding: Any,
          outputs_collections: Any, scope: Any) -> Any:
    with tf.name_scope(scope, default_name, [inputs]) as sc:
        outputs = layer(kernel_size, stride, padding, df, _scope=sc).apply(tf.convert_to_tensor(inputs))
        return collect_named_outputs(outputs_collections, sc, outputs)


@add_arg_scope
def pool(inputs: Any, kernel_size: Any, pooling_type: str, padding: str = "VALID", data_format: Optional[str] = None,
         dilation_rate: Any = 1, stride: Any = 1, outputs_collections: Any = None, scope: Optional[str] = None) -> Any:
    """`tf.nn.pool` over one, two or three axes of space.

    Args:
        pooling_type: 'AVG' or 'MAX'.
    """
    with tf.name_scope(scope, "{}_pool".format(pooling_type.lower()), [inputs]) as sc:
        inputs = tf.convert_to_tensor(inputs)
        if inputs.shape.ndims is None or inputs.shape.ndims < 3:
            raise ValueError("pool: the rank of the input must be known and at least 3; got shape {}".format(inputs.shape))
        window, dilations, strides = [n_positive_integers(inputs.shape.ndims - 2, each)
                                      for each in (kernel_size, dilation_rate, stride)]
        outputs = tf.nn.pool(inputs, window, pooling_type, padding, dilation_rate=dilations, strides=strides, name=sc,
                             data_format=data_format)
        return collect_named_outputs(outputs_collections, sc, outputs)
