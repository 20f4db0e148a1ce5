"""Choices for the converters to TensorFlow Lite: the one of TF 2 takes rows for columns, the one of old broadcasts nothing."""
from __future__ import annotations

from functools import partial

from ....compat import tfv1 as tf
from .rewriting import Rewriting

_ADDED = (tf.float32, tf.int32)


def rewrite_choice_of_rows(rewriting: Rewriting) -> None:
    """Replace `Select` with a condition for each row by `SelectV2`, whose condition has all dimensions."""
    for node in rewriting.of_type("Select"):
        condition, shape = [rewriting.shape(name) for name in node.input[:2]]
        if condition is not None and len(condition) == 1 and shape is not None and len(shape) > 1:
            rewriting.replace(node, partial(_of_rows, rank=len(shape)))


def _of_rows(condition: tf.Tensor, x: tf.Tensor, y: tf.Tensor, rank: int) -> tf.Tensor:
    return tf.where_v2(tf.reshape(condition, [-1] + [1] * (rank - 1)), x, y)


def rewrite_choice_of_parts(rewriting: Rewriting) -> None:
    """Replace `SelectV2` whose inputs have different shapes, which are made equal, by `Select`."""
    for node in rewriting.of_type("SelectV2"):
        shapes = [rewriting.shape(name) for name in node.input[:3]]
        if tf.as_dtype(node.attr["T"].type) in _ADDED and (None in shapes or shapes != [shapes[0]] * 3):
            rewriting.replace(node, _of_equal_shapes)


def _of_equal_shapes(condition: tf.Tensor, x: tf.Tensor, y: tf.Tensor) -> tf.Tensor:
    # not of shapes, which the converter takes for constants
    nothing = sum(tf.cast(tf.logical_and(each, False), x.dtype) for each in (condition, tf.equal(x, x), tf.equal(y, y)))
    return tf.where(tf.cast(condition, x.dtype) + nothing > 0, x + nothing, y + nothing)
