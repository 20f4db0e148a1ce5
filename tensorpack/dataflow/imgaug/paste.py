"""Augmentors that put the image on a larger canvas."""
from __future__ import annotations

from typing import Any, Optional, Tuple

import numpy as np

from ...utils._arguments.sizes import height_width
from ._arguments import pair
from ._common import Configured, check_fits
from ._transform_geometry import PasteTransform
from ._value_range import warn_of_unit_range
from .base import ImageAugmentor

__all__ = ["BackgroundFiller", "CenterPaste", "ConstantBackgroundFiller", "RandomPaste"]


class BackgroundFiller(Configured):
    """Makes the canvas for an image: subclasses define `_fill(background_shape, img)`."""

    def fill(self, background_shape: Tuple[int, int], img: np.ndarray) -> np.ndarray:
        """A new canvas of size `background_shape`, with dtype and channels of `img`."""
        height, width = background_shape
        return self._fill((height, width), img)

    def _fill(self, background_shape: Tuple[int, int], img: np.ndarray) -> np.ndarray:
        raise NotImplementedError("{}: a background filler must define _fill(background_shape, img)".format(
            type(self).__name__))


class ConstantBackgroundFiller(BackgroundFiller):
    """A canvas of one colour.

    Args:
        value: number for all channels, or one for each.
    """

    def __init__(self, value: Any):
        self.value = value

    def _fill(self, background_shape: Tuple[int, int], img: np.ndarray) -> np.ndarray:
        if np.max(self.value) > 1:
            warn_of_unit_range(self, img, "gets a background of {}".format(self.value))
        return np.full(background_shape + img.shape[2:], self.value, dtype=img.dtype)


class CenterPaste(ImageAugmentor):
    """Puts the image in the middle of a canvas.

    Args:
        background_shape: (h, w) of the canvas; images must not be larger.
        background_filler: makes the canvas; a black one by default.
    """

    def __init__(self, background_shape: Tuple[int, int], background_filler: Optional[BackgroundFiller] = None):
        self.background_shape = height_width(self, "background_shape", pair(self, "background_shape", background_shape))
        self.background_filler = ConstantBackgroundFiller(0) if background_filler is None else background_filler
        super().__init__()

    def get_transform(self, _: np.ndarray) -> PasteTransform:
        return self._paste_at(_, lambda room: room // 2)

    def _paste_at(self, img: np.ndarray, choose: Any) -> PasteTransform:
        h, w = img.shape[:2]
        check_fits(self, self.background_shape, (h, w), "the image")
        y0 = choose(self.background_shape[0] - h)
        x0 = choose(self.background_shape[1] - w)
        return PasteTransform(y0, x0, h, w, self.background_shape, self.background_filler)


class RandomPaste(CenterPaste):
    """Puts the image at a random place of a canvas.

    Args:
        background_shape: (h, w) of the canvas; images must not be larger.
        background_filler: makes the canvas; a black one by default.
    """

    def get_transform(self, img: np.ndarray) -> PasteTransform:
        return self._paste_at(img, lambda room: int(self._rand_range(room)))
