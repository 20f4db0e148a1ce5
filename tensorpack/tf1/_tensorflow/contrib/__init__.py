"""`tf.contrib`."""
from __future__ import annotations
