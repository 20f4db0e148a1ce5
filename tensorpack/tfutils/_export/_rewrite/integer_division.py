"""Integer `//` and `%`, which TensorFlow rounds to minus infinity, by the division that cuts off, which every runtime has."""
from __future__ import annotations

from typing import Any, Tuple

from ....compat import tfv1 as tf
from .rewriting import Rewriting


def rewrite_integer_division(rewriting: Rewriting) -> None:
    """Replace `FloorDiv` and `FloorMod` of signed integers; tf2onnx makes divisions of them that cut off.

    `TruncateMod`, which few runtimes have, is replaced as well.
    """
    for node in rewriting.of_type(*_REPLACED):
        dtype = tf.as_dtype(node.attr["T"].type)
        if dtype.is_integer and not dtype.is_unsigned:
            rewriting.replace(node, _REPLACED[node.op])


def _quotient(x: tf.Tensor, y: tf.Tensor) -> tf.Tensor:
    quotient, _, is_below = _cut_off(x, y)
    return quotient - is_below


def _remainder(x: tf.Tensor, y: tf.Tensor) -> tf.Tensor:
    _, remainder, is_below = _cut_off(x, y)
    return remainder + is_below * y


def _cut_off(x: tf.Tensor, y: tf.Tensor) -> Tuple[tf.Tensor, tf.Tensor, Any]:
    """Quotient and remainder of the division that cuts off, and 1 where the one that rounds down is below it, else 0."""
    quotient = tf.truncatediv(x, y)
    remainder = x - quotient * y
    is_below = tf.logical_and(tf.not_equal(remainder, 0), tf.not_equal(tf.less(remainder, 0), tf.less(y, 0)))
    return quotient, remainder, tf.cast(is_below, x.dtype)


_REPLACED = {"FloorDiv": _quotient, "FloorMod": _remainder, "TruncateMod": lambda x, y: _cut_off(x, y)[1]}
