"""Geometry on arrays of any dtype and number of channels; OpenCV does the work where it can."""
from __future__ import annotations

from typing import Callable

import numpy as np

from ._common import cv2

# Kinds that some versions of OpenCV refuse to interpolate -> a kind that holds their values.
_INTERPOLATED_AS = {"?": "uint8", "b": "float32", "e": "float32", "i": "float64", "l": "float64", "q": "float64",
                    "I": "float64", "L": "float64", "Q": "float64"}
_MOVED_BY_OPENCV = frozenset("BbHhifd")


def interpolate(func: Callable[[np.ndarray], np.ndarray], img: np.ndarray) -> np.ndarray:
    """`func(img)` for a `func` that calls OpenCV to interpolate; the dtype and a channel axis of length 1 stay."""
    substitute = _INTERPOLATED_AS.get(img.dtype.char)
    if substitute is not None:
        out = func(img.astype(substitute))
        out = (np.rint(out) if img.dtype.kind in "iu" else out).astype(img.dtype)
    else:
        out = func(img)
    return out[:, :, np.newaxis] if img.ndim == 3 and out.ndim == 2 else out


def flip(img: np.ndarray, horiz: bool) -> np.ndarray:
    """Mirrored left to right, or else upside down; a view where OpenCV does not take the array."""
    if not _can_move(img):
        return img[:, ::-1] if horiz else img[::-1]
    return cv2.flip(img, 1 if horiz else 0).reshape(img.shape)


def transpose(img: np.ndarray) -> np.ndarray:
    """Rows and columns exchanged; a view where OpenCV does not take the array."""
    if not _can_move(img):
        return img.swapaxes(0, 1)
    return cv2.transpose(img).reshape((img.shape[1], img.shape[0]) + img.shape[2:])


def _can_move(img: np.ndarray) -> bool:
    """Whether OpenCV copies pixels of this array: much faster than numpy does, as pixels are only a few bytes."""
    return img.dtype.char in _MOVED_BY_OPENCV and img.dtype.isnative and img.size > 0 and (
        img.ndim == 2 or img.ndim == 3 and img.shape[2] <= 4)


def resize_nearest(img: np.ndarray, new_h: int, new_w: int) -> np.ndarray:
    """Resized so that each pixel is that of `img` at its centre."""
    h, w = img.shape[:2]
    rows = ((np.arange(new_h) + 0.5) * h / new_h).astype("int64")
    cols = ((np.arange(new_w) + 0.5) * w / new_w).astype("int64")
    return img[rows[:, np.newaxis], cols]


def rearrange(img: np.ndarray, warp: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """Apply `warp`, which moves pixels of an int32 array and puts -1 where there is none, to any array; 0 is put there."""
    h, w = img.shape[:2]
    source = warp(np.arange(h * w, dtype="int32").reshape(h, w))
    out = img.reshape((h * w,) + img.shape[2:])[source]
    out[source < 0] = 0
    return out
