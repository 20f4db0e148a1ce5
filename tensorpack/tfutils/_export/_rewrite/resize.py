"""Resizing by areas and bicubic interpolation, as products with matrices: both are linear, one dimension after the other."""
from __future__ import annotations

from typing import Any, Callable, List, Optional, Tuple

import numpy as np

from ....compat import tfv1 as tf
from .rewriting import Rewriting


def rewrite_resize(rewriting: Rewriting) -> None:
    """Replace `ResizeArea` and `ResizeBicubic` between known sizes.

    tf2onnx takes the nearest pixel for the one, and another kernel for the other; TensorFlow Lite has neither.
    """
    for node in rewriting.of_type("ResizeArea", "ResizeBicubic"):
        sizes = _sizes(rewriting, node)
        if sizes is not None:
            rewriting.replace(node, _by_matrices(node, *sizes), inputs=node.input[:1])


def rewrite_resize_by_cut_off_factors(rewriting: Rewriting) -> None:
    """Replace `ResizeBilinear` and `ResizeNearestNeighbor` where the size times its float32 factor is just below the new one.

    tf2onnx gives known sizes as factors, and takes the product for one pixel less: 8 from 7 by 9/7.
    """
    for node in rewriting.of_type("ResizeBilinear", "ResizeNearestNeighbor"):
        sizes = _sizes(rewriting, node)
        if sizes is not None and any(map(_is_cut_off, *sizes)):
            make = _by_indices if node.op == "ResizeNearestNeighbor" else _by_matrices
            rewriting.replace(node, make(node, *sizes), inputs=node.input[:1])


def _sizes(rewriting: Rewriting, node: Any) -> Optional[Tuple[List[int], List[int]]]:
    """Height and width before and after, if they and the channels are known."""
    shape, size = rewriting.shape(node.input[0]), rewriting.constant(node.input[1])
    if shape is None or size is None or None in shape[1:]:
        return None
    return [int(each or 0) for each in shape[1:3]], [int(each) for each in size]


def _is_cut_off(old: int, new: int) -> bool:
    return int(old * float(np.float32(new / old))) != new


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


def _by_matrices(node: Any, old: List[int], new: List[int]) -> Callable[[tf.Tensor], tf.Tensor]:
    rows, columns = [_matrix(node, *sizes, axis) for axis, sizes in enumerate(zip(old, new))]

    def resized(image: tf.Tensor) -> tf.Tensor:
        channels = image.shape.as_list()[3]
        x = tf.reshape(tf.cast(image, tf.float32), [-1, old[0], old[1] * channels])
        x = tf.reshape(tf.matmul(tf.constant(rows[np.newaxis]), x), [-1, old[1], channels])
        return tf.reshape(tf.matmul(tf.constant(columns[np.newaxis]), x), [-1] + new + [channels])

    return resized


def _by_indices(node: Any, old: List[int], new: List[int]) -> Callable[[tf.Tensor], tf.Tensor]:
    rows, columns = [_matrix(node, *sizes, axis).argmax(1).astype("int32")
                     for axis, sizes in enumerate(zip(old, new))]
    return lambda image: tf.gather(tf.gather(image, rows, axis=1), columns, axis=2)
