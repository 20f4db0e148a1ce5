"""The orientation that EXIF data give an image: how to turn its pixels, and where a part of the turned image was before."""
from __future__ import annotations

import struct
from typing import Any, NamedTuple, Optional

import numpy as np

from .opencv import cv2

_ORIENTATION_TAG, _SHORT = 0x0112, 3
_BYTE_ORDERS = {b"II*\0": "<", b"MM\0*": ">"}


class Rectangle(NamedTuple):
    """Rows y0 to y0 + h and columns x0 to x0 + w."""

    y0: int
    x0: int
    h: int
    w: int


class Orientation(NamedTuple):
    """How stored pixels become the image: exchange rows and columns first, then mirror."""

    transposed: bool
    flipped_x: bool
    flipped_y: bool

    def turn(self, pixels: np.ndarray) -> np.ndarray:
        """The image of stored pixels, HxW or HxWxC; `pixels` itself if there is nothing to do."""
        if self.transposed:
            pixels = cv2.transpose(pixels)
        if self.flipped_x or self.flipped_y:
            pixels = cv2.flip(pixels, (1 if not self.flipped_y else -1) if self.flipped_x else 0)
        return pixels

    def size(self, h: int, w: int) -> Any:
        """(height, width) of the image if the stored pixels are h x w, and the reverse."""
        return (w, h) if self.transposed else (h, w)

    def stored(self, part: Rectangle, h: int, w: int) -> Rectangle:
        """Where a part of an image of size h x w is among the stored pixels."""
        y0 = h - part.y0 - part.h if self.flipped_y else part.y0
        x0 = w - part.x0 - part.w if self.flipped_x else part.x0
        return Rectangle(x0, y0, part.w, part.h) if self.transposed else Rectangle(y0, x0, part.h, part.w)


UPRIGHT = Orientation(False, False, False)
_BY_VALUE = (UPRIGHT, Orientation(False, True, False), Orientation(False, True, True), Orientation(False, False, True),
             Orientation(True, False, False), Orientation(True, True, False), Orientation(True, True, True),
             Orientation(True, False, True))


def read_orientation(exif: bytes) -> Optional[Orientation]:
    """What EXIF data, without their mark "Exif", say; None if they are not as the standard asks, so that readers may differ."""
    order = _BYTE_ORDERS.get(exif[:4])
    if order is None:
        return None
    try:
        start, = struct.unpack_from(order + "I", exif, 4)
        count, = struct.unpack_from(order + "H", exif, start)
        entries = [struct.unpack_from(order + "HHIH", exif, start + 2 + 12 * k) for k in range(count)]
    except struct.error:
        return None
    found = [entry for entry in entries if entry[0] == _ORIENTATION_TAG]
    if not found:
        return UPRIGHT
    _, kind, num_values, value = found[0]
    if len(found) > 1 or kind != _SHORT or num_values != 1 or not 1 <= value <= len(_BY_VALUE):
        return None
    return _BY_VALUE[value - 1]
