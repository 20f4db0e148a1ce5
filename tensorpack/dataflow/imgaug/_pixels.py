"""Arithmetic on values of pixels. 8-bit images stay 8-bit: OpenCV gets the numbers that going through float would give.

Results are cut to whole numbers where the dtype has no others, as `astype` does it.
"""
from __future__ import annotations

import math
from typing import Any, Sequence

import numpy as np

from ._common import cv2

# What is so little below a whole number counts as that number: it may be there by rounding only.
_TOLERANCE = 2.0 ** -10
_CUT = -0.5 + _TOLERANCE  # OpenCV rounds to the nearest; with this added that is cutting

_GRAY = (0.299, 0.587, 0.114)  # weights of red, green and blue


def floating(img: np.ndarray) -> np.ndarray:
    """A copy to compute with, C-contiguous: float32, or float64 where that cannot hold the values."""
    return img.astype(np.result_type(img.dtype, np.float32), order="C")


def restore(out: np.ndarray, img: np.ndarray, clip: bool) -> np.ndarray:
    """`out` as dtype of `img`, limited to [0, 255] first if `clip` or if that is uint8; `out` may be overwritten."""
    if clip or img.dtype == np.uint8:
        np.clip(out, 0, 255, out=out)
    return out.astype(img.dtype, copy=False)


def scale_and_add(img: np.ndarray, scale: float, offset: float, clip: bool) -> np.ndarray:
    """`img * scale + offset`."""
    if img.dtype == np.uint8:
        return _scale_and_add_uint8(img, float(scale), float(offset)).reshape(img.shape)
    out = floating(img)
    if scale != 1:
        out *= float(scale)
    if offset != 0:
        out += float(offset)
    return restore(out, img, clip)


def _scale_and_add_uint8(img: np.ndarray, scale: float, offset: float) -> np.ndarray:
    # OpenCV takes the four numbers of a scalar for another image if the image has four rows of one number.
    if scale == 1 and (img.ndim == 2 or img.shape[2] <= 4) and img.shape[:2] != (4, 1):
        return _add_uint8(img, [offset] * 4)
    if scale >= 0 and offset >= 0:
        # Takes the absolute value, which matters for nothing: the sum is not below -0.5.
        return cv2.convertScaleAbs(img, alpha=scale, beta=offset + _CUT)
    return cv2.addWeighted(img, scale, img, 0, offset + _CUT)


def _add_uint8(img: np.ndarray, offsets: Sequence[float]) -> np.ndarray:
    """Up to four channels. Cutting lets whole numbers be added; OpenCV is several times faster with those in 0..255."""
    whole = [math.floor(offset + _TOLERANCE) for offset in offsets] + [0] * (4 - len(offsets))
    if max(whole) > 0:
        img = cv2.add(img, tuple([k if k > 0 else 0 for k in whole]))
        if min(whole) >= 0:
            return img
    return cv2.subtract(img, tuple([-k if k < 0 else 0 for k in whole]))


def scale_and_add_channels(img: np.ndarray, scale: float, offsets: Sequence[float], clip: bool) -> np.ndarray:
    """`img * scale + offsets` with an offset for each channel of an HxWxC image."""
    if len(set(offsets)) == 1:
        return scale_and_add(img, scale, offsets[0], clip)
    if img.dtype == np.uint8:
        if scale == 1 and len(offsets) <= 4:
            return _add_uint8(img, offsets)
        channels = [cv2.addWeighted(channel, float(scale), channel, 0, float(offset) + _CUT)
                    for channel, offset in zip(cv2.split(img), offsets)]
        return cv2.merge(channels)
    out = floating(img)
    rows = out.reshape(len(out), -1)  # numpy is slow on axes as short as that of channels
    if scale != 1:
        rows *= float(scale)
    rows += np.tile(np.asarray(offsets, out.dtype), img.shape[1])
    return restore(out, img, clip)


def blend_with_gray(img: np.ndarray, weight: float, rgb: bool, clip: bool) -> np.ndarray:
    """`img * weight + gray * (1 - weight)` for HxWx3 or HxWx4; for uint8 the weights are rounded to ten bits."""
    channels = img.shape[2]
    mix = np.eye(channels, channels + 1) * weight
    mix[:, :3] += np.multiply(_GRAY if rgb else _GRAY[::-1], 1 - weight)
    if img.dtype == np.uint8:
        mix[:, channels] = _CUT
        return cv2.transform(img, mix)
    out = cv2.transform(img if img.dtype.char in "fd" else floating(img), mix)
    return restore(out, img, clip)


def channel_means(img: np.ndarray) -> Any:
    """Means over height and width: a list with one number for each channel."""
    if img.dtype.char in "BfHd" and (img.ndim == 2 or img.shape[2] <= 4):
        return list(cv2.mean(img)[:1 if img.ndim == 2 else img.shape[2]])
    return np.atleast_1d(img.mean(axis=(0, 1), dtype="float64")).tolist()


def gray_mean(img: np.ndarray, rgb: bool) -> float:
    """Mean of the gray image of an HxWx3 or HxWx4 image."""
    return sum(weight * mean for weight, mean in zip(_GRAY if rgb else _GRAY[::-1], channel_means(img)))


def convert_color(img: np.ndarray, code: int) -> np.ndarray:
    """`cv2.cvtColor`; kinds that it does not take are computed as float32 and cut back."""
    if img.dtype.char in "Bf":
        return cv2.cvtColor(img, code)
    return cv2.cvtColor(img.astype("float32"), code).astype(img.dtype)


def look_up(img: np.ndarray, table: np.ndarray) -> np.ndarray:
    """`table[img]` for a uint8 image and a table of 256 entries uint8."""
    return cv2.LUT(img, table).reshape(img.shape)


def to_uint8(img: np.ndarray) -> np.ndarray:
    """Limited to [0, 255] and cut to whole numbers."""
    return img if img.dtype == np.uint8 else np.clip(img, 0, 255).astype("uint8")
