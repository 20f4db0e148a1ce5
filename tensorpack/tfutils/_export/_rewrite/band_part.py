"""`MatrixBandPart` by a choice; tf2onnx multiplies what is outside of the band by 0, which leaves NaN."""
from __future__ import annotations

from ....compat import tfv1 as tf
from .rewriting import Rewriting


def rewrite_band_part(rewriting: Rewriting) -> None:
    """Replace `MatrixBandPart`."""
    for node in rewriting.of_type("MatrixBandPart"):
        rewriting.replace(node, _band)


def _band(matrices: tf.Tensor, lower: tf.Tensor, upper: tf.Tensor) -> tf.Tensor:
    rows, columns = tf.unstack(tf.shape(matrices)[-2:], num=2)
    below = tf.cast(tf.expand_dims(tf.range(rows), 1) - tf.range(columns), lower.dtype)
    is_inside = tf.logical_and(tf.logical_or(lower < 0, below <= lower), tf.logical_or(upper < 0, -below <= upper))
    return tf.where_v2(is_inside, matrices, tf.zeros([], matrices.dtype))
