"""Rectangles and text on images of any dtype: what OpenCV draws on 8 bits only is drawn on 8 bits, then put into the image."""
from __future__ import annotations

from typing import Sequence, Tuple

import numpy as np

from ..optional import optional_import
from .canvas import as_pixels

cv2 = optional_import("cv2", needed_by="utils.viz", pip="opencv-python-headless")

_GRAY = (0.114, 0.587, 0.299)  # weights of blue, green and red
_OPAQUE = (255,)  # of a fourth channel


def draw_rectangle(image: np.ndarray, x1: int, y1: int, x2: int, y2: int, color: Sequence[int]) -> None:
    """Lines one pixel wide through the corners (x1, y1) and (x2, y2) of an image HxWx3; what lies outside is not drawn."""
    pixel = _limited(np.array(color), image.dtype)
    for y in (y1, y2):
        image[y:y + 1, x1:x2 + 1] = pixel
    for x in (x1, x2):
        image[y1:y2 + 1, x:x + 1] = pixel


def put_text(image: np.ndarray, pos: Tuple[int, int], text: str, color: Sequence[int], font_scale: float = 0.4) -> None:
    """Text in black or white on a rectangle of `color`, whose lower left corner is at `pos`, or as near as it fits."""
    label = _label(text, tuple(color), font_scale, image.shape[2:])
    x = max(0, min(int(pos[0]), image.shape[1] - label.shape[1] + 1))
    y = max(0, min(int(pos[1]) + 1, image.shape[0]) - label.shape[0])
    target = image[y:y + label.shape[0], x:x + label.shape[1]]
    target[...] = _limited(label[:target.shape[0], :target.shape[1]], image.dtype)


def _label(text: str, color: Tuple[int, ...], font_scale: float, channels: Tuple[int, ...]) -> np.ndarray:
    """uint8, with the channels of the image that it is for."""
    font = cv2.FONT_HERSHEY_SIMPLEX
    (width, height), baseline = cv2.getTextSize(text, font, font_scale, 1)
    ink = (0, 0, 0) if np.dot(color[:3], _GRAY) > 127 else (255, 255, 255)
    label = np.empty((height + baseline + 1, width + 1) + channels, dtype="uint8")
    label[...] = as_pixels((color + _OPAQUE)[:channels[0]] if channels else color[0])
    cv2.putText(label, text, (0, height), font, font_scale, ink + _OPAQUE, lineType=cv2.LINE_AA)
    return label


def _limited(values: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """As `dtype`; the nearest that it can hold."""
    if dtype.kind in "iu":
        values = np.clip(values.astype("float64"), np.iinfo(dtype).min, np.iinfo(dtype).max)
    return values.astype(dtype)
