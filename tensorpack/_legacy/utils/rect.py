"""Boxes of images, with corners in pixels: `Rect`, and later `IntBox` and `FloatBox`."""
from __future__ import annotations

from typing import Any, Sequence, Tuple

import numpy as np

__all__ = ["BoxBase", "FloatBox", "IntBox", "Rect"]


class Rect:
    """A box from (x, y) to (x + w, y + h), both of which belong to it.

    Args:
        allow_neg: whether numbers below 0 are accepted.
    """

    def __init__(self, x: Any = 0, y: Any = 0, w: Any = 0, h: Any = 0, allow_neg: bool = False):
        if not allow_neg and min(x, y, w, h) < 0:
            raise ValueError("Rect: x, y, w and h must not be negative, unless allow_neg=True; got {}".format((x, y, w, h)))
        self.x, self.y, self.w, self.h = x, y, w, h

    @property
    def x0(self) -> Any:
        return self.x

    @property
    def y0(self) -> Any:
        return self.y

    @property
    def x1(self) -> Any:
        return self.x + self.w

    @property
    def y1(self) -> Any:
        return self.y + self.h

    def copy(self) -> Rect:
        """Another one with the same numbers."""
        return Rect(self.x, self.y, self.w, self.h, allow_neg=True)

    def area(self) -> Any:
        """w * h."""
        return self.w * self.h

    def validate(self, shape: Sequence[int]) -> bool:
        """Whether the box lies inside of an image of this shape (h, w)."""
        return self.x0 >= 0 and self.y0 >= 0 and self.x1 < shape[1] and self.y1 < shape[0]

    def roi(self, img: np.ndarray) -> np.ndarray:
        """The part of the image in the box, with its last row and column: h + 1 rows, w + 1 columns."""
        if not self.validate(img.shape[:2]):
            raise ValueError("Rect.roi: the box must lie inside of the image; got {} for shape {}; use roi_zeropad".format(
                self, img.shape))
        return img[self.y0:self.y1 + 1, self.x0:self.x1 + 1]

    def expand(self, frac: float) -> Rect:
        """A box with the same centre, `frac` times as wide and high, in whole numbers; it may begin below 0."""
        if frac <= 1:
            raise ValueError("Rect.expand: frac must be larger than 1; got {!r}".format(frac))
        w, h = self.w * frac, self.h * frac
        x, y = self.x - (w - self.w) * 0.5, self.y - (h - self.h) * 0.5
        return Rect(int(x), int(y), int(w), int(h), allow_neg=True)

    def roi_zeropad(self, img: np.ndarray) -> np.ndarray:
        """As `roi`, of a box that may leave the image: there are zeros outside of it."""
        out = np.zeros((self.h + 1, self.w + 1) + img.shape[2:], dtype=img.dtype)
        top, left = max(-self.y0, 0), max(-self.x0, 0)
        inside = img[max(self.y0, 0):self.y1 + 1, max(self.x0, 0):self.x1 + 1]
        out[top:top + inside.shape[0], left:left + inside.shape[1]] = inside
        return out

    def __str__(self) -> str:
        return "Rect(x={}, y={}, w={}, h={})".format(self.x, self.y, self.w, self.h)

    __repr__ = __str__


class BoxBase:
    """A box with the corners (x1, y1) and (x2, y2)."""

    def __init__(self, x1: Any, y1: Any, x2: Any, y2: Any):
        self.x1, self.y1, self.x2, self.y2 = x1, y1, x2, y2

    @property
    def w(self) -> Any:
        return self.x2 - self.x1

    @property
    def h(self) -> Any:
        return self.y2 - self.y1

    def copy(self) -> Any:
        """Another one with the same corners."""
        return type(self)(self.x1, self.y1, self.x2, self.y2)

    def area(self) -> Any:
        """w * h."""
        return self.w * self.h

    def is_box(self) -> bool:
        """Whether it has an area."""
        return bool(self.w > 0 and self.h > 0)

    def _limit(self, right: Any, bottom: Any) -> None:
        self.x1, self.x2 = (min(max(x, 0), right) for x in (self.x1, self.x2))
        self.y1, self.y2 = (min(max(y, 0), bottom) for y in (self.y1, self.y2))

    def _check(self, kind: Tuple[type, ...], what: str) -> None:
        for corner in (self.x1, self.y1, self.x2, self.y2):
            assert isinstance(corner, kind), "{}: corners must be {}; got {!r}".format(type(self).__name__, what, corner)

    def __str__(self) -> str:
        return "{}(x1={}, y1={}, x2={}, y2={})".format(type(self).__name__, self.x1, self.y1, self.x2, self.y2)

    __repr__ = __str__


class IntBox(BoxBase):
    """A box of pixels, with integer corners that belong to it: w is x2 - x1 + 1."""

    def __init__(self, x1: int, y1: int, x2: int, y2: int):
        super().__init__(x1, y1, x2, y2)
        self._check((int, np.integer), "integers")

    @property
    def w(self) -> Any:
        return self.x2 - self.x1 + 1

    @property
    def h(self) -> Any:
        return self.y2 - self.y1 + 1

    def is_valid_box(self, shape: Sequence[int]) -> bool:
        """Whether it has an area and lies inside of an image of this shape (h, w)."""
        return self.is_box() and min(self.x1, self.y1) >= 0 and self.x2 < shape[1] and self.y2 < shape[0]

    def clip_by_shape(self, shape: Sequence[int]) -> None:
        """Move the corners, in place, to pixels of an image of this shape (h, w)."""
        self._limit(shape[1] - 1, shape[0] - 1)

    def roi(self, img: np.ndarray) -> np.ndarray:
        """The part of the image in the box."""
        assert self.is_valid_box(img.shape[:2]), "IntBox.roi: {} must lie inside of the shape {}".format(self, img.shape)
        return img[self.y1:self.y2 + 1, self.x1:self.x2 + 1]


class FloatBox(BoxBase):
    """A box with real corners: w is x2 - x1."""

    def __init__(self, x1: float, y1: float, x2: float, y2: float):
        super().__init__(x1, y1, x2, y2)
        self._check((float, np.floating), "floats")

    def clip_by_shape(self, shape: Sequence[int]) -> None:
        """Move the corners, in place, into an image of this shape (h, w)."""
        self._limit(float(shape[1]), float(shape[0]))

    @staticmethod
    def from_intbox(intbox: IntBox) -> FloatBox:
        """The area that the pixels of a box cover."""
        return FloatBox(float(intbox.x1), float(intbox.y1), float(intbox.x2 + 1), float(intbox.y2 + 1))
