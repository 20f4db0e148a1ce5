"""The packages that decode: OpenCV for everything, and simplejpeg, where it is installed, for common JPEG files.

Both give the same pixels, as both contain libjpeg-turbo; simplejpeg takes less time, tells of damage, and writes where it is
told to.
"""
from __future__ import annotations

import functools
import importlib
import threading
from typing import Any, NamedTuple, Optional, Tuple

import numpy as np

from .jpeg_header import JpegHeader, is_cut_off
from .opencv import cv2

MODES = ("bgr", "rgb", "gray", "unchanged")
_CHANNELS = {"bgr": 3, "rgb": 3, "gray": 1}
_END_OF_FILE = b"\xff\xd9"
CUT_OFF = "cut off before its end"
# Memory that is returned to the system has to be cleared before it is used again, which costs as much as a tenth of decoding.
_MAX_SCRATCH = 64 << 20
_scratch = threading.local()
_REST = "extraneous bytes before marker"  # what is told of the rows below a part


class Pixels(NamedTuple):
    """Pixels, and what is wrong with the file that they come from, in words; None if nothing is known."""

    array: np.ndarray
    damage: Optional[str] = None


@functools.lru_cache(maxsize=None)
def simplejpeg() -> Optional[Any]:
    """The module, if it is installed; looked for at the first use."""
    try:
        return importlib.import_module("simplejpeg")
    except ImportError:
        return None


def decode_all(content: memoryview, mode: str, header: Optional[JpegHeader]) -> Optional[Pixels]:
    """An image as `cv2.imdecode` has it, turned as EXIF data say; of a damaged JPEG what is there. None if it is no image."""
    orientation = header.orientation if header is not None else None
    if header is not None and header.is_common and orientation is not None and mode != "unchanged" and simplejpeg():
        try:
            stored = decode_jpeg(content, mode, header)
            is_cut = stored.damage is not None and is_cut_off(content, header)
            return Pixels(orientation.turn(stored.array), CUT_OFF if is_cut else stored.damage)
        except ValueError:  # OpenCV has the last word
            pass
    return _by_opencv(content, mode, header)


def _by_opencv(content: memoryview, mode: str, header: Optional[JpegHeader]) -> Optional[Pixels]:
    damage = CUT_OFF if is_cut_off(content, header) else None
    if damage is not None:  # without its end it would not be decoded at all
        content = memoryview(bytes(content) + _END_OF_FILE)
    flag = {"gray": cv2.IMREAD_GRAYSCALE, "unchanged": cv2.IMREAD_UNCHANGED}.get(mode, cv2.IMREAD_COLOR)
    image = cv2.imdecode(np.frombuffer(content, "uint8"), flag) if len(content) else None
    if image is None:
        return None
    return Pixels(cv2.cvtColor(image, cv2.COLOR_BGR2RGB) if mode == "rgb" else image, damage)


def decode_jpeg(content: memoryview, mode: str, header: JpegHeader, *, factor: int = 1, num_rows: Optional[int] = None,
                uses_scratch: bool = False) -> Pixels:
    """Stored pixels of a common JPEG, HxWx3 or HxW, not turned.

    Args:
        factor: 1, 2, 4 or 8; the size is divided by it, and rounded up.
        num_rows: of the full size, how many are needed at least; those below may be missing.
        uses_scratch: the result is overwritten by the next call in this thread that has it, too.

    Raises:
        ValueError: it cannot be decoded.
    """
    if simplejpeg() is None:
        return _scaled_by_opencv(content, mode, factor)
    height = header.height
    if num_rows is not None and num_rows + header.row_step * factor < height:
        # Colours are interpolated between rows, so that the last row needs one more.
        height = num_rows + header.row_step * factor
        content = _with_height(content, header, height)
    shape = (-(-height // factor), -(-header.width // factor), _CHANNELS[mode])
    memory = _scratch_memory(shape) if uses_scratch else np.empty(shape, "uint8")
    pixels, damage = _by_simplejpeg(content, mode, memory, is_part=height < header.height)
    return Pixels(pixels[:, :, 0] if mode == "gray" else pixels, damage)


def _by_simplejpeg(content: memoryview, mode: str, memory: np.ndarray, is_part: bool) -> Pixels:
    def decode(strict: bool) -> np.ndarray:
        h, w, _ = memory.shape
        module: Any = simplejpeg()
        return module.decode_jpeg(content, mode.upper(), min_height=h, min_width=w, buffer=memory, strict=strict)

    try:
        damage, array = None, decode(strict=True)
    except ValueError as e:
        if is_part and _REST in str(e):  # the part is complete
            return Pixels(memory)
        damage, array = str(e), decode(strict=False)
    if array.shape != memory.shape:
        raise ValueError("pixels of shape {} were expected; got {}".format(memory.shape, array.shape))
    return Pixels(array, damage)


def _with_height(content: memoryview, header: JpegHeader, height: int) -> memoryview:
    changed = bytearray(content)
    changed[header.size_at:header.size_at + 2] = height.to_bytes(2, "big")
    return memoryview(changed)


def _scratch_memory(shape: Tuple[int, int, int]) -> np.ndarray:
    """Memory of this thread, for an array that is used until the next call; new memory if it is too much to keep."""
    rows, columns, channels = shape
    size = rows * columns * channels
    if size > _MAX_SCRATCH:
        return np.empty(shape, "uint8")
    memory = getattr(_scratch, "memory", None)
    if memory is None or memory.size < size:
        memory = _scratch.memory = np.empty(size, "uint8")
    return memory[:size].reshape(shape)


def _scaled_by_opencv(content: memoryview, mode: str, factor: int) -> Pixels:
    name = "IMREAD_{}" if factor == 1 else "IMREAD_REDUCED_{{}}_{}".format(factor)
    flag = getattr(cv2, name.format("GRAYSCALE" if mode == "gray" else "COLOR")) | cv2.IMREAD_IGNORE_ORIENTATION
    image = cv2.imdecode(np.frombuffer(content, "uint8"), flag)
    if image is None:
        raise ValueError("OpenCV cannot decode it")
    return Pixels(cv2.cvtColor(image, cv2.COLOR_BGR2RGB) if mode == "rgb" else image)
