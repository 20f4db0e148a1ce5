"""The Transforms that move pixels. Arguments are never changed; an image may come back as a view."""
from __future__ import annotations

from typing import Any, Optional, Tuple

import numpy as np

from ...utils._arguments.flags import true_or_false
from ...utils._text.spec import describe
from ._common import BORDER_CONSTANT, INTER_LINEAR, cv2, float_coords
from ._sampling import flip, interpolate, rearrange, resize_nearest, transpose
from ._transform_base import OfOneSize, StationaryTransform, Transform


def _shifted(coords: np.ndarray, x: float, y: float) -> np.ndarray:
    coords = float_coords(coords)
    coords += np.array([x, y], coords.dtype)
    return coords


def _check_size(tfm: Transform, names: str, *sizes: int) -> None:
    if min(sizes) < 1:
        raise ValueError("{}: {} must be positive; got {}".format(type(tfm).__name__, names, sizes))


class ResizeTransform(OfOneSize, Transform):
    """Resizes an image of h x w to new_h x new_w.

    Args:
        h, w: size that images must have.
        new_h, new_w: size that they get.
        interp: OpenCV's interpolation.
    """

    def __init__(self, h: int, w: int, new_h: int, new_w: int, interp: int):
        self.h, self.w = h, w
        self.new_h, self.new_w = new_h, new_w
        _check_size(self, "new_h and new_w", new_h, new_w)
        self.interp = interp

    def apply_image(self, img: np.ndarray) -> np.ndarray:
        self._check_size(img)
        return interpolate(lambda x: cv2.resize(x, (self.new_w, self.new_h), interpolation=self.interp), img)

    def apply_coords(self, coords: np.ndarray) -> np.ndarray:
        coords = float_coords(coords)
        coords[:, 0] *= self.new_w / self.w
        coords[:, 1] *= self.new_h / self.h
        return coords

    def apply_segmentation(self, mask: np.ndarray) -> np.ndarray:
        self._check_size(mask)
        return resize_nearest(mask, self.new_h, self.new_w)

    def inverse(self) -> ResizeTransform:
        return ResizeTransform(self.new_h, self.new_w, self.h, self.w, self.interp)

    def _check_size(self, img: np.ndarray) -> None:
        if img.shape[:2] != (self.h, self.w):
            raise ValueError("{!r}: the image must be {}x{}; got {}".format(self, self.h, self.w, describe(img)))


class CropTransform(OfOneSize, Transform):
    """Cuts out rows y0 to y0 + h and columns x0 to x0 + w, as a view; what lies outside of the image is missing.

    ValueError is raised if nothing is left. Coordinates are shifted, not clipped. The inverse has no `apply_image`.
    """

    def __init__(self, y0: int, x0: int, h: int, w: int):
        self.y0, self.x0 = y0, x0
        self.h, self.w = h, w
        _check_size(self, "h and w", h, w)

    def apply_image(self, img: np.ndarray) -> np.ndarray:
        y1, x1 = self.y0 + self.h, self.x0 + self.w
        if y1 <= 0 or x1 <= 0 or self.y0 >= img.shape[0] or self.x0 >= img.shape[1]:
            raise ValueError("{!r}: the crop must have pixels of the image; got {}".format(self, describe(img)))
        return img[max(self.y0, 0):y1, max(self.x0, 0):x1]

    apply_segmentation = apply_image

    def apply_coords(self, coords: np.ndarray) -> np.ndarray:
        return _shifted(coords, -self.x0, -self.y0)

    def inverse(self) -> Transform:
        return _Uncrop(self.y0, self.x0)


class _Uncrop(Transform):
    """From coordinates in a crop to those in the image that it was cut from."""

    def __init__(self, y0: int, x0: int):
        self.y0, self.x0 = y0, x0

    def apply_coords(self, coords: np.ndarray) -> np.ndarray:
        return _shifted(coords, self.x0, self.y0)


class PasteTransform(OfOneSize, Transform):
    """Puts an image on a canvas.

    Args:
        y0, x0: where its upper left corner goes.
        h, w: size that images must have.
        shape: (h, w) of the canvas.
        filler: `filler.fill(shape, img)` makes the canvas. That of masks is 0.
    """

    def __init__(self, y0: int, x0: int, h: int, w: int, shape: Tuple[int, int], filler: Any):
        self.y0, self.x0 = y0, x0
        self.h, self.w = h, w
        self.shape = shape
        self.filler = filler
        if min(y0, x0) < 0 or y0 + h > shape[0] or x0 + w > shape[1]:
            raise ValueError("PasteTransform: the image must lie within the canvas; got {!r}".format(self))

    def apply_image(self, img: np.ndarray) -> np.ndarray:
        return self._paste(self.filler.fill(self.shape, img), img)

    def apply_segmentation(self, mask: np.ndarray) -> np.ndarray:
        return self._paste(np.zeros(tuple(self.shape) + mask.shape[2:], mask.dtype), mask)

    def apply_coords(self, coords: np.ndarray) -> np.ndarray:
        return _shifted(coords, self.x0, self.y0)

    def inverse(self) -> CropTransform:
        return CropTransform(self.y0, self.x0, self.h, self.w)

    def _paste(self, canvas: np.ndarray, img: np.ndarray) -> np.ndarray:
        if img.shape[:2] != (self.h, self.w):
            raise ValueError("{!r}: the image must be {}x{}; got {}".format(self, self.h, self.w, describe(img)))
        canvas[self.y0:self.y0 + self.h, self.x0:self.x0 + self.w] = img
        return canvas


class FlipTransform(Transform):
    """Mirrors left to right, or upside down if `horiz` is False.

    Args:
        h, w: size of the images; used for coordinates.
    """

    def __init__(self, h: int, w: int, horiz: bool = True):
        self.h, self.w = h, w
        self.horiz = true_or_false(self, "horiz", horiz)

    def apply_image(self, img: np.ndarray) -> np.ndarray:
        return flip(img, self.horiz)

    apply_segmentation = apply_image

    def apply_coords(self, coords: np.ndarray) -> np.ndarray:
        coords = float_coords(coords)
        if self.horiz:
            coords[:, 0] = self.w - coords[:, 0]
        else:
            coords[:, 1] = self.h - coords[:, 1]
        return coords

    def inverse(self) -> FlipTransform:
        return self


class TransposeTransform(Transform):
    """Exchanges rows and columns, x and y."""

    def apply_image(self, img: np.ndarray) -> np.ndarray:
        return transpose(img)

    apply_segmentation = apply_image

    def apply_coords(self, coords: np.ndarray) -> np.ndarray:
        return float_coords(coords)[:, ::-1]

    def inverse(self) -> TransposeTransform:
        return self


class WarpAffineTransform(OfOneSize, Transform):
    """`cv2.warpAffine`.

    Args:
        mat: 2x3, from (x, y, 1) of a pixel in the image to (x, y) of where it goes.
        dsize: (w, h) of the result.
        interp: OpenCV's interpolation.
        borderMode: OpenCV's way to fill what comes from outside.
        borderValue: used by `cv2.BORDER_CONSTANT`; one number for all channels or one for each.
        coords_mat: 2x3, what `apply_coords` uses instead of `mat`. OpenCV counts pixels, so that the centre of the first one is
            (0, 0); `centered(mat)` gives the matrix for coordinates in which the image spans 0..w and 0..h.

    The inverse gives images of size `dsize`.
    """

    def __init__(self, mat: np.ndarray, dsize: Tuple[int, int], interp: int = INTER_LINEAR, borderMode: int = BORDER_CONSTANT,
                 borderValue: Any = 0, *, coords_mat: Optional[np.ndarray] = None):
        self.mat = mat
        self.dsize = dsize
        self.interp = interp
        self.borderMode = borderMode
        self.borderValue = borderValue
        self.coords_mat = coords_mat
        _check_size(self, "dsize", *dsize)

    def apply_image(self, img: np.ndarray) -> np.ndarray:
        border = (self.borderValue,) * 4 if np.isscalar(self.borderValue) else self.borderValue
        return interpolate(lambda x: self._warp(x, self.interp, border), img)

    def apply_segmentation(self, mask: np.ndarray) -> np.ndarray:
        return rearrange(mask, lambda index: self._warp(index, cv2.INTER_NEAREST, -1))

    def _warp(self, img: np.ndarray, interp: int, border: Any) -> np.ndarray:
        return cv2.warpAffine(img, self.mat, tuple(self.dsize), flags=interp, borderMode=self.borderMode, borderValue=border)

    def apply_coords(self, coords: np.ndarray) -> np.ndarray:
        coords = float_coords(coords)
        homogeneous = np.concatenate([coords, np.ones((len(coords), 1), coords.dtype)], axis=1)
        mat = self.mat if self.coords_mat is None else self.coords_mat
        return np.dot(homogeneous, np.transpose(mat))

    def inverse(self) -> WarpAffineTransform:
        return WarpAffineTransform(_invert(self.mat), self.dsize, self.interp, self.borderMode, self.borderValue,
                                   coords_mat=None if self.coords_mat is None else _invert(self.coords_mat))


def _invert(mat: np.ndarray) -> np.ndarray:
    return np.linalg.inv(np.concatenate([mat, [[0, 0, 1]]], axis=0))[:2]


def centered(mat: np.ndarray) -> np.ndarray:
    """From a 2x3 matrix for pixel numbers to that for coordinates, in which the centre of the first pixel is (0.5, 0.5)."""
    mat = np.array(mat)
    mat[:, 2] += 0.5 - mat[:, :2].sum(axis=1) * 0.5
    return mat


class CutoutTransform(OfOneSize, StationaryTransform):
    """Fills a rectangle of the image, **in place** if it can be written to.

    Args:
        y0, x0, h, w: the rectangle.
        fill: the value that its pixels get.
    """

    def __init__(self, y0: int, x0: int, h: int, w: int, fill: Any):
        self.y0, self.x0 = y0, x0
        self.h, self.w = h, w
        self.fill = fill

    def apply_image(self, img: np.ndarray) -> np.ndarray:
        img = img if img.flags.writeable else img.copy()
        img[self.y0:self.y0 + self.h, self.x0:self.x0 + self.w] = self.fill
        return img
