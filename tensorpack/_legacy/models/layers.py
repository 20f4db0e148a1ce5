"""Layers that are gone."""
from __future__ import annotations

from typing import Any, Sequence

import numpy as np

from ...compat import tfv1 as tf
from ...models.registry import layer_register
from .._spelling import warn_once
from .nonlinearity import named

__all__ = ["BilinearUpSample", "ImageSample", "LeakyReLU", "NonLinearity", "SoftMax"]


@layer_register(use_scope=None)
def LeakyReLU(x: Any, alpha: float, name: str = "output") -> Any:
    """max(x, alpha * x), the tensor `name`."""
    return tf.maximum(x, alpha * x, name=name)


@layer_register(use_scope=None)
def NonLinearity(x: Any, nl: Any) -> Any:
    """`nl(x)`, the tensor `output` if `nl` takes a name."""
    return named(nl)(x, name="output")


@layer_register(use_scope=None)
def SoftMax(x: Any, use_temperature: bool = False, temperature_init: float = 1.0) -> Any:
    """Softmax over the last axis, the tensor `output`.

    Args:
        use_temperature: first multiply by the variable `invtemp`, a trainable scalar that starts at 1 / temperature_init.
    """
    if use_temperature:
        x = x * tf.get_variable("invtemp", [], initializer=tf.constant_initializer(1.0 / temperature_init))
    return tf.nn.softmax(x, name="output")


@layer_register()
def ImageSample(inputs: Sequence[Any], borderMode: str = "repeat") -> Any:
    """Values of an image between its pixels, bilinear: the tensor `output`, [N, H2, W2, C].

    Args:
        inputs: [image, coordinates]: [N, H, W, C] with known H, W and C, and [N, H2, W2, 2] of (y, x) in pixels.
        borderMode: what is outside of the image: 'repeat' for the values at its border, or 'constant' for 0.
    """
    image, coordinates = inputs
    if borderMode not in ("repeat", "constant"):
        raise ValueError("ImageSample: borderMode must be 'repeat' or 'constant'; got {!r}".format(borderMode))
    size = image.shape.as_list()[1:3]
    inside = tf.maximum(coordinates, 0.0)
    low = tf.floor(inside)
    weight_y, weight_x = tf.split(inside - low, 2, axis=3)
    low_y, low_x = tf.unstack(tf.cast(low, tf.int32), axis=3)
    sampled = tf.add_n([
        _pixels(image, low_y, low_x, size) * (1 - weight_y) * (1 - weight_x),
        _pixels(image, low_y, low_x + 1, size) * (1 - weight_y) * weight_x,
        _pixels(image, low_y + 1, low_x, size) * weight_y * (1 - weight_x),
        _pixels(image, low_y + 1, low_x + 1, size) * weight_y * weight_x])
    if borderMode == "constant":
        limits = tf.constant([size[0] - 1, size[1] - 1], tf.float32)
        is_inside = tf.reduce_all((coordinates >= 0) & (coordinates <= limits), axis=3, keepdims=True)
        sampled *= tf.cast(is_inside, sampled.dtype)
    return tf.identity(sampled, name="output")


def _pixels(image: Any, y: Any, x: Any, size: Sequence[int]) -> Any:
    """The pixels at whole coordinates [N, H2, W2], which are moved to the nearest one of the image."""
    y, x = tf.clip_by_value(y, 0, size[0] - 1), tf.clip_by_value(x, 0, size[1] - 1)
    number = tf.broadcast_to(tf.reshape(tf.range(tf.shape(image)[0]), [-1, 1, 1]), tf.shape(y))
    return tf.gather_nd(image, tf.stack([number, y, x], axis=3))


@layer_register(use_scope=None)
def BilinearUpSample(x: Any, shape: int) -> Any:
    """Bilinear enlargement by the whole number `shape`: [N, H, W, C] -> [N, H * shape, W * shape, C], the tensor `output`.

    With more than one channel each channel of the output is the sum over all channels, as it always was.
    """
    scale, channels = int(shape), x.shape.as_list()[3]
    if channels != 1:
        warn_once("BilinearUpSample, of {} channels, which sums over them,".format(channels), "tf.image.resize")
        x = tf.reduce_sum(x, axis=3, keepdims=True)
    if scale > 1:
        x = _enlarged(x, scale)
    return tf.identity(x if channels == 1 else tf.tile(x, [1, 1, 1, channels]), name="output")


def _enlarged(x: Any, scale: int) -> Any:
    """Transposed convolution of an image of one channel, mirrored at its border, with the triangle of 2 * scale x 2 * scale."""
    height, width = x.shape.as_list()[1:3]
    triangle = 1 - np.abs(np.arange(2 * scale) / float(scale) - (2 * scale - 1 - scale % 2) / (2.0 * scale))
    kernel = tf.constant(np.outer(triangle, triangle)[:, :, None, None], dtype=x.dtype)
    border = scale - 1
    x = tf.pad(x, [[0, 0], [border, border], [border, border], [0, 0]], mode="SYMMETRIC")
    sizes = tf.shape(x)
    y = tf.nn.conv2d_transpose(x, kernel, tf.stack([sizes[0], sizes[1] * scale, sizes[2] * scale, 1]),
                               strides=[1, scale, scale, 1], padding="SAME")
    cut = scale * border
    y = y[:, cut:-cut, cut:-cut, :]
    y.set_shape([x.shape.as_list()[0], height and height * scale, width and width * scale, 1])
    return y
