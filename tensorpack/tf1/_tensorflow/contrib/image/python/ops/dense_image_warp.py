"""Images in which each pixel has moved by its own vector: `tf.contrib.image.dense_image_warp`."""
from __future__ import annotations

from typing import Any, List, Tuple

from .......compat import tfv1 as tf

__all__ = ["dense_image_warp"]


def dense_image_warp(image: Any, flow: Any, name: str = "dense_image_warp") -> Any:
    """`output[n, y, x] = image[n, y - flow[n, y, x, 0], x - flow[n, y, x, 1]]`, with bilinear interpolation.

    Points outside take the value at the border. There are gradients of both arguments.

    Args:
        image: float [N, H, W, C], with H and W of at least 2.
        flow: float [N, H, W, 2].
    """
    with tf.name_scope(name):
        image, flow = tf.convert_to_tensor(image), tf.convert_to_tensor(flow)
        shape = tf.shape(image)
        ys, xs = tf.meshgrid(tf.range(shape[1]), tf.range(shape[2]), indexing="ij")
        low_y, high_y, part_y = _neighbours(tf.cast(ys, flow.dtype) - flow[..., 0], shape[1], image.dtype)
        low_x, high_x, part_x = _neighbours(tf.cast(xs, flow.dtype) - flow[..., 1], shape[2], image.dtype)
        pixels = tf.reshape(image, [-1, shape[3]])
        first = tf.reshape(tf.range(shape[0]) * shape[1] * shape[2], [-1, 1, 1])
        rows: List[Any] = []
        for y in (low_y, high_y):
            left, right = (tf.gather(pixels, first + y * shape[2] + x) for x in (low_x, high_x))
            rows.append(left + part_x * (right - left))
        return rows[0] + part_y * (rows[1] - rows[0])


def _neighbours(positions: Any, size: Any, dtype: Any) -> Tuple[Any, Any, Any]:
    """(index before each position, index after it, how far it is between both: in [0, 1])."""
    floor = tf.minimum(tf.maximum(tf.floor(positions), 0), tf.cast(size - 2, positions.dtype))
    part = tf.minimum(tf.maximum(tf.cast(positions - floor, dtype), 0), 1)
    low = tf.cast(floor, tf.int32)
    return low, low + 1, tf.expand_dims(part, -1)
