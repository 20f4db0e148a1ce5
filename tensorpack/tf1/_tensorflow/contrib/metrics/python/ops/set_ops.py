"""Sets in the last axis of tensors: `tf.contrib.metrics.set_size` and its relatives are those of `tf.sets`."""
from __future__ import annotations

from .......compat import tfv1 as tf

__all__ = ["set_difference", "set_intersection", "set_size", "set_union"]

set_difference = tf.sets.difference
set_intersection = tf.sets.intersection
set_size = tf.sets.size
set_union = tf.sets.union
