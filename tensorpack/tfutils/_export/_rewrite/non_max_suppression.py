"""Non-maximum suppression with as many results as there are boxes left, by the one that counts them."""
from __future__ import annotations

from typing import Optional

import numpy as np

from ....compat import tfv1 as tf
from .rewriting import Rewriting


def rewrite_non_max_suppression(rewriting: Rewriting) -> None:
    """Replace `NonMaxSuppressionV2` and `V3`: TensorFlow Lite fills their results up with box 0, and does not say where."""
    for node in rewriting.of_type("NonMaxSuppressionV2", "NonMaxSuppressionV3"):
        rewriting.replace(node, _selected)


def _selected(boxes: tf.Tensor, scores: tf.Tensor, size: tf.Tensor, overlap: tf.Tensor,
              lowest_score: Optional[tf.Tensor] = None) -> tf.Tensor:
    indices, count = tf.raw_ops.NonMaxSuppressionV4(
        boxes=boxes, scores=scores, max_output_size=size, iou_threshold=overlap, pad_to_max_output_size=True,
        score_threshold=tf.constant(-np.inf, scores.dtype) if lowest_score is None else lowest_score)
    return tf.slice(indices, [0], tf.expand_dims(count, 0))
