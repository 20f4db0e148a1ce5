"""`tf.contrib.metrics.confusion_matrix`."""
from __future__ import annotations

from typing import Any, Optional

from .......compat import tfv1 as tf

__all__ = ["confusion_matrix"]


def confusion_matrix(labels: Any, predictions: Any, num_classes: Any = None, dtype: Any = tf.int32,
                     name: Optional[str] = None, weights: Any = None) -> Any:
    """`tf.confusion_matrix`, whose name and weights are in another order: [classes, classes], rows are labels."""
    return tf.confusion_matrix(labels, predictions, num_classes, weights=weights, dtype=dtype, name=name)
