"""Image files read whole or not at all: OpenCV by itself fills up the rest of a JPEG file that is cut off, without a word."""
from __future__ import annotations

import re

import numpy as np

from ._image_list import cv2

_START_OF_JPEG, _END_OF_IMAGE = b"\xff\xd8", b"\xd9"
# Within the data of the pixels, 0xff is followed by 0 or by the number of a restart.
_MARKER = re.compile(b"\xff+([^\x00\xd0-\xd7\xff])", re.DOTALL)


def read_whole_image(who: str, path: str) -> np.ndarray:
    """An image file as uint8 HxWx3 in BGR, turned as its EXIF data say.

    Raises:
        OSError: it cannot be opened.
        ValueError: it is no image that OpenCV can read, or is cut off.
    """
    with open(path, "rb") as f:
        content = f.read()
    image = cv2.imdecode(np.frombuffer(content, "uint8"), cv2.IMREAD_COLOR) if content else None
    if image is None or is_cut_off(content):
        raise ValueError("{}: {} must be an image that OpenCV can read; it is {}".format(
            who, path, "empty" if not content else "cut off" if is_cut_off(content) else "damaged, or no image"))
    return image


def is_cut_off(content: bytes) -> bool:
    """Whether it is a JPEG file that ends before the mark of its end. What follows the mark does not matter."""
    if not content.startswith(_START_OF_JPEG):
        return False
    position = len(_START_OF_JPEG)
    while True:
        marker = _MARKER.search(content, position)
        if marker is None or marker.group(1) == _END_OF_IMAGE:
            return marker is None
        length = int.from_bytes(content[marker.end():marker.end() + 2], "big")
        position = marker.end() + max(length, 2)
