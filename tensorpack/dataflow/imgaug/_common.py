"""What every part of imgaug needs: OpenCV, imported at its first use, argument storage with a repr, and array checks."""
from __future__ import annotations

from typing import Any, Dict, Optional, Sequence

import numpy as np

from ...utils._text.repr import ReprMixin
from ...utils._text.spec import about_none, describe
from ...utils.optional import optional_import


class _OpenCV:
    """OpenCV, imported at its first use. Keeps what it was asked for: augmentors ask some twenty times per image."""

    def __init__(self) -> None:
        self._module = optional_import("cv2", needed_by="imgaug", pip="opencv-python-headless")

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._module, name)
        setattr(self, name, value)
        return value


cv2 = _OpenCV()

# Values of OpenCV's constants, so that defaults can be written without importing it.
INTER_LINEAR = 1
BORDER_CONSTANT = 0
BORDER_REPLICATE = 1


class Configured(ReprMixin):
    """Shows itself as `imgaug.Name(arg=value, ...)`, from the attributes that hold the constructor's arguments."""

    def _init(self, params: Optional[Dict[str, Any]] = None) -> None:
        """Set an attribute for each entry of `params` but `self` and names that start with an underscore.

        Used in constructors as `self._init(locals())`.
        """
        for name, value in (params or {}).items():
            if name != "self" and not name.startswith("_"):
                setattr(self, name, value)

    def __repr__(self) -> str:
        return "imgaug." + super().__repr__()


def check_dtype(img: Any) -> None:
    """Raise TypeError unless `img` is a numpy array."""
    if not isinstance(img, np.ndarray):
        raise TypeError("imgaug: an image must be a numpy array, HxW or HxWxC; got {}{}".format(describe(img), about_none(img)))


def check_channels(who: Any, img: np.ndarray, channels: Sequence[int] = (3, 4)) -> None:
    """Raise ValueError unless `img` is HxWxC with one of these numbers of channels."""
    if img.ndim != 3 or img.shape[2] not in channels:
        raise ValueError("{}: the image must be {}; got {}".format(
            type(who).__name__, " or ".join("HxWx{}".format(count) for count in channels), describe(img)))


def check_fits(who: Any, shape: Sequence[int], inner: Sequence[int], what: str) -> None:
    """Raise ValueError unless a rectangle of size `inner` (h, w) lies within one of size `shape`."""
    if inner[0] > shape[0] or inner[1] > shape[1]:
        raise ValueError("{}: {} (h, w) must not exceed {}; got {}".format(
            type(who).__name__, what, tuple(shape[:2]), tuple(inner)))


def float_coords(coords: Any) -> np.ndarray:
    """A new float array Nx2 with the values of `coords`; integers become floats, no points become shape (0, 2)."""
    return _float_rows(coords, 2, "coords must be Nx2, rows (x, y)")


def float_boxes(boxes: Any) -> np.ndarray:
    """A new float array Nx4 with the values of `boxes`."""
    return _float_rows(boxes, 4, "boxes must be Nx4, rows (x0, y0, x1, y1)")


def _float_rows(rows: Any, width: int, rule: str) -> np.ndarray:
    rows = np.asarray(rows)
    if rows.size == 0:
        rows = rows.reshape((0, width))
    if rows.ndim != 2 or rows.shape[1] != width:
        raise ValueError("imgaug: {}; got {}".format(rule, describe(rows)))
    return rows.astype(np.result_type(rows.dtype, np.float32))
