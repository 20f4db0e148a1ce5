"""Pictures of patches and of plots."""
from __future__ import annotations

import io
from typing import Any, Iterator, Optional, Sequence

import numpy as np

from ...utils.optional import optional_import
from ...utils.viz import gen_stack_patches

cv2 = optional_import("cv2", needed_by="utils.viz", pip="opencv-python")


def build_patch_list(patch_list: Sequence[Any], nr_row: Optional[int] = None, nr_col: Optional[int] = None,
                     border: Optional[int] = None, max_width: int = 1000, max_height: int = 1000, shuffle: bool = False,
                     bgcolor: Any = 255, viz: bool = False, lclick_cb: Any = None) -> Iterator[np.ndarray]:
    """`gen_stack_patches`, of the patches in a random order if `shuffle`."""
    if shuffle:
        patch_list = [patch_list[k] for k in np.random.permutation(len(patch_list))]
    return gen_stack_patches(patch_list, nr_row, nr_col, border, max_width, max_height, bgcolor, viz, lclick_cb)


def stack_images(imgs: Sequence[np.ndarray], vertical: bool = False) -> np.ndarray:
    """Images side by side, or one above the other; the smaller ones are filled up with zeros."""
    axis, other = (0, 1) if vertical else (1, 0)
    extent = max(img.shape[other] for img in imgs)
    padded = []
    for img in imgs:
        missing = [(0, 0)] * img.ndim
        missing[other] = (0, extent - img.shape[other])
        padded.append(np.pad(img, missing, mode="constant"))
    return np.concatenate(padded, axis=axis)


def pyplot2img(plt: Any) -> np.ndarray:
    """The current figure of `matplotlib.pyplot` as an image, uint8 HxWx3 in BGR."""
    buffer = io.BytesIO()
    plt.savefig(buffer, format="png", bbox_inches="tight", pad_inches=0)
    return cv2.imdecode(np.frombuffer(buffer.getvalue(), dtype="uint8"), cv2.IMREAD_COLOR)


def pyplot_viz(img: np.ndarray, shape: Optional[Sequence[int]] = None) -> np.ndarray:
    """The image as matplotlib draws it, without axes, resized to `shape` (h, w): uint8 HxWx3 in BGR."""
    plt = optional_import("matplotlib.pyplot", needed_by="utils.viz.pyplot_viz", pip="matplotlib")
    figure = plt.figure()
    try:
        plt.axis("off")
        plt.imshow(img)
        drawn = pyplot2img(plt)
    finally:
        plt.close(figure)
    return drawn if shape is None else cv2.resize(drawn, (shape[1], shape[0]))


def minnone(x: Any, y: Any) -> Any:
    """The smaller one, or the one that is not None."""
    return y if x is None else x if y is None else min(x, y)
