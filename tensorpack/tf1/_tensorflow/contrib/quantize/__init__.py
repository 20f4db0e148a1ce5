"""`tf.contrib.quantize`: what finds and rewires operations in a graph; the rewriting of whole graphs is not provided."""
from __future__ import annotations

from ..._provide import provide

__getattr__, __dir__, __all__ = provide(__name__)
