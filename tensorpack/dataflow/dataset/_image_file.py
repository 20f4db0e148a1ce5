"""Image files read whole or not at all."""
from __future__ import annotations

from .._decode.decode import FileReader
from .._decode.jpeg_header import is_cut_off as is_cut_off


def whole_image_reader(who: str, rgb: bool) -> FileReader:
    """Reads image files as uint8 HxWx3, turned as their EXIF data say; a JPEG that is cut off is an error that names it."""
    return FileReader(who, "rgb" if rgb else "bgr", takes_cut_off=False)
