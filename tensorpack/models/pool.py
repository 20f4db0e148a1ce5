"""Pooling and un-pooling of 4-D tensors."""
from __future__ import annotations

from typing import Any, List, Optional

import numpy as np

from ..compat import tfv1 as tf
from ..tfutils._precision import in_float32, kernel_in_float32, like, narrowed, widened
from ..utils._types import AnyFunction
from ..utils.argtools import shape4d
from ._layout import Size2D, channel_axis, float_tensor, run_kernel, size2d, tf_padding
from .registry import layer_register
from .shape_utils import StaticDynamicShape
from .tflayer import convert_to_tflayer_args

__all__ = ["AvgPooling", "FixedUnPooling", "GlobalAvgPooling", "MaxPooling"]

_OLD_NAMES = {"shape": "pool_size", "stride": "strides"}


@layer_register(log_shape=True)
@convert_to_tflayer_args(args_names=["pool_size", "strides"], name_mapping=_OLD_NAMES)
def MaxPooling(inputs: Any, pool_size: Size2D, strides: Optional[Size2D] = None, padding: str = "valid",
               data_format: str = "channels_last") -> Any:
    """Maximum over windows, as `MaxPooling("name", x, pool_size, strides)`: [N, H, W, C] -> [N, H', W', C].

    With padding 'valid' H' is (H - size + 1) / stride, with 'same' H / stride, each rounded up; pixels of the padding never
    win. Channels-first input works on CPUs too. Output tensor: `name/output`.

    Args:
        pool_size, strides: int or (height, width); strides are `pool_size` by default.
        padding: 'same' or 'valid', any case.
    """
    return _pool("MaxPooling", tf.nn.max_pool, inputs, pool_size, strides, padding, data_format)


@layer_register(log_shape=True)
@convert_to_tflayer_args(args_names=["pool_size", "strides"], name_mapping=_OLD_NAMES)
def AvgPooling(inputs: Any, pool_size: Size2D, strides: Optional[Size2D] = None, padding: str = "valid",
               data_format: str = "channels_last") -> Any:
    """Mean over windows, as `AvgPooling("name", x, pool_size, strides)`: [N, H, W, C] -> [N, H', W', C].

    Pixels of the padding do not count in the mean. Sizes, arguments and the output tensor, `name/output`, are those of
    `MaxPooling`.
    """
    return _pool("AvgPooling", tf.nn.avg_pool, inputs, pool_size, strides, padding, data_format)


def _pool(who: str, pool: AnyFunction, inputs: Any, pool_size: Size2D, strides: Optional[Size2D], padding: str,
          data_format: str) -> Any:
    x = tf.convert_to_tensor(inputs) if who == "MaxPooling" else float_tensor(who, inputs)
    _check_4d(who, x)
    padding = tf_padding(who, padding)
    pool_size = size2d(who, "pool_size", pool_size)
    strides = pool_size if strides is None else size2d(who, "strides", strides)

    def kernel(x: Any, data_format: str) -> Any:
        return pool(x, ksize=shape4d(pool_size, data_format), strides=shape4d(strides, data_format), padding=padding,
                    data_format=data_format)

    return tf.identity(kernel_in_float32(lambda x: run_kernel(kernel, x, data_format), x), name="output")


@layer_register(log_shape=True)
def GlobalAvgPooling(x: Any, data_format: str = "channels_last") -> Any:
    """Mean over height and width (Lin et al. 2013, https://arxiv.org/abs/1312.4400), as `GlobalAvgPooling("name", x)`:
    [N, H, W, C] (or [N, C, H, W], as `data_format` says) -> [N, C], the tensor `name/output`.
    """
    x = float_tensor("GlobalAvgPooling", x)
    _check_4d("GlobalAvgPooling", x)
    axes = [1, 2] if channel_axis(data_format) == 3 else [2, 3]
    return in_float32(lambda x, name=None: tf.reduce_mean(x, axes, name=name), x, name="output")


@layer_register(log_shape=True)
def FixedUnPooling(x: Any, shape: Size2D, unpool_mat: Any = None, data_format: str = "channels_last") -> Any:
    """Kronecker product of each channel with a matrix, as `FixedUnPooling("name", x, shape)`: each pixel becomes that multiple
    of the matrix (Dosovitskiy et al. 2014, https://arxiv.org/abs/1411.5928).

    [N, H, W, C] -> [N, H * shape[0], W * shape[1], C], the tensor `name/Reshape`; sizes that are known stay known.

    Args:
        shape: int or (height, width) of the matrix.
        unpool_mat: array or tensor of that shape; by default 1 at the top left and 0 elsewhere.
    """
    x = tf.convert_to_tensor(x)
    _check_4d("FixedUnPooling", x)
    shape = size2d("FixedUnPooling", "shape", shape)
    matrix = _unpool_matrix(unpool_mat, shape)
    first = 1 if channel_axis(data_format) == 3 else 2
    # [N, H, W, C] -> [N, H, W, C, sh, sw] -> [N, H, sh, W, sw, C] -> [N, H * sh, W * sw, C], and alike for channels first
    with tf.name_scope("kronecker"):
        sizes = StaticDynamicShape(x)
        wide = widened(x)  # of a matrix that is learned, the gradient is a sum over all pixels
        pixels = narrowed(tf.expand_dims(wide, -1) * tf.reshape(like(matrix, wide), [-1]), x.dtype.base_dtype)
        pixels = tf.reshape(pixels, [sizes.get_dynamic(axis) for axis in range(4)] + shape)
        pixels = tf.transpose(pixels, [0, 1, 4, 2, 5, 3] if first == 1 else [0, 1, 2, 4, 3, 5])
        sizes.apply(first, lambda height: height * shape[0])
        sizes.apply(first + 1, lambda width: width * shape[1])
        target = sizes.get_dynamic()
    output = tf.reshape(pixels, target)
    output.set_shape(sizes.get_static())
    return output


def _unpool_matrix(unpool_mat: Any, shape: List[int]) -> Any:
    if unpool_mat is None:
        unpool_mat = np.zeros(shape, dtype="float32")
        unpool_mat[0, 0] = 1
    matrix = tf.convert_to_tensor(unpool_mat)
    if matrix.shape.as_list() != shape:
        raise ValueError("FixedUnPooling(shape={}): unpool_mat must have that shape; got {}".format(shape, matrix.shape))
    return matrix


def _check_4d(who: str, x: Any) -> None:
    if x.shape.ndims != 4:
        raise ValueError("{}: the input must be 4-D; got shape {}".format(who, x.shape))
