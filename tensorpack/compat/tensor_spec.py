"""Kept for scripts written when TensorFlow had no TensorSpec of its own."""
from __future__ import annotations

from . import tfv1

__all__ = ["TensorSpec"]

TensorSpec = tfv1.TensorSpec
