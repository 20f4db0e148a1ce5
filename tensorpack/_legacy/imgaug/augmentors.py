"""Augmentors that are gone."""
from __future__ import annotations

from typing import Any, Optional, Sequence, Tuple

import numpy as np

from ...dataflow.imgaug import CropTransform, ImageAugmentor, Transform
from ...dataflow.imgaug._common import cv2
from ...dataflow.imgaug._transform_base import OfOneSize

__all__ = ["FixedCrop", "GaussianDeform"]


class FixedCrop(ImageAugmentor):
    """Cuts out the box `rect`, a `utils.rect.Rect`, with its last row and column."""

    def __init__(self, rect: Any):
        self.rect = rect
        super().__init__()

    def get_transform(self, _: np.ndarray) -> CropTransform:
        return CropTransform(self.rect.y0, self.rect.x0, self.rect.h + 1, self.rect.w + 1)


class GaussianDeform(ImageAugmentor):
    """Moves anchors at random, and what is near to them along with them.

    Args:
        anchors: list of (y, x) in [0, 1], relative to the size of the image.
        shape: (h, w) of all images, which must have 3 channels.
        sigma: how far the motion of an anchor reaches: at a distance d, relative to the image, it is exp(-d ** 2 / sigma).
        randrange: anchors move by up to so many pixels in y and x; by default h / 8.
    """

    def __init__(self, anchors: Sequence[Tuple[float, float]], shape: Tuple[int, int], sigma: float = 0.5,
                 randrange: Optional[float] = None):
        self.anchors = list(anchors)
        self.shape = tuple(shape)
        self.sigma = sigma
        self.randrange = shape[0] / 8.0 if randrange is None else randrange
        super().__init__()

    def get_transform(self, img: np.ndarray) -> Transform:
        if img.shape != self.shape + (3,):
            raise ValueError("GaussianDeform(shape={0}): images must have the shape {0} and 3 channels; got {1}".format(
                self.shape, tuple(img.shape)))
        moves = self.rng.uniform(-self.randrange, self.randrange, size=(len(self.anchors), 2)).astype("float32")
        return _Deformation(self.anchors, self.shape, self.sigma, moves)


class _Deformation(OfOneSize, Transform):

    def __init__(self, anchors: Any, shape: Any, sigma: float, moves: np.ndarray):
        self.anchors, self.shape, self.sigma, self.moves = anchors, shape, sigma, moves

    def apply_image(self, img: np.ndarray) -> np.ndarray:
        y, x = np.mgrid[:self.shape[0], :self.shape[1]].astype("float32")
        source_y, source_x = y.copy(), x.copy()
        for (anchor_y, anchor_x), (move_y, move_x) in zip(self.anchors, self.moves):
            square = (y / self.shape[0] - anchor_y) ** 2 + (x / self.shape[1] - anchor_x) ** 2
            weight = np.exp(-square / self.sigma)
            source_y += weight * move_y
            source_x += weight * move_x
        return cv2.remap(img, source_x.astype("float32"), source_y.astype("float32"), cv2.INTER_LINEAR,
                         borderMode=cv2.BORDER_REPLICATE)
