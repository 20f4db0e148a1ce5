"""`tf.contrib.predictor`: functions from arrays to arrays, of exported models."""
from __future__ import annotations

from ..._provide import provide

__getattr__, __dir__, __all__ = provide(__name__, {"_saved_model": ["from_saved_model"]})
