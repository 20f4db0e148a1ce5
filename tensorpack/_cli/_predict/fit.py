"""Images in the size that a model takes."""
from __future__ import annotations

from typing import Optional, Tuple

import numpy as np

from ...dataflow import imgaug
from ...utils import logger


class Fit:
    """A function that resizes pictures, or resizes and cuts them.

    Args:
        size: height and width; None for what may be any.
        shortest_edge: what the shortest edge is resized to, before the middle of `size` is cut out. None resizes a picture as a
            whole, as `imgaug.Resize` does, which is told once if it changes the aspect ratio.
    """

    def __init__(self, size: Tuple[Optional[int], Optional[int]], shortest_edge: Optional[int]):
        self._size = size
        self._shortest_edge = shortest_edge
        self._has_told = False

    def __call__(self, name: str, picture: np.ndarray) -> np.ndarray:
        if self._shortest_edge is not None:
            return self._cut(name, imgaug.ResizeShortestEdge(self._shortest_edge).augment(picture))
        height, width = self._target(picture)
        if (height, width) == picture.shape[:2]:
            return picture
        if not self._has_told and _distorts(picture, height, width):
            self._has_told = True
            logger.warning(
                "The aspect ratio of images changes: %s is %dx%d, and the model gets it as %dx%d. If it was trained on images "
                "that were resized and cut, give --shortest-edge.", name, *picture.shape[:2], height, width)
        return imgaug.Resize((height, width)).augment(picture)

    def _target(self, picture: np.ndarray) -> Tuple[int, int]:
        return self._size[0] or picture.shape[0], self._size[1] or picture.shape[1]

    def _cut(self, name: str, picture: np.ndarray) -> np.ndarray:
        height, width = self._target(picture)
        if height > picture.shape[0] or width > picture.shape[1]:
            raise ValueError("--shortest-edge must not be smaller than the {}x{} that is cut out; got {}, which makes {} "
                             "{}x{}".format(height, width, self._shortest_edge, name, *picture.shape[:2]))
        return imgaug.CenterCrop((height, width)).augment(picture)


def _distorts(picture: np.ndarray, height: int, width: int) -> bool:
    """Whether the size differs by a pixel or more from one of the same aspect ratio."""
    rows, columns = picture.shape[:2]
    return abs(columns * height / rows - width) >= 1 and abs(rows * width / columns - height) >= 1
