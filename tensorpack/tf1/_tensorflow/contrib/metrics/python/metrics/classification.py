"""`tf.contrib.metrics.accuracy`: of one batch, without variables."""
from __future__ import annotations

from typing import Any, Optional

from .......compat import tfv1 as tf

__all__ = ["accuracy"]


def accuracy(predictions: Any, labels: Any, weights: Any = None, name: Optional[str] = None) -> Any:
    """The (weighted) share of predictions that equal their label: a float32 scalar.

    Raises:
        ValueError: the labels are no bool, integer or string, or the predictions have another type.
    """
    if not (labels.dtype.is_integer or labels.dtype in (tf.bool, tf.string)):
        raise ValueError("accuracy: labels must be bool, integer or string; got {!r}".format(labels.dtype))
    if not labels.dtype.is_compatible_with(predictions.dtype):
        raise ValueError("accuracy: predictions and labels must have the same type; got {!r} and {!r}".format(
            predictions.dtype, labels.dtype))
    with tf.name_scope(name, "accuracy", [predictions, labels]):
        correct = tf.cast(tf.equal(predictions, labels), tf.float32)
        if weights is None:
            return tf.reduce_mean(correct)
        correct = correct * weights
        return tf.div(tf.reduce_sum(correct), tf.reduce_sum(weights * tf.ones_like(correct)))
