"""Resizing by areas and bicubic interpolation, as products with matrices: both are linear, one dimension after the other."""
from __future__ import annotations

from typing import Any, Callable, List, Optional, Sequence

import numpy as np

from ....compat import tfv1 as tf
from .rewriting import Rewriting


def rewrite_resize(rewriting: Rewriting) -> None:
    """Replace `ResizeArea` and `ResizeBicubic` between known sizes.

    tf2onnx takes the nearest pixel for the one, and another kernel for the other; TensorFlow Lite has neither.
    """
    for node in rewriting.of_type("ResizeArea", "ResizeBicubic"):
        shape, size = rewriting.shape(node.input[0]), rewriting.constant(node.input[1])
        if shape is not None and size is not None and None not in shape[1:]:
            rows, columns = [_matrix(node, length, int(new), axis)
                             for axis, (length, new) in enumerate(zip(shape[1:3], size))]
            rewriting.replace(node, _by_matrices(rows, columns, shape[1:]), inputs=node.input[:1])


def _matrix(node: Any, length: int, new: int, axis: int) -> np.ndarray:
    """What the operation does along one axis: the matrix from `length` to `new` pixels."""
    with tf.Graph().as_default(), tf.Session(config=tf.ConfigProto(device_count={"GPU": 0})) as sess:
        identity = np.eye(length, dtype="float32").reshape([1, length, 1, length] if axis == 0 else [1, 1, length, length])
        copy = tf.NodeDef(name="resized", op=node.op, input=["image", "size"])
        for name, value in node.attr.items():
            copy.attr[name].CopyFrom(value)
        copy.attr["T"].type = tf.float32.as_datatype_enum
        image = tf.constant(identity, name="image")
        size = tf.constant([new, 1] if axis == 0 else [1, new], name="size")
        graph_def = tf.GraphDef(versions=image.graph.as_graph_def().versions, node=[image.op.node_def, size.op.node_def, copy])
        resized, = tf.import_graph_def(graph_def, return_elements=["resized:0"], name="made")
        return np.asarray(sess.run(resized)).reshape(new, length)


def _by_matrices(rows: np.ndarray, columns: np.ndarray, sizes: Sequence[Optional[int]]) -> Callable[[tf.Tensor], tf.Tensor]:
    _, width, channels = [int(each or 0) for each in sizes]
    new_height, new_width = len(rows), len(columns)

    def product(matrix: np.ndarray, x: tf.Tensor, shape: List[int]) -> tf.Tensor:
        """The matrix by the second last dimension."""
        return tf.matmul(tf.constant(matrix[np.newaxis]), tf.reshape(x, shape))

    def resized(image: tf.Tensor) -> tf.Tensor:
        x = product(rows, tf.cast(image, tf.float32), [-1, rows.shape[1], width * channels])
        x = product(columns, x, [-1, width, channels])
        return tf.reshape(x, [-1, new_height, new_width, channels])

    return resized
