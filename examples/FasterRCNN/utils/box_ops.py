"""Boxes as tensors, float32 [k, 4] of (x1, y1, x2, y2)."""
from tensorpack import tfv1 as tf
from tensorpack.tfutils.scope_utils import under_name_scope


@under_name_scope()
def area(boxes):
    """float32 [k]"""
    x1, y1, x2, y2 = tf.unstack(boxes, axis=1)
    return (x2 - x1) * (y2 - y1)


@under_name_scope()
def pairwise_intersection(boxes1, boxes2):
    """The area of each intersection, float32 [k1, k2]."""
    x1, y1, x2, y2 = (tf.expand_dims(x, 1) for x in tf.unstack(boxes1, axis=1))
    u1, v1, u2, v2 = (tf.expand_dims(x, 0) for x in tf.unstack(boxes2, axis=1))
    widths = tf.maximum(tf.minimum(x2, u2) - tf.maximum(x1, u1), 0.)
    heights = tf.maximum(tf.minimum(y2, v2) - tf.maximum(y1, v1), 0.)
    return widths * heights


@under_name_scope()
def pairwise_iou(boxes1, boxes2):
    """Intersection over union, float32 [k1, k2]; 0 where nothing intersects, even of two boxes without area."""
    intersection = pairwise_intersection(boxes1, boxes2)
    union = tf.expand_dims(area(boxes1), 1) + tf.expand_dims(area(boxes2), 0) - intersection
    return tf.where(intersection > 0., intersection / tf.where(intersection > 0., union, tf.ones_like(union)),
                    tf.zeros_like(intersection))
