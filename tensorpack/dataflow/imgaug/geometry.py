"""Augmentors that shift, rotate, scale and shear."""
from __future__ import annotations

import math
from typing import Any, Optional, Tuple

import numpy as np

from ._arguments import interpolation, interval, number, pair
from ._common import BORDER_CONSTANT, BORDER_REPLICATE, INTER_LINEAR, cv2
from ._transform_base import TransformList
from ._transform_geometry import CropTransform, WarpAffineTransform, centered
from .base import ImageAugmentor

__all__ = ["Affine", "Rotation", "RotationAndCropValid", "Shift"]

_WARP_FLAGS = 8 | 16 | 32  # WARP_FILL_OUTLIERS, WARP_INVERSE_MAP, WARP_RELATIVE_MAP of OpenCV


def _warp(mat: np.ndarray, img: np.ndarray, interp: int, border: int, border_value: Any = 0) -> WarpAffineTransform:
    """By a matrix for pixel numbers, to an image of the same size."""
    return WarpAffineTransform(mat, (img.shape[1], img.shape[0]), interp=interp, borderMode=border, borderValue=border_value,
                               coords_mat=centered(mat))


def _middle(img: np.ndarray) -> Tuple[float, float]:
    """(x, y) of the middle, counted in pixels from the centre of the first one."""
    return img.shape[1] / 2.0 - 0.5, img.shape[0] / 2.0 - 0.5


def _rotation_matrix(center: Tuple[float, float], degrees: float, scale: float = 1.0) -> np.ndarray:
    return cv2.getRotationMatrix2D((float(center[0]), float(center[1])), float(degrees), float(scale))


class Shift(ImageAugmentor):
    """Shifts by a random whole number of pixels.

    Args:
        horiz_frac, vert_frac: largest shift relative to width and height, below 1.
        border: OpenCV's way to fill what comes from outside.
        border_value: used by `cv2.BORDER_CONSTANT`; one number for all channels or one for each.
    """

    def __init__(self, horiz_frac: float = 0, vert_frac: float = 0, border: int = BORDER_REPLICATE, border_value: Any = 0):
        self.horiz_frac = number(self, "horiz_frac", horiz_frac, minimum=0, below=1)
        self.vert_frac = number(self, "vert_frac", vert_frac, minimum=0, below=1)
        self.border = border
        self.border_value = border_value
        super().__init__()

    def get_transform(self, img: np.ndarray) -> WarpAffineTransform:
        dx, dy = _draw_shift(self.rng, img, (self.horiz_frac, self.vert_frac))
        mat = np.array([[1, 0, dx], [0, 1, dy]], dtype="float32")
        return _warp(mat, img, INTER_LINEAR, self.border, self.border_value)


def _draw_shift(rng: np.random.RandomState, img: np.ndarray, fractions: Tuple[float, float]) -> Tuple[float, float]:
    max_dx, max_dy = fractions[0] * img.shape[1], fractions[1] * img.shape[0]
    dx = np.round(rng.uniform(-max_dx, max_dx))
    dy = np.round(rng.uniform(-max_dy, max_dy))
    return dx, dy


class _Rotating(ImageAugmentor):
    """Base of those that draw an angle."""

    def _set_angles(self, max_deg: float, step_deg: Optional[float]) -> None:
        number(self, "max_deg", max_deg, minimum=0)
        if step_deg is not None and (max_deg != 180 or 180 % number(self, "step_deg", step_deg, above=0) != 0):
            raise ValueError("{}: step_deg must divide 180, and max_deg be 180 with it; got step_deg={}, max_deg={}".format(
                type(self).__name__, step_deg, max_deg))
        self.max_deg = max_deg
        self.step_deg = step_deg

    def _draw_angle(self) -> float:
        degrees = self.rng.uniform(-self.max_deg, self.max_deg)
        return degrees if self.step_deg is None else degrees // self.step_deg * self.step_deg


class Rotation(_Rotating):
    """Rotates by a random angle around a random point; the size stays.

    Args:
        max_deg: angles are drawn from [-max_deg, max_deg), in degrees, counter-clockwise.
        center_range: (low, high), the point's place relative to width and height.
        interp: OpenCV's interpolation.
        border: OpenCV's way to fill what comes from outside.
        step_deg: angles are rounded down to multiples of this divisor of 180; `max_deg` must be 180 then.
        border_value: used by `cv2.BORDER_CONSTANT`; one number for all channels or one for each.
    """

    def __init__(self, max_deg: float, center_range: Tuple[float, float] = (0, 1), interp: int = INTER_LINEAR,
                 border: int = BORDER_REPLICATE, step_deg: Optional[float] = None, border_value: Any = 0):
        self._set_angles(max_deg, step_deg)
        self.center_range = interval(self, "center_range", center_range)
        self.interp = interpolation(self, interp, _WARP_FLAGS)
        self.border = border
        self.border_value = border_value
        super().__init__()

    def get_transform(self, img: np.ndarray) -> WarpAffineTransform:
        place = self.rng.uniform(self.center_range[0], self.center_range[1], size=2)
        center = img.shape[1] * place[0] - 0.5, img.shape[0] * place[1] - 0.5
        return _warp(_rotation_matrix(center, self._draw_angle()), img, self.interp, self.border, self.border_value)


class RotationAndCropValid(_Rotating):
    """Rotates by a random angle around the middle and crops the largest upright rectangle without border; the size varies.

    Args:
        max_deg: angles are drawn from [-max_deg, max_deg), in degrees, counter-clockwise.
        interp: OpenCV's interpolation.
        step_deg: angles are rounded down to multiples of this divisor of 180; `max_deg` must be 180 then.
    """

    def __init__(self, max_deg: float, interp: int = INTER_LINEAR, step_deg: Optional[float] = None):
        self._set_angles(max_deg, step_deg)
        self.interp = interpolation(self, interp, _WARP_FLAGS)
        super().__init__()

    def get_transform(self, img: np.ndarray) -> TransformList:
        degrees = self._draw_angle()
        height, width = img.shape[:2]
        rotate = _warp(_rotation_matrix(_middle(img), degrees), img, self.interp, BORDER_CONSTANT)
        w, h = self.largest_rotated_rect(width, height, degrees)
        w, h = min(w, width), min(h, height)
        return TransformList([rotate, CropTransform(int(height / 2.0 - h / 2.0), int(width / 2.0 - w / 2.0), h, w)])

    @staticmethod
    def largest_rotated_rect(w: int, h: int, angle: float) -> Tuple[int, int]:
        """(width, height) of the largest upright rectangle within a w x h rectangle that is rotated by `angle` degrees.

        >>> RotationAndCropValid.largest_rotated_rect(30, 20, 20)
        (28, 11)
        """
        sin, cos = abs(math.sin(math.radians(angle))), abs(math.cos(math.radians(angle)))
        long_side, short_side = max(w, h), min(w, h)
        if short_side <= 2 * sin * cos * long_side or abs(sin - cos) < 1e-10:
            # Two corners lie on the long sides, the others inside.
            half = short_side / 2.0
            inner_w, inner_h = (half / sin, half / cos) if w >= h else (half / cos, half / sin)
        else:
            # All four corners lie on the sides.
            cos_2a = cos * cos - sin * sin
            inner_w, inner_h = (w * cos - h * sin) / cos_2a, (h * cos - w * sin) / cos_2a
        return int(np.round(inner_w)), int(np.round(inner_h))


class Affine(ImageAugmentor):
    """Scales, shears, rotates around the middle and shifts, all at random; the size stays.

    Args:
        scale: (low, high) of the factor; None means 1.
        translate_frac: (horizontal, vertical), largest shift relative to width and height.
        rotate_max_deg: angles are drawn from [-rotate_max_deg, rotate_max_deg), in degrees, counter-clockwise.
        shear: angles are drawn from [-shear, shear), in degrees.
        interp: OpenCV's interpolation.
        border: OpenCV's way to fill what comes from outside.
        border_value: used by `cv2.BORDER_CONSTANT`; one number for all channels or one for each.
    """

    def __init__(self, scale: Optional[Tuple[float, float]] = None, translate_frac: Optional[Tuple[float, float]] = None,
                 rotate_max_deg: float = 0.0, shear: float = 0.0, interp: int = INTER_LINEAR, border: int = BORDER_REPLICATE,
                 border_value: Any = 0):
        self.scale = scale if scale is None else interval(self, "scale", scale, above=0)
        self.translate_frac = translate_frac if translate_frac is None else tuple(
            number(self, "translate_frac", fraction, minimum=0) for fraction in pair(self, "translate_frac", translate_frac))
        self.rotate_max_deg = number(self, "rotate_max_deg", rotate_max_deg, minimum=0)
        self.shear = number(self, "shear", shear, minimum=0)
        self.interp = interpolation(self, interp, _WARP_FLAGS)
        self.border = border
        self.border_value = border_value
        super().__init__()

    def get_transform(self, img: np.ndarray) -> WarpAffineTransform:
        scale = 1.0 if self.scale is None else self.rng.uniform(*self.scale)
        shift = (0, 0) if self.translate_frac is None else _draw_shift(self.rng, img, self.translate_frac)
        shear = self.rng.uniform(-self.shear, self.shear) if self.shear > 0 else 0.0
        degrees = self.rng.uniform(-self.rotate_max_deg, self.rotate_max_deg)
        mat = _rotation_matrix(_middle(img), degrees, scale)
        if shear != 0:
            _shear(mat, math.radians(shear), _middle(img))
        mat[:, 2] += shift
        return _warp(mat, img, self.interp, self.border, self.border_value)


def _shear(mat: np.ndarray, angle: float, center: Tuple[float, float]) -> None:
    """Turn the y axis of a matrix by an angle; `center` keeps its place."""
    mat[:, 1] = mat[:, 1] * math.cos(angle) + mat[:, 0] * math.sin(angle)
    mat[:, 2] = center - mat[:, :2].dot(center)
