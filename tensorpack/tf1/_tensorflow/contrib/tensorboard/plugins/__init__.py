"""`tf.contrib.tensorboard.plugins`."""
from __future__ import annotations

from ...._provide import provide

__getattr__, __dir__, __all__ = provide(__name__)
