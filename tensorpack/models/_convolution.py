"""2-D convolution with strides, dilation and groups, by whichever kernels TensorFlow has here, gradients included."""
from __future__ import annotations

from typing import Any, List, Sequence

from .. import compat
from ..compat import tfv1 as tf
from ..utils.argtools import shape4d

__all__ = ["convolve"]


def convolve(x: Any, kernel: Any, strides: Sequence[int], padding: str, dilations: Sequence[int], groups: int,
             data_format: str) -> Any:
    """Convolve a 4-D tensor.

    Args:
        kernel: [height, width, channels in / groups, channels out].
        strides, dilations: pairs of ints, (height, width).
        padding: 'SAME' or 'VALID'.
        data_format: 'NHWC', or 'NCHW' on a GPU.
    """
    if groups == 1 or _has_complete_kernels(x):
        return _convolve_one(x, kernel, strides, padding, dilations, data_format)
    axis = 1 if data_format == "NCHW" else 3
    parts = zip(tf.split(x, groups, axis), tf.split(kernel, groups, 3))
    return tf.concat([_convolve_one(xi, ki, strides, padding, dilations, data_format) for xi, ki in parts], axis)


def _has_complete_kernels(x: Any) -> bool:
    """Whether `tf.nn.conv2d` here knows groups and can differentiate a dilated convolution: of CPU kernels, oneDNN's do."""
    return compat.has_gpu() or (x.dtype.base_dtype == tf.float32 and compat.has_onednn())


def _convolve_one(x: Any, kernel: Any, strides: Sequence[int], padding: str, dilations: Sequence[int],
                  data_format: str) -> Any:
    if tuple(dilations) == (1, 1) or _has_complete_kernels(x):
        return tf.nn.conv2d(x, kernel, strides=shape4d(strides, data_format), padding=padding,
                            dilations=shape4d(dilations, data_format), data_format=data_format)
    # tf.nn.convolution rearranges the pixels instead of dilating the kernel, and takes no strides then
    if tuple(strides) != (1, 1) and padding == "SAME":
        x, padding = _pad_same(x, kernel, strides, dilations), "VALID"
    x = tf.nn.convolution(x, kernel, padding=padding, dilation_rate=list(dilations), data_format=data_format, name="Conv2D")
    return x if tuple(strides) == (1, 1) else x[:, ::strides[0], ::strides[1], :]


def _pad_same(x: Any, kernel: Any, strides: Sequence[int], dilations: Sequence[int]) -> Any:
    """Zeros around an NHWC tensor, so that a strided 'VALID' convolution equals the 'SAME' one."""
    paddings: List[List[Any]] = [[0, 0]]
    for axis in (0, 1):
        size = tf.shape(x)[axis + 1]
        extent = (kernel.shape.as_list()[axis] - 1) * dilations[axis] + 1
        total = tf.maximum((-(-size // strides[axis]) - 1) * strides[axis] + extent - size, 0)
        paddings.append([total // 2, total - total // 2])
    return tf.pad(x, paddings + [[0, 0]])
