"""The other tools around TensorFlow."""
from __future__ import annotations

from .._table import Part

PART = Part()
