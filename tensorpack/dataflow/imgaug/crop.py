"""Augmentors that cut out part of the image, or blank it."""
from __future__ import annotations

from typing import Any, Optional, Tuple, Union

import numpy as np

from ...utils._arguments.numbers import whole_number
from ...utils._arguments.sizes import height_width
from ...utils.develop import log_deprecated
from ._arguments import interpolation, interval, number, size, whole_interval
from ._common import INTER_LINEAR, check_fits
from ._transform_base import TransformList, join
from ._transform_geometry import CropTransform, CutoutTransform, ResizeTransform
from ._value_range import warn_of_unit_range
from .base import ImageAugmentor, ImagePlaceholder
from .misc import ResizeShortestEdge

__all__ = ["CenterCrop", "GoogleNetRandomCropAndResize", "RandomCrop", "RandomCropRandomShape", "RandomCutout"]

_CROP_ATTEMPTS = 10


class RandomCrop(ImageAugmentor):
    """Crops at a random place.

    Args:
        crop_shape: (h, w), or one integer for both; images must be as large.
    """

    draws_by_shape = True

    def __init__(self, crop_shape: Union[int, Tuple[int, int]]):
        self.crop_shape = height_width(self, "crop_shape", crop_shape)
        super().__init__()

    def get_transform(self, img: np.ndarray) -> CropTransform:
        check_fits(self, img.shape, self.crop_shape, "crop_shape")
        h, w = self.crop_shape
        y0 = self.rng.randint(img.shape[0] - h + 1)
        x0 = self.rng.randint(img.shape[1] - w + 1)
        return CropTransform(y0, x0, h, w)


class CenterCrop(ImageAugmentor):
    """Crops the centre.

    Args:
        crop_shape: (h, w), or one integer for both; images must be as large.
    """

    draws_by_shape = True

    def __init__(self, crop_shape: Union[int, Tuple[int, int]]):
        self.crop_shape = height_width(self, "crop_shape", crop_shape)
        super().__init__()

    def get_transform(self, img: np.ndarray) -> CropTransform:
        check_fits(self, img.shape, self.crop_shape, "crop_shape")
        h, w = self.crop_shape
        return CropTransform((img.shape[0] - h) // 2, (img.shape[1] - w) // 2, h, w)


class RandomCropRandomShape(ImageAugmentor):
    """Crops at a random place, with a random size from wmin x hmin to wmax x hmax.

    Args:
        wmin, hmin: smallest size; images must be as large.
        wmax, hmax: largest size; None or 0, and what exceeds the image, mean the size of the image.
        max_aspect_ratio: deprecated, without effect.
    """

    draws_by_shape = True

    def __init__(self, wmin: int, hmin: int, wmax: Optional[int] = None, hmax: Optional[int] = None,
                 max_aspect_ratio: Optional[float] = None):
        if max_aspect_ratio is not None:
            log_deprecated("RandomCropRandomShape(max_aspect_ratio=)", "It has no effect.")
        self.wmin, self.hmin = size(self, "wmin", wmin), size(self, "hmin", hmin)
        self.wmax, self.hmax = (None if most is None else whole_number(self, name, most, minimum=0)
                                for name, most in (("wmax", wmax), ("hmax", hmax)))
        if (self.wmax and self.wmax < self.wmin) or (self.hmax and self.hmax < self.hmin):
            raise ValueError("RandomCropRandomShape: wmax and hmax must not be below wmin and hmin; "
                             "got width {} to {}, height {} to {}".format(wmin, wmax, hmin, hmax))
        self.max_aspect_ratio = max_aspect_ratio
        super().__init__()

    def get_transform(self, img: np.ndarray) -> CropTransform:
        check_fits(self, img.shape, (self.hmin, self.wmin), "(hmin, wmin)")
        height, width = img.shape[:2]
        h = self.rng.randint(self.hmin, min(self.hmax or height, height) + 1)
        w = self.rng.randint(self.wmin, min(self.wmax or width, width) + 1)
        y0 = self.rng.randint(height - h + 1)
        x0 = self.rng.randint(width - w + 1)
        return CropTransform(y0, x0, h, w)


class GoogleNetRandomCropAndResize(ImageAugmentor):
    """The crop of GoogLeNet's training: a random part of the area with a random aspect ratio, resized to a square.

    If none of ten attempts fits into the image, the shortest edge is resized and the centre cropped.

    Args:
        crop_area_fraction: (low, high), area of the crop relative to that of the image.
        aspect_ratio_range: (low, high), width over height or, as likely, height over width.
        target_shape: edge of the square.
        interp: OpenCV's interpolation.
    """

    draws_by_shape = True

    def __init__(self, crop_area_fraction: Tuple[float, float] = (0.08, 1.0),
                 aspect_ratio_range: Tuple[float, float] = (0.75, 1.333), target_shape: int = 224, interp: int = INTER_LINEAR):
        self.crop_area_fraction = interval(self, "crop_area_fraction", crop_area_fraction, minimum=0)
        number(self, "crop_area_fraction", self.crop_area_fraction[1], above=0)
        self.aspect_ratio_range = interval(self, "aspect_ratio_range", aspect_ratio_range, above=0)
        self.target_shape = size(self, "target_shape", target_shape)
        self.interp = interpolation(self, interp)
        super().__init__()

    def get_transform(self, img: np.ndarray) -> TransformList:
        height, width = img.shape[:2]
        for _ in range(_CROP_ATTEMPTS):
            h, w = self._draw_size(height * width)
            if 0 < h <= height and 0 < w <= width:
                x0 = self.rng.randint(0, width - w + 1)
                y0 = self.rng.randint(0, height - h + 1)
                return TransformList([CropTransform(y0, x0, h, w),
                                      ResizeTransform(h, w, self.target_shape, self.target_shape, self.interp)])
        resize = ResizeShortestEdge(self.target_shape, self.interp).get_transform(img)
        resized: Any = ImagePlaceholder(shape=(resize.new_h, resize.new_w))
        crop = CenterCrop(self.target_shape).get_transform(resized)
        return join([resize, crop])

    def _draw_size(self, image_area: int) -> Tuple[int, int]:
        """(h, w) of a crop."""
        area = self.rng.uniform(*self.crop_area_fraction) * image_area
        ratio = self.rng.uniform(*self.aspect_ratio_range)
        w = int((area * ratio) ** 0.5 + 0.5)
        h = int((area / ratio) ** 0.5 + 0.5)
        return (w, h) if self.rng.uniform() < 0.5 else (h, w)


class RandomCutout(ImageAugmentor):
    """Fills a rectangle at a random place; the image is changed **in place** if it can be written to.

    Args:
        h_range: height of the rectangle, 0 or more, or (low, high) to draw it from [low, high).
        w_range: width, likewise.
        fill: the value that pixels get.
    """

    def __init__(self, h_range: Union[int, Tuple[int, int]], w_range: Union[int, Tuple[int, int]], fill: float = 0.):
        self.h_range = self._check_range("h_range", h_range)
        self.w_range = self._check_range("w_range", w_range)
        self.fill = fill
        super().__init__()

    def _check_range(self, name: str, value: Any) -> Union[int, Tuple[int, int]]:
        if isinstance(value, (tuple, list)):
            return whole_interval(self, name, value)
        return whole_number(self, name, value, minimum=0)

    def get_transform(self, img: np.ndarray) -> CutoutTransform:
        if self.fill > 1:
            warn_of_unit_range(self, img, "gets a rectangle of {}".format(self.fill))
        h = self._draw(self.h_range)
        w = self._draw(self.w_range)
        check_fits(self, img.shape, (h, w), "the rectangle")
        x0 = self.rng.randint(0, img.shape[1] + 1 - w)
        y0 = self.rng.randint(0, img.shape[0] + 1 - h)
        return CutoutTransform(y0, x0, h, w, self.fill)

    def _draw(self, size: Union[int, Tuple[int, int]]) -> int:
        return self.rng.randint(*size) if isinstance(size, tuple) else size
