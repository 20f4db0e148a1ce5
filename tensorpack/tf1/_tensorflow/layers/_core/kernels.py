"""Convolutions and pooling over one, two or three axes of space, by kernels that TensorFlow has here."""
from __future__ import annotations

from typing import Any, Callable, Sequence

from .....compat import tfv1 as tf
from .....models._convolution import convolve as convolve_2d
from .....models._layout import run_kernel

__all__ = ["convolve", "pool", "run_in_2d", "run_kernel", "with_ends"]


def convolve(x: Any, kernel: Any, strides: Sequence[int], padding: str, dilations: Sequence[int], data_format: str) -> Any:
    """Convolve a tensor of rank 3, 4 or 5; `data_format` is 'NHWC', or 'NCHW' on a GPU, for all of them."""
    if len(strides) == 1:
        with tf.name_scope("conv1d"):
            return run_in_2d(lambda x, data_format: convolve_2d(
                x, tf.expand_dims(kernel, 0), (1,) + tuple(strides), padding, (1,) + tuple(dilations), 1, data_format),
                x, data_format)
    if len(strides) == 2:
        return convolve_2d(x, kernel, strides, padding, dilations, 1, data_format)
    kernel_format = "NDHWC" if data_format == "NHWC" else "NCDHW"
    if tuple(dilations) == (1, 1, 1):
        return tf.nn.conv3d(x, kernel, with_ends(strides, data_format), padding, data_format=kernel_format)
    return tf.nn.convolution(x, kernel, padding, dilation_rate=list(dilations), data_format=kernel_format)


def run_in_2d(kernel: Callable[[Any, str], Any], x: Any, data_format: str) -> Any:
    """`kernel(x, data_format)` on a tensor with one axis of space, which gets one of size 1 before it for that time."""
    axis = 1 if data_format == "NHWC" else 2
    return tf.squeeze(kernel(tf.expand_dims(x, axis), data_format), [axis])


def pool(kind: str, x: Any, size: Sequence[int], strides: Sequence[int], padding: str, data_format: str) -> Any:
    """The largest ('max') or mean ('average') elements of windows of a tensor of rank 3, 4 or 5; formats as in `convolve`."""
    if len(size) == 1:
        return run_in_2d(lambda x, data_format: pool(kind, x, (1,) + tuple(size), (1,) + tuple(strides), padding, data_format),
                         x, data_format)
    functions = {"max": (tf.nn.max_pool, tf.nn.max_pool3d), "average": (tf.nn.avg_pool, tf.nn.avg_pool3d)}
    formats = {"NHWC": ("NHWC", "NDHWC"), "NCHW": ("NCHW", "NCDHW")}
    return functions[kind][len(size) - 2](x, with_ends(size, data_format), with_ends(strides, data_format), padding,
                                          data_format=formats[data_format][len(size) - 2])


def with_ends(values: Sequence[int], data_format: str) -> Sequence[int]:
    """`values` of the axes of space, with 1 for the axes of batch and channels."""
    return [1] + list(values) + [1] if data_format == "NHWC" else [1, 1] + list(values)
