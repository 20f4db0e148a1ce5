"""Trainers: called with a configuration, and their members."""
from __future__ import annotations

from .._table import Part

PART = Part()
