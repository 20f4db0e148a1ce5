"""Projective transforms of images: `tf.contrib.image.transform` and those made of it.

A transform is a float32 vector [a0, a1, a2, b0, b1, b2, c0, c1]: the output at (x, y) is the input at
((a0 x + a1 y + a2) / k, (b0 x + b1 y + b2) / k) with k = c0 x + c1 y + 1, and 0 outside of the image.
"""
from __future__ import annotations

from typing import Any, Callable, Optional, Tuple

from ....... import compat
from .......compat import tfv1 as tf

__all__ = ["angles_to_projective_transforms", "compose_transforms", "flat_transforms_to_matrices",
           "matrices_to_flat_transforms", "rotate", "transform", "translate", "translations_to_projective_transforms"]

_DTYPES = (tf.uint8, tf.int32, tf.int64, tf.float16, tf.float32, tf.float64)


def transform(images: Any, transforms: Any, interpolation: str = "NEAREST", output_shape: Any = None,
              name: Optional[str] = None) -> Any:
    """Images after a projective transform.

    Args:
        images: [N, H, W, C], or [H, W, C], or [H, W].
        transforms: [8], or [N, 8] for one of each image.
        interpolation: 'NEAREST' or 'BILINEAR'.
        output_shape: (height, width); that of the input by default.

    Raises:
        TypeError: images or transforms have another type or rank.
        ValueError: `output_shape` has not two elements.
    """
    with tf.name_scope(name, "transform"):
        images, restore = _as_batch("transform", images)
        transforms = _rows("transform", "transforms", transforms, 8)
        output_shape = _output_shape(images, output_shape)
        return restore(compat.image_projective_transform(images, transforms, output_shape, interpolation.upper()))


def _as_batch(who: str, images: Any) -> Tuple[Any, Callable[[Any], Any]]:
    """(images [N, H, W, C], the function that brings such back to the rank of these)."""
    images = tf.convert_to_tensor(images, name="images")
    rank = images.shape.ndims
    if images.dtype.base_dtype not in _DTYPES:
        raise TypeError("{}: images must be of one of the types {}; got {}".format(
            who, ", ".join(each.name for each in _DTYPES), images.dtype.name))
    if rank == 2:
        return images[None, :, :, None], lambda output: output[0, :, :, 0]
    if rank == 3:
        return images[None], lambda output: output[0]
    if rank == 4:
        return images, lambda output: output
    raise TypeError("{}: images must have rank 2, 3 or 4, known in advance; got shape {}".format(who, images.shape))


def _rows(who: str, name: str, values: Any, width: int) -> Any:
    """A vector or rows of such, as float32 rows."""
    values = tf.convert_to_tensor(values, name=name, dtype=tf.float32)
    if values.shape.ndims not in (1, 2):
        raise TypeError("{}: {} must have shape [{width}] or [N, {width}]; got {}".format(who, name, values.shape, width=width))
    return values[None] if values.shape.ndims == 1 else values


def _output_shape(images: Any, output_shape: Any) -> Any:
    if output_shape is None:
        sizes = images.shape.as_list()[1:3]
        output_shape = tf.shape(images)[1:3] if None in sizes else sizes
    output_shape = tf.convert_to_tensor(output_shape, tf.int32, name="output_shape")
    if not output_shape.shape.is_compatible_with([2]):
        raise ValueError("transform: output_shape must be (height, width); got shape {}".format(output_shape.shape))
    return output_shape


def rotate(images: Any, angles: Any, interpolation: str = "NEAREST", name: Optional[str] = None) -> Any:
    """Images turned counter-clockwise about their centres; their sizes stay.

    Args:
        images: [N, H, W, C], or [H, W, C], or [H, W].
        angles: radians, one or one for each image.
        interpolation: 'NEAREST' or 'BILINEAR'.
    """
    with tf.name_scope(name, "rotate"):
        images, restore = _as_batch("rotate", images)
        height, width = (tf.cast(tf.shape(images)[axis], tf.float32) for axis in (1, 2))
        return restore(transform(images, angles_to_projective_transforms(angles, height, width), interpolation))


def translate(images: Any, translations: Any, interpolation: str = "NEAREST", name: Optional[str] = None) -> Any:
    """Images moved by (dx, dy) pixels, [2] or [N, 2]: see `transform`."""
    with tf.name_scope(name, "translate"):
        return transform(images, translations_to_projective_transforms(translations), interpolation)


def angles_to_projective_transforms(angles: Any, image_height: Any, image_width: Any, name: Optional[str] = None) -> Any:
    """Transforms [N, 8] of rotations by these angles (radians, scalar or [N]) about the centre of images of this size.

    Raises:
        TypeError: the angles have another rank.
    """
    with tf.name_scope(name, "angles_to_projective_transforms"):
        angles = tf.convert_to_tensor(angles, name="angles", dtype=tf.float32)
        if angles.shape.ndims not in (0, 1):
            raise TypeError("angles_to_projective_transforms: angles must have rank 0 or 1; got shape {}".format(angles.shape))
        angles = tf.reshape(angles, [-1])
        sine, cosine = tf.sin(angles), tf.cos(angles)
        right, bottom = image_width - 1, image_height - 1
        x_offset = (right - (cosine * right - sine * bottom)) / 2.0
        y_offset = (bottom - (sine * right + cosine * bottom)) / 2.0
        zeros = tf.zeros_like(angles)
        return tf.stack([cosine, -sine, x_offset, sine, cosine, y_offset, zeros, zeros], axis=1)


def translations_to_projective_transforms(translations: Any, name: Optional[str] = None) -> Any:
    """Transforms [N, 8] of translations by (dx, dy), [2] or [N, 2].

    Raises:
        TypeError: the translations have another rank.
    """
    with tf.name_scope(name, "translations_to_projective_transforms"):
        translations = _rows("translations_to_projective_transforms", "translations", translations, 2)
        zeros, ones = tf.zeros_like(translations[:, 0]), tf.ones_like(translations[:, 0])
        return tf.stack([ones, zeros, -translations[:, 0], zeros, ones, -translations[:, 1], zeros, zeros], axis=1)


def compose_transforms(*transforms: Any) -> Any:
    """The transform [N, 8] that is the same as these one after another.

    Raises:
        ValueError: there is none.
    """
    if not transforms:
        raise ValueError("compose_transforms: there must be a transform; got none")
    with tf.name_scope("compose_transforms"):
        composed = flat_transforms_to_matrices(transforms[0])
        for each in transforms[1:]:
            composed = tf.matmul(composed, flat_transforms_to_matrices(each))
        return matrices_to_flat_transforms(composed)


def flat_transforms_to_matrices(transforms: Any) -> Any:
    """Transforms [8] or [N, 8] as matrices [N, 3, 3]."""
    with tf.name_scope("flat_transforms_to_matrices"):
        transforms = tf.reshape(tf.convert_to_tensor(transforms, name="transforms"), [-1, 8])
        return tf.reshape(tf.concat([transforms, tf.ones_like(transforms[:, :1])], axis=1), [-1, 3, 3])


def matrices_to_flat_transforms(transform_matrices: Any) -> Any:
    """Matrices [3, 3] or [N, 3, 3] as transforms [N, 8]."""
    with tf.name_scope("matrices_to_flat_transforms"):
        rows = tf.reshape(tf.convert_to_tensor(transform_matrices, name="transform_matrices"), [-1, 9])
        return (rows / rows[:, 8:9])[:, :8]
