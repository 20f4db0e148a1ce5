"""A warning about float images in [0, 1] that meet numbers which are meant for images in [0, 255]."""
from __future__ import annotations

from typing import Any

import numpy as np

from ...utils.argtools import log_once

__all__ = ["warn_of_unit_range"]


def warn_of_unit_range(who: Any, img: np.ndarray, consequence: str) -> None:
    """Warn once for each class if the values of a float image are in [0, 1].

    The first image that is not black decides for all that follow, so that looking costs nothing in the long run.

    Args:
        who: the augmentor or filler, which remembers that it has looked.
        consequence: what it does to such an image.
    """
    if getattr(who, "_has_seen_range", False) or not isinstance(img, np.ndarray) or img.dtype.kind != "f" or not img.size:
        return  # it has looked, or there is nothing to look at: an ImagePlaceholder, other types, no pixels
    low, high = img.min(), img.max()
    if high == 0 == low:
        return
    who._has_seen_range = True
    if 0 <= low and high <= 1:
        log_once("{}: its numbers are for images in [0, 255]; got a float image in [0, 1], which {}; augment before the image "
                 "is divided by 255.".format(who, consequence), "warning")
