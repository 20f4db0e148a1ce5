"""Augmentors that mirror or resize the image."""
from __future__ import annotations

from typing import Optional, Tuple, Union

import numpy as np

from ...utils import logger
from ...utils._arguments.flags import true_or_false
from ...utils._arguments.sizes import height_width
from ._arguments import interpolation, interval, number, pair, probability
from ._arguments import size as check_size
from ._common import INTER_LINEAR
from ._transform_base import BaseTransform, NoOpTransform
from ._transform_geometry import FlipTransform, ResizeTransform, TransposeTransform
from .base import ImageAugmentor

__all__ = ["Flip", "RandomResize", "Resize", "ResizeShortestEdge", "Transpose"]

_RESIZE_ATTEMPTS = 51


class Flip(ImageAugmentor):
    """Mirrors the image with a probability.

    Args:
        horiz: left to right.
        vert: upside down; exactly one of the two must be true.
        prob: probability.
    """

    draws_by_shape = True

    def __init__(self, horiz: bool = False, vert: bool = False, prob: float = 0.5):
        if bool(horiz) == bool(vert):
            raise ValueError("Flip: exactly one of horiz and vert must be true; got horiz={}, vert={}; "
                             "use two augmentors to do both".format(horiz, vert))
        self.horiz = true_or_false(self, "horiz", horiz)
        self.vert = true_or_false(self, "vert", vert)
        self.prob = probability(self, "prob", prob)
        super().__init__()

    def get_transform(self, img: np.ndarray) -> BaseTransform:
        if self._rand_range() < self.prob:
            return FlipTransform(img.shape[0], img.shape[1], bool(self.horiz))
        return NoOpTransform()


class Transpose(ImageAugmentor):
    """Exchanges rows and columns with a probability.

    Args:
        prob: probability.
    """

    draws_by_shape = True

    def __init__(self, prob: float = 0.5):
        self.prob = probability(self, "prob", prob)
        super().__init__()

    def get_transform(self, _: np.ndarray) -> BaseTransform:
        return TransposeTransform() if self.rng.rand() < self.prob else NoOpTransform()


class Resize(ImageAugmentor):
    """Resizes to a fixed size.

    Args:
        shape: (h, w), or one integer for both.
        interp: OpenCV's interpolation.
    """

    draws_by_shape = True

    def __init__(self, shape: Union[int, Tuple[int, int]], interp: int = INTER_LINEAR):
        self.shape = height_width(self, "shape", shape)
        self.interp = interpolation(self, interp)
        super().__init__()

    def get_transform(self, img: np.ndarray) -> ResizeTransform:
        return ResizeTransform(img.shape[0], img.shape[1], self.shape[0], self.shape[1], self.interp)


class ResizeShortestEdge(ImageAugmentor):
    """Resizes so that the shorter edge has a fixed length; the aspect ratio stays.

    Args:
        size: that length.
        interp: OpenCV's interpolation.
    """

    draws_by_shape = True

    def __init__(self, size: int, interp: int = INTER_LINEAR):
        self.size = check_size(self, "size", size)
        self.interp = interpolation(self, interp)
        super().__init__()

    def get_transform(self, img: np.ndarray) -> ResizeTransform:
        h, w = img.shape[:2]
        scale = self.size / min(h, w)
        new_h, new_w = (self.size, int(scale * w + 0.5)) if h < w else (int(scale * h + 0.5), self.size)
        return ResizeTransform(h, w, new_h, new_w, self.interp)


class RandomResize(ImageAugmentor):
    """Resizes to a random size.

    Args:
        xrange, yrange: (low, high) of the factors for width and height if one of the four numbers is a float, else of the width
            and height in pixels.
        minimum: (width, height), smallest size.
        aspect_ratio_thres: how much the aspect ratio may change, relative to what it is. With 0 the height follows the width
            and `yrange` is not needed.
        interp: OpenCV's interpolation.

    The size is drawn until the aspect ratio is allowed; after 51 attempts the image keeps its size and a warning is logged.
    """

    draws_by_shape = True

    def __init__(self, xrange: Tuple[float, float], yrange: Optional[Tuple[float, float]] = None,
                 minimum: Tuple[int, int] = (0, 0), aspect_ratio_thres: float = 0.15, interp: int = INTER_LINEAR):
        self.xrange = self._check_range("xrange", xrange)
        self.yrange = yrange if yrange is None else self._check_range("yrange", yrange)
        self.minimum = tuple(number(self, "minimum", least, minimum=0) for least in pair(self, "minimum", minimum))
        self.aspect_ratio_thres = number(self, "aspect_ratio_thres", aspect_ratio_thres, minimum=0)
        self.interp = interpolation(self, interp)
        self._by_factor = _has_float(self.xrange)
        self._check_yrange()
        super().__init__()

    def _check_range(self, name: str, value: Tuple[float, float]) -> Tuple[float, float]:
        low, high = interval(self, name, value, minimum=0)
        number(self, name, high, above=0)
        return low, high

    def _check_yrange(self) -> None:
        if self.yrange is None:
            if self.aspect_ratio_thres != 0:
                raise ValueError("RandomResize: yrange must be given unless aspect_ratio_thres=0; got aspect_ratio_thres={}"
                                 .format(self.aspect_ratio_thres))
            return
        if _has_float(self.yrange) != self._by_factor:
            raise ValueError("RandomResize: xrange and yrange must both be factors (floats) or both pixels (integers); "
                             "got {} and {}".format(self.xrange, self.yrange))
        if self.aspect_ratio_thres == 0 and self._by_factor and self.yrange != self.xrange:
            raise ValueError("RandomResize: with aspect_ratio_thres=0 yrange must be None or equal to xrange; "
                             "got {} and {}".format(self.yrange, self.xrange))
        if self.aspect_ratio_thres == 0 and not self._by_factor:
            logger.warning("RandomResize: yrange is not used with aspect_ratio_thres=0")

    def get_transform(self, img: np.ndarray) -> ResizeTransform:
        h, w = img.shape[:2]
        for _ in range(_RESIZE_ATTEMPTS):
            new_w, new_h = self._draw_size(w, h)
            if min(new_w, new_h) > 0 and self._allows(new_w / new_h, w / h):
                return ResizeTransform(h, w, new_h, new_w, self.interp)
        logger.warning("RandomResize failed to augment an image")
        return ResizeTransform(h, w, h, w, self.interp)

    def _allows(self, new_ratio: float, ratio: float) -> bool:
        if self.aspect_ratio_thres == 0:  # the height has followed the width, but for rounding
            return True
        return abs(new_ratio - ratio) / ratio < self.aspect_ratio_thres + 1e-5

    def _draw_size(self, w: int, h: int) -> Tuple[int, int]:
        """(width, height)."""
        x = self.rng.uniform(*self.xrange) * (w if self._by_factor else 1)
        if self.aspect_ratio_thres == 0 or self.yrange is None:
            y = x * h / w
        else:
            y = self.rng.uniform(*self.yrange) * (h if self._by_factor else 1)
        return int(max(x, self.minimum[0]) + 0.5), int(max(y, self.minimum[1]) + 0.5)


def _has_float(bounds: Tuple[float, float]) -> bool:
    return any(isinstance(bound, (float, np.floating)) for bound in bounds)
