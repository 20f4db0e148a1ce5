"""Which part of an image, at which scale, a drawn transform uses; and how to get it from a JPEG without the rest."""
from __future__ import annotations

from collections import deque
from typing import Any, Deque, List, NamedTuple, Optional, Tuple

import numpy as np

from ..imgaug._transform_base import BaseTransform, LazyTransform, NoOpTransform, TransformList
from ..imgaug._transform_geometry import CropTransform, ResizeTransform
from ..imgaug.base import ImagePlaceholder, draws_by_shape
from .decoders import Pixels, decode_jpeg
from .exif import Rectangle
from .jpeg_header import JpegHeader
from .opencv import cv2

_FACTORS = (8, 4, 2)
_MARGIN = 4  # rows and columns that an interpolation looks at beyond the part, at most


class Window(NamedTuple):
    """A part of the image, and the resizing that follows, if one does."""

    part: Rectangle
    resize: Optional[ResizeTransform]

    def factor(self) -> int:
        """By how much the image can be smaller than it is when it is decoded, so that it is not enlarged then."""
        resize = self.resize
        if resize is None or resize.interp not in (cv2.INTER_LINEAR, cv2.INTER_CUBIC, cv2.INTER_AREA, cv2.INTER_LANCZOS4):
            return 1
        return next((k for k in _FACTORS if resize.h >= k * resize.new_h and resize.w >= k * resize.new_w), 1)


def split(transform: TransformList, h: int, w: int) -> Tuple[Window, List[BaseTransform]]:
    """What a transform for images of size h x w begins with, as a Window, and the rest, as transforms for what is in it.

    Members that are not drawn yet are drawn as far as the window goes, unless they need more than the shape of the image.
    """
    part = Rectangle(0, 0, h, w)
    waiting: Deque[BaseTransform] = deque(transform.tfms)
    while waiting:
        tfm = waiting[0]
        if isinstance(tfm, LazyTransform) and draws_by_shape(tfm.get_transform):
            placeholder: Any = ImagePlaceholder(shape=(part.h, part.w, 3))
            waiting[0] = tfm.decide(placeholder)
        elif isinstance(tfm, TransformList):
            waiting.popleft()
            waiting.extendleft(reversed(tfm.tfms))
        elif isinstance(tfm, NoOpTransform):
            waiting.popleft()
        elif type(tfm) is CropTransform and _overlap(part, tfm):
            part = _overlap(part, tfm) or part
            waiting.popleft()
        elif type(tfm) is ResizeTransform and (tfm.h, tfm.w) == (part.h, part.w):
            waiting.popleft()
            return Window(part, tfm), list(waiting)
        else:
            break
    return Window(part, None), list(waiting)


def _overlap(part: Rectangle, crop: CropTransform) -> Optional[Rectangle]:
    """What a crop leaves of a part."""
    y0, x0 = max(crop.y0, 0), max(crop.x0, 0)
    h, w = min(crop.y0 + crop.h, part.h) - y0, min(crop.x0 + crop.w, part.w) - x0
    return Rectangle(part.y0 + y0, part.x0 + x0, h, w) if h > 0 and w > 0 else None


def decode_window(content: memoryview, header: JpegHeader, window: Window, mode: str, exact: bool) -> Pixels:
    """The pixels of a window of a JPEG with an orientation that is known.

    If it is exact, or a window that is not much larger than what it is resized to, they are those of all of the image. Else
    they are decoded at 1/2, 1/4 or 1/8 of the size, where each is the mean of those that it stands for.

    Raises:
        ValueError: it cannot be decoded.
    """
    factor = 1 if exact else window.factor()
    orientation = header.orientation
    assert orientation is not None
    part = orientation.stored(window.part, *orientation.size(header.height, header.width))
    num_rows = part.y0 + part.h if factor == 1 else part.y0 + part.h + _MARGIN * factor
    pixels = decode_jpeg(content, mode, header, factor=factor, num_rows=num_rows, uses_scratch=True)
    if factor == 1:
        image = orientation.turn(pixels.array[part.y0:part.y0 + part.h, part.x0:part.x0 + part.w])
        image = image if window.resize is None else window.resize.apply_image(image)
    else:
        assert window.resize is not None
        new_size = orientation.size(window.resize.new_h, window.resize.new_w)
        image = orientation.turn(_resize(pixels.array, part, factor, new_size, window.resize.interp))
    return Pixels(image.copy() if np.may_share_memory(image, pixels.array) else image, pixels.damage)


def _resize(scaled: np.ndarray, part: Rectangle, factor: int, new_size: Tuple[int, int], interp: int) -> np.ndarray:
    """A part of an image resized, if the image is at hand divided by a factor."""
    if not any(edge % factor for edge in part):
        y0, x0, h, w = (edge // factor for edge in part)
        return cv2.resize(scaled[y0:y0 + h, x0:x0 + w], new_size[::-1], interpolation=interp)
    if interp == cv2.INTER_AREA:  # warpAffine has no such thing
        size = int(round(part.h / factor)), int(round(part.w / factor))
        return cv2.resize(_warp(scaled, part, factor, size, cv2.INTER_LINEAR), new_size[::-1], interpolation=interp)
    return _warp(scaled, part, factor, new_size, interp)


def _warp(scaled: np.ndarray, part: Rectangle, factor: int, new_size: Tuple[int, int], interp: int) -> np.ndarray:
    """The same where the edges of the part lie between pixels; the centre of the first pixel is (0.5, 0.5) on all scales."""
    step_y, step_x = part.h / factor / new_size[0], part.w / factor / new_size[1]
    to_scaled = np.array([[step_x, 0, part.x0 / factor + step_x / 2 - 0.5], [0, step_y, part.y0 / factor + step_y / 2 - 0.5]])
    return cv2.warpAffine(scaled, to_scaled, new_size[::-1], flags=interp | cv2.WARP_INVERSE_MAP,
                          borderMode=cv2.BORDER_REPLICATE)
