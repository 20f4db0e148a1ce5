"""Blocks of a matrix: their sizes, and masks of them."""
from __future__ import annotations

from typing import Any, List, Tuple

from ......compat import tfv1 as tf

__all__ = ["assign", "expand", "pool"]


def pool(matrix: Any, dims: Tuple[int, int], pooling: str) -> Tuple[Any, Tuple[int, int]]:
    """(average or maximum of each block of a matrix, sizes of a block); a size of -1 is that of the matrix.

    A block at the border has the elements that there are.
    """
    rows, columns = matrix.shape.as_list()
    height, width = (size if given == -1 else given for given, size in zip(dims, (rows, columns)))
    pooled = tf.nn.pool(tf.reshape(matrix, [1, rows, columns, 1]), [height, width], pooling, "SAME", strides=[height, width])
    return tf.squeeze(pooled, [0, 3]), (height, width)


def expand(mask: Any, dims: Tuple[int, int], shape: List[int]) -> Any:
    """A mask of blocks as a mask of the elements of a matrix of this shape."""
    rows = tf.repeat(mask, dims[0], axis=0)
    return tf.repeat(rows, dims[1], axis=1)[:shape[0], :shape[1]]


def assign(mask: Any, value: Any) -> Any:
    """Assign a mask that may be a partitioned variable."""
    parts = list(mask) if not hasattr(mask, "op") else [mask]
    if len(parts) == 1:
        return tf.assign(parts[0], value, name=parts[0].op.name + "_assign")
    whole = mask.shape.as_list()
    axis = next(axis for axis, size in enumerate(parts[0].shape.as_list()) if size != whole[axis])
    values = tf.split(value, [part.shape.as_list()[axis] for part in parts], axis)
    return tf.group(*[tf.assign(part, each, name=part.op.name + "_assign") for part, each in zip(parts, values)])
