"""Programs that were written for TensorFlow 1, on today's TensorFlow."""
from __future__ import annotations
