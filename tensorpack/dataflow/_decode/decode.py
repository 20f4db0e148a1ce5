"""`decode_image`, and images in files: damaged ones are decoded as far as they go, left out, or refused, and counted."""
from __future__ import annotations

from typing import Any, Dict, NamedTuple, Optional

import numpy as np

from ...utils._text.keywords import keywords_told
from ...utils._text.spec import describe, shown
from .damage import POLICIES, DamageCount, check_policy
from .decoders import CUT_OFF, MODES, Pixels, decode_all
from .jpeg_header import JpegHeader, is_jpeg, read_header
from .opencv import cv2

# That of OpenCV.
_MAX_PIXELS = 1 << 30


class NoImageError(ValueError):
    """Bytes that are no image, or so damaged that nothing of it is left."""


class MissingImageError(ValueError, FileNotFoundError):
    """A file that is not there; an unreadable image for those who know of nothing else."""


class Encoded(NamedTuple):
    """The bytes of an image file, and its header if it is a JPEG."""

    content: memoryview
    header: Optional[JpegHeader]

    def decode(self, who: str, mode: str) -> Pixels:
        """All of it; raises NoImageError."""
        pixels = None
        if self.is_credible():
            try:
                pixels = decode_all(self.content, mode, self.header)
            except cv2.error:
                pass
        if pixels is None:
            raise NoImageError("{}: the bytes must be an image that OpenCV can read; it is {}".format(who, self.describe()))
        return pixels

    def is_credible(self) -> bool:
        """Whether a file of this length can have as many pixels as its header tells."""
        header = self.header
        return header is None or (header.height * header.width <= _MAX_PIXELS and header.fits(len(self.content)))

    def describe(self) -> str:
        """What it is, for errors that say that it is no image."""
        if not len(self.content):
            return "empty"
        text = "{} bytes".format(len(self.content))
        if self.header is not None:
            text = "a JPEG of {} with a header that tells {}x{} pixels".format(text, self.header.height, self.header.width)
        elif is_jpeg(self.content):
            text += " of a JPEG without data of pixels"
        else:
            text += " that begin with {!r}".format(bytes(self.content[:8]))
        return "damaged, or no image: " + text


def read_encoded(who: str, content: Any) -> Encoded:
    """The bytes in a bytes-like object or an array; TypeError if it is something else."""
    if isinstance(content, np.ndarray):
        if content.dtype != np.uint8:
            raise TypeError("{}: an encoded image must be bytes or a uint8 array of them; got {}".format(
                who, describe(content)))
        content = np.ascontiguousarray(content).reshape(-1)
    try:
        view = memoryview(content).cast("B")
    except TypeError as e:
        raise TypeError("{}: an encoded image must be bytes or a uint8 array of them; got {}".format(
            who, shown(content))) from e
    return Encoded(view, read_header(view))


def check_mode(who: str, mode: Any) -> str:
    if mode not in MODES:
        raise ValueError("{}: mode must be 'bgr', 'rgb', 'gray' or 'unchanged'; got {!r}".format(who, mode))
    return str(mode)


def accept(who: str, pixels: Pixels, on_damaged: str) -> Optional[np.ndarray]:
    """The image, or None if it is damaged and to be left out; raises ValueError if it is damaged and to be refused."""
    if pixels.damage is None or on_damaged == "keep":
        return pixels.array
    if on_damaged == "raise":
        raise ValueError("{}: the image is damaged: {}; on_damaged='keep' decodes what is there".format(who, pixels.damage))
    return None


_counts: Dict[str, DamageCount] = {
    policy: DamageCount("decode_image", policy, warns_at_once=True) for policy in POLICIES}


@keywords_told
def decode_image(content: Any, mode: str = "bgr", *, on_damaged: str = "keep") -> Optional[np.ndarray]:
    """Decode the bytes of an image file: the same pixels as `cv2.imdecode`, for JPEG in less time if simplejpeg is installed.

    Images are turned as their EXIF data say, as OpenCV does. Of a damaged JPEG, of which `cv2.imdecode` gives None if its end
    is missing, the pixels that are there are decoded, and the rest is gray or repeats them. How many are damaged is logged with
    the first, 10th, 100th, ... one of this process. Without simplejpeg damage is known only of files that lack their end.

    Args:
        content: bytes, or a uint8 array of them.
        mode: "bgr" or "rgb": uint8 HxWx3; "gray": uint8 HxW; "unchanged": channels and dtype of the file, not turned.
        on_damaged: "keep": what is there; "drop": return None, so that `MapData` leaves out the datapoint; "raise": ValueError.

    Returns:
        the image; None only with `on_damaged="drop"`, also if it is no image at all.

    Raises:
        ValueError: it is no image that OpenCV can read, unless `on_damaged="drop"`; or it is damaged, with "raise".
        TypeError: `content` is no bytes.
    """
    who = "decode_image"
    check_mode(who, mode)
    check_policy(who, on_damaged)
    try:
        pixels = read_encoded(who, content).decode(who, mode)
    except NoImageError as e:
        if on_damaged != "drop":
            raise
        _counts[on_damaged].add(str(e))
        return None
    _counts[on_damaged].add(pixels.damage)
    return accept(who, pixels, on_damaged)


class FileReader:
    """Reads image files for a flow, of damaged ones what is there, and says at the end of a pass how many are damaged.

    Args:
        who: the flow's name.
        mode: see `decode_image`.
        rule: what files must be, for errors: words with places for `path` and for `what` it is instead.
        takes_cut_off: whether a JPEG that is cut off is a damaged image, and not an error.
    """

    def __init__(self, who: str, mode: str = "bgr", rule: str = "{path} must be an image that OpenCV can read; it is {what}",
                 takes_cut_off: bool = True):
        self._who = who
        self._mode = mode
        self._rule = rule
        self._takes_cut_off = takes_cut_off
        self._count = DamageCount(who, "keep")

    def read(self, path: str) -> np.ndarray:
        """The image in a file.

        Raises:
            OSError: it cannot be opened.
            ValueError: it has no image. Both name the file.
        """
        pixels = self._decode(path)
        if pixels.damage == CUT_OFF and not self._takes_cut_off:
            raise ValueError(self._text(path, pixels.damage))
        self._count.add(pixels.damage, path)
        return pixels.array

    def _decode(self, path: str) -> Pixels:
        try:
            with open(path, "rb") as f:
                content = f.read()
        except FileNotFoundError as e:
            raise MissingImageError(self._text(path, "missing")) from e
        encoded = read_encoded(self._who, content)
        try:
            return encoded.decode(self._who, self._mode)
        except NoImageError:
            raise ValueError(self._text(path, encoded.describe())) from None

    def _text(self, path: str, what: str) -> str:
        return "{}: {}".format(self._who, self._rule.format(path=path, what=what))

    def end_pass(self) -> None:
        self._count.end_pass()
