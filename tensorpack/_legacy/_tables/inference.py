"""Inferencers and what runs them."""
from __future__ import annotations

from .._table import Part

PART = Part()
