"""`CropAndResize` by gathering the neighbours of each sample, for boxes that are computed."""
from __future__ import annotations

from functools import partial
from typing import Any, Tuple

from ....compat import tfv1 as tf
from ..graph_def import attribute
from .rewriting import Rewriting


def rewrite_crop_and_resize(rewriting: Rewriting) -> None:
    """Replace `CropAndResize`.

    tf2onnx makes a loop over boxes, around a way of resizing that OpenVINO lacks; TensorFlow Lite has nothing for it.
    """
    for node in rewriting.of_type("CropAndResize"):
        rewriting.replace(node, partial(_cropped, is_nearest=attribute(node, "method").s == b"nearest",
                                        outside=attribute(node, "extrapolation_value").f))


def _cropped(image: tf.Tensor, boxes: tf.Tensor, box_ind: tf.Tensor, size: tf.Tensor, is_nearest: bool,
             outside: float) -> tf.Tensor:
    shape = tf.shape(image)
    y, y_is_inside = _places(boxes[:, 0], boxes[:, 2], shape[1], size[0])
    x, x_is_inside = _places(boxes[:, 1], boxes[:, 3], shape[2], size[1])
    y, x = tf.expand_dims(y, 2), tf.expand_dims(x, 1)
    first_row = tf.reshape(box_ind, [-1, 1, 1]) * shape[1]
    channels = image.shape.as_list()[3]
    pixels = tf.reshape(image, tf.stack([-1, shape[3]]) if channels is None else [-1, channels])

    def values(rows: tf.Tensor, columns: tf.Tensor) -> tf.Tensor:
        places = (first_row + tf.cast(rows, tf.int32)) * shape[2] + tf.cast(columns, tf.int32)
        return tf.cast(tf.gather(pixels, places), tf.float32)

    samples = values(tf.floor(y + 0.5), tf.floor(x + 0.5)) if is_nearest else _interpolated(values, y, x)
    is_inside = tf.cast(tf.logical_and(tf.expand_dims(y_is_inside, 2), tf.expand_dims(x_is_inside, 1)), tf.float32)
    is_inside = tf.expand_dims(is_inside, 3)
    result = samples * is_inside
    return result + outside * (1 - is_inside) if outside else result


def _places(first: tf.Tensor, last: tf.Tensor, length: tf.Tensor, count: tf.Tensor) -> Tuple[tf.Tensor, tf.Tensor]:
    """Where samples are along an axis of the image, in pixels, [boxes, count], cut to it; and whether they were in it."""
    end = tf.cast(length - 1, tf.float32)
    intervals = tf.cast(tf.maximum(count - 1, 1), tf.float32)
    # a single sample is in the middle
    start = tf.where(tf.fill(tf.shape(first), count > 1), first, 0.5 * (first + last))
    steps = tf.cast(tf.range(count), tf.float32) * tf.expand_dims((last - first) * end / intervals, 1)
    places = tf.expand_dims(start * end, 1) + steps
    is_inside = tf.logical_and(places >= 0, places <= end)
    return tf.minimum(tf.maximum(places, 0.), end), is_inside


def _interpolated(values: Any, y: tf.Tensor, x: tf.Tensor) -> tf.Tensor:
    top, left = tf.floor(y), tf.floor(x)
    bottom, right = tf.ceil(y), tf.ceil(x)
    along_x, along_y = tf.expand_dims(x - left, 3), tf.expand_dims(y - top, 3)
    above, below = values(top, left), values(bottom, left)
    above += (values(top, right) - above) * along_x
    below += (values(bottom, right) - below) * along_x
    return above + (below - above) * along_y
