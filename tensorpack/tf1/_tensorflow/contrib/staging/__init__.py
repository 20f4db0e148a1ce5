"""`tf.contrib.staging.StagingArea`: a buffer of tensors on a device."""
from __future__ import annotations

from ..... import compat

__all__ = ["StagingArea"]

StagingArea = compat.staging_area_class()
