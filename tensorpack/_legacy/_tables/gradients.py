"""Gradient processors, optimizers, scopes and variables by other names."""
from __future__ import annotations

from .._table import Part

PART = Part()
