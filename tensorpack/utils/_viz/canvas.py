"""Several images of one size as one image: rows and columns with a border between them."""
from __future__ import annotations

from typing import List, Optional, Sequence, Tuple, Union

import numpy as np

Color = Union[int, Sequence[int]]


class Canvas:
    """A grid of patches.

    Args:
        patch_height, patch_width: size of a patch.
        nr_row, nr_col: of the grid.
        channel: 1 or 3.
        border: pixels between patches.
        bgcolor: of the border and of empty cells; one number, or three with 3 channels.

    Attribute `canvas`: uint8, (nr_row * (height + border) - border) x (nr_col * (width + border) - border) x channel.
    """

    def __init__(self, patch_height: int, patch_width: int, nr_row: int, nr_col: int, channel: int, border: int,
                 bgcolor: Color):
        self.patch_height = patch_height
        self.patch_width = patch_width
        self.nr_row = nr_row
        self.nr_col = nr_col
        self.border = border
        self.bgcolor = bgcolor
        self.canvas = np.zeros((nr_row * (patch_height + border) - border, nr_col * (patch_width + border) - border, channel),
                               dtype="uint8")
        self._num_patches = 0

    def draw_patches(self, patches: np.ndarray) -> None:
        """Make `patches`, uint8 NxHxWxC, the content, row by row."""
        if len(patches) > self.nr_row * self.nr_col:
            raise ValueError("stack_patches: there must be at most {} x {} patches; got {}".format(
                self.nr_row, self.nr_col, len(patches)))
        self.canvas[...] = self.bgcolor
        for k, patch in enumerate(patches):
            row, column = divmod(k, self.nr_col)
            y, x = row * (self.patch_height + self.border), column * (self.patch_width + self.border)
            self.canvas[y:y + self.patch_height, x:x + self.patch_width] = patch
        self._num_patches = len(patches)

    def get_patchid_from_coord(self, x: int, y: int) -> Optional[int]:
        """Number of the patch at a pixel of the canvas; None on a border or an empty cell."""
        column, x = divmod(x, self.patch_width + self.border)
        row, y = divmod(y, self.patch_height + self.border)
        patch_id = row * self.nr_col + column
        is_on_patch = x < self.patch_width and y < self.patch_height and column < self.nr_col
        return patch_id if is_on_patch and patch_id < self._num_patches else None


def as_pixels(image: Union[np.ndarray, Color]) -> np.ndarray:
    """Values as uint8: cut off at 0 and 255, and truncated."""
    return np.clip(image, 0, 255).astype("uint8")


def prepare_patches(patch_list: Union[np.ndarray, Sequence[np.ndarray]], pad: bool, bgcolor: Color) -> np.ndarray:
    """The patches as uint8 NxHxWxC, where C is 3 if one of them or `bgcolor` has colours or `pad` is set, else 1."""
    if len(patch_list) == 0:
        raise ValueError("stack_patches: there must be at least one patch; got none")
    patches = [_with_channels(np.asarray(patch)) for patch in patch_list]
    shapes = {patch.shape[:2] for patch in patches}
    if len(shapes) > 1 and not pad:
        raise ValueError("stack_patches: patches must have one size; got {}; pass pad=True".format(
            ", ".join(str(shape) for shape in sorted(shapes))))
    if pad or np.ndim(bgcolor) > 0 or any(patch.shape[2] == 3 for patch in patches):
        patches = [patch if patch.shape[2] == 3 else patch.repeat(3, axis=2) for patch in patches]
    if len(shapes) > 1:
        patches = _centred(patches, bgcolor)
    return np.stack(patches)


def _with_channels(patch: np.ndarray) -> np.ndarray:
    if patch.ndim == 2:
        patch = patch[:, :, np.newaxis]
    if patch.ndim != 3 or patch.shape[2] not in (1, 3):
        raise ValueError("stack_patches: a patch must be HxW, HxWx1 or HxWx3; got shape {}".format(patch.shape))
    return as_pixels(patch)


def _centred(patches: List[np.ndarray], bgcolor: Color) -> List[np.ndarray]:
    size = tuple(max(patch.shape[axis] for patch in patches) for axis in (0, 1))
    return [_pad(patch, size, bgcolor) for patch in patches]


def _pad(patch: np.ndarray, size: Tuple[int, int], bgcolor: Color) -> np.ndarray:
    padded = np.empty(size + (3,), dtype="uint8")
    padded[...] = bgcolor
    height, width = patch.shape[:2]
    y, x = (size[0] - height) // 2, (size[1] - width) // 2
    padded[y:y + height, x:x + width] = patch
    return padded
