"""Labels and segments of negative numbers: TensorFlow leaves them out, and ONNX counts them from the end."""
from __future__ import annotations

from functools import partial
from typing import Optional

import numpy as np

from ....compat import tfv1 as tf
from ..graph_def import attribute
from .rewriting import Rewriting

_NOT_COMPARED = (tf.uint8, tf.int8)  # by old versions of ONNX Runtime


def rewrite_one_hot(rewriting: Rewriting) -> None:
    """Replace `OneHot` by comparisons with each class; tf2onnx takes -1 for the last one, and few dtypes and ranks."""
    for node in rewriting.of_type("OneHot"):
        shape, axis = rewriting.shape(node.input[0]), int(attribute(node, "axis").i)
        if axis == -1 or shape is not None:
            rewriting.replace(node, partial(
                _one_hot, axis=axis, behind=0 if axis == -1 else len(shape or []) - axis,
                constant_depth=rewriting.constant(node.input[1]),
                is_cast=[rewriting.constant(name) for name in node.input[2:4]] == [1, 0]))


def _one_hot(indices: tf.Tensor, depth: tf.Tensor, on: tf.Tensor, off: tf.Tensor, axis: int, behind: int,
             constant_depth: Optional[np.ndarray], is_cast: bool) -> tf.Tensor:
    if indices.dtype in _NOT_COMPARED:
        indices = tf.cast(indices, tf.int32)
    classes = tf.range(depth) if constant_depth is None else tf.constant(np.arange(int(constant_depth), dtype="int32"))
    classes = tf.reshape(tf.cast(classes, indices.dtype), [-1] + [1] * behind)
    is_on = tf.equal(tf.expand_dims(indices, axis), classes)
    return tf.cast(is_on, on.dtype) if is_cast else tf.where_v2(is_on, on, off)


def rewrite_unsorted_segments(rewriting: Rewriting) -> None:
    """Give what belongs to no segment of `UnsortedSegmentSum` and its like one more, which is cut off.

    Without numbers, the largest one is the least that is finite in TensorFlow; tf2onnx has minus infinity.
    """
    for node in rewriting.of_type(*("UnsortedSegment" + kind for kind in ("Sum", "Prod", "Max", "Min"))):
        rewriting.replace(node, partial(_segments, kind=node.op))


def _segments(data: tf.Tensor, segments: tf.Tensor, count: tf.Tensor, kind: str) -> tf.Tensor:
    last = tf.cast(count, segments.dtype)
    of_one = tf.where_v2(segments < 0, last, segments)
    results = getattr(tf.raw_ops, kind)(data=data, segment_ids=of_one, num_segments=count + 1)
    if kind.endswith("Max"):
        results = tf.maximum(results, data.dtype.min)
    elif kind.endswith("Min"):
        results = tf.minimum(results, data.dtype.max)
    return results[:count]
