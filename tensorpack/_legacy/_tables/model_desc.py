"""The model: `InputDesc`, and the hooks of `ModelDesc`."""
from __future__ import annotations

from .._table import Part

PART = Part()
