"""Augmentors that change colour space or dtype; nothing in them is random."""
from __future__ import annotations

from typing import Any, Optional

import numpy as np

from ...utils._arguments.flags import true_or_false
from ._common import check_channels, cv2
from ._pixels import convert_color, to_uint8
from .base import PhotometricAugmentor

__all__ = ["ColorSpace", "Grayscale", "ToFloat32", "ToUint8"]


class ColorSpace(PhotometricAugmentor):
    """`cv2.cvtColor` for uint8 images, or float images in [0, 1] where the conversion asks for that.

    Args:
        mode: conversion, such as `cv2.COLOR_BGR2HSV`.
        keepdims: give HxWx1 rather than HxW where one channel is left.
    """

    def __init__(self, mode: int, keepdims: bool = True):
        self.mode = mode
        self.keepdims = true_or_false(self, "keepdims", keepdims)
        super().__init__()

    def _augment(self, img: np.ndarray, _: Any) -> np.ndarray:
        converted = convert_color(img, self.mode)
        return converted[:, :, np.newaxis] if self.keepdims and converted.ndim == 2 else converted


class Grayscale(ColorSpace):
    """Gray image of a colour image, HxWx3 or HxWx4.

    Args:
        keepdims: give HxWx1, else HxW.
        rgb: whether the channels are RGB, else BGR.
        keepshape: give HxWx3 with equal channels, whatever `keepdims` is.
    """

    def __init__(self, keepdims: bool = True, rgb: bool = False, keepshape: bool = False):
        super().__init__(cv2.COLOR_RGB2GRAY if rgb else cv2.COLOR_BGR2GRAY, keepdims)
        self.rgb = true_or_false(self, "rgb", rgb)
        self.keepshape = true_or_false(self, "keepshape", keepshape)

    def _augment(self, img: np.ndarray, _: Any) -> np.ndarray:
        check_channels(self, img)
        gray = super()._augment(img, None)
        return np.stack([gray.reshape(gray.shape[:2])] * 3, axis=2) if self.keepshape else gray


class ToUint8(PhotometricAugmentor):
    """Limits to [0, 255] and cuts to whole numbers, as uint8."""

    def _spoils_unit_range(self) -> Optional[str]:
        return "becomes black, since its values are cut to whole numbers"

    def _augment(self, img: np.ndarray, _: Any) -> np.ndarray:
        return to_uint8(img)


class ToFloat32(PhotometricAugmentor):
    """The same values as float32."""

    def _augment(self, img: np.ndarray, _: Any) -> np.ndarray:
        return img.astype("float32")
