"""`TrainConfig`: its keywords and attributes."""
from __future__ import annotations

from .._table import Part

PART = Part()
