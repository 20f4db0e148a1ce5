"""What the bytes of a JPEG file tell before any pixel is decoded."""
from __future__ import annotations

import re
from typing import List, NamedTuple, Optional

from .exif import UPRIGHT, Orientation, read_orientation

_START_OF_JPEG = b"\xff\xd8"
_END_OF_IMAGE, _START_OF_SCAN, _APP1 = 0xd9, 0xda, 0xe1
_END_OF_FILE = b"\xff\xd9"
_EXIF = b"Exif\0\0"
_NO_FRAMES = frozenset([0xc4, 0xc8, 0xcc])  # among 0xc0 to 0xcf, which begin a frame else
_WITHOUT_LENGTH = frozenset([0x01] + list(range(0xd0, 0xd9)))
# Those that every decoder knows: baseline, extended and progressive, with Huffman codes, 8 bits, gray or colour. CMYK is not
# among them: packages convert it in different ways.
_COMMON = frozenset([0xc0, 0xc1, 0xc2])
# Within the data of the pixels, 0xff is followed by 0 or by the number of a restart.
_MARKER = re.compile(b"\xff+([^\x00\xd0-\xd7\xff])", re.DOTALL)


class JpegHeader(NamedTuple):
    """The frame of a JPEG file.

    Args:
        height, width: of the stored pixels.
        num_components: 1 for gray, 3 for colour, 4 for CMYK.
        row_step: how many rows share a row of colour at most.
        size_at: where the height is in the file, in two bytes; the width follows.
        data_at: where the data of the pixels begin.
        is_common: whether it is of a kind that every decoder knows.
        orientation: None if its EXIF data are not as the standard asks.
    """

    height: int
    width: int
    num_components: int
    row_step: int
    size_at: int
    data_at: int
    is_common: bool
    orientation: Optional[Orientation]

    def fits(self, num_bytes: int) -> bool:
        """Whether a file of so many bytes can hold as many pixels: a code for each block of 8 x 8 takes a bit or more."""
        num_blocks = -(-self.height // 8) * -(-self.width // 8)
        return not self.is_common or num_blocks <= 8 * (num_bytes - self.data_at)


def is_jpeg(content: memoryview) -> bool:
    return content[:2] == _START_OF_JPEG


def read_header(content: memoryview) -> Optional[JpegHeader]:
    """None if it is no JPEG, or ends before the data of the pixels, or is not built as one."""
    if not is_jpeg(content):
        return None
    position, frame_at, exif = 2, 0, []  # type: int, int, List[bytes]
    while position + 4 <= len(content):
        if content[position] != 0xff:
            return None
        marker = content[position + 1]
        if marker == 0xff or marker in _WITHOUT_LENGTH:
            position += 1 if marker == 0xff else 2
            continue
        if marker == _END_OF_IMAGE:
            return None
        start, position = position, position + 2 + int.from_bytes(content[position + 2:position + 4], "big")
        if position > len(content):
            return None
        if marker == _START_OF_SCAN:
            return _read_frame(content, frame_at, position, exif) if frame_at else None
        if 0xc0 <= marker <= 0xcf and marker not in _NO_FRAMES:
            frame_at = start
        elif marker == _APP1 and content[start + 4:start + 10] == _EXIF:
            exif.append(bytes(content[start + 10:position]))
    return None


def _read_frame(content: memoryview, at: int, data_at: int, exif: List[bytes]) -> Optional[JpegHeader]:
    height, width = (int.from_bytes(content[k:k + 2], "big") for k in (at + 5, at + 7))
    num_components = content[at + 9]
    steps = [content[at + 11 + 3 * k] & 15 for k in range(num_components) if at + 11 + 3 * k < data_at]
    if not (height and width and steps):
        return None
    orientation = UPRIGHT if not exif else read_orientation(exif[0]) if len(exif) == 1 else None
    is_common = content[at + 1] in _COMMON and content[at + 4] == 8 and num_components in (1, 3)
    return JpegHeader(height, width, num_components, max(steps), at + 5, data_at, is_common, orientation)


def is_cut_off(content: memoryview, header: Optional[JpegHeader] = None) -> bool:
    """Whether it is a JPEG file that ends before the mark of its end. What follows the mark does not matter.

    Args:
        header: of the file, if it was read already.
    """
    if not is_jpeg(content):
        return False
    header = read_header(content) if header is None else header
    if header is not None and content[-2:] == _END_OF_FILE:
        return False
    position = len(_START_OF_JPEG)
    while True:
        marker = _MARKER.search(content, position)
        if marker is None or marker.group(1)[0] == _END_OF_IMAGE:
            return marker is None
        length = int.from_bytes(content[marker.end():marker.end() + 2], "big")
        position = marker.end() + max(length, 2)
