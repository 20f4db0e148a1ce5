"""An example as pictures to look at: its images with boxes, masks and the label."""
from __future__ import annotations

from typing import Any, Dict, Hashable, List, NamedTuple, Optional, Sequence, Tuple

import numpy as np

from ...utils._viz.canvas import as_pixels
from ...utils._viz.drawing import put_text
from ...utils._viz.sheet import scaled
from ...utils.palette import PALETTE_RGB
from ...utils.viz import draw_boxes
from .roles import Components

_OPACITY = 0.5  # of masks
_ROUNDING = 0.01  # what resizing puts above the largest value
_CAPTION_HEIGHT = 18
_WHITE = (255, 255, 255)


class Picture(NamedTuple):
    """What is shown of an image.

    Attributes:
        pixels: uint8 HxWx3, BGR.
        caption: the label, or what else tells it from others.
    """

    pixels: np.ndarray
    caption: str

    def with_caption(self) -> np.ndarray:
        """The pixels above the caption."""
        height, width = self.pixels.shape[:2]
        cell = np.full((height + _CAPTION_HEIGHT, max(width, 100), 3), 255, "uint8")
        left = (cell.shape[1] - width) // 2
        cell[:height, left:left + width] = self.pixels
        put_text(cell[height:], (0, _CAPTION_HEIGHT - 1), self.caption, _WHITE)
        return cell


class Painter:
    """Draws examples.

    Args:
        rgb: whether images have the channels red, green and blue, not BGR.
        names: of the classes; None: they are told by their numbers.
    """

    def __init__(self, rgb: bool, names: Optional[Sequence[str]]):
        self._rgb = rgb
        self._names = names

    def draw(self, example: Components, roles: Dict[Hashable, str]) -> List[Picture]:
        """A picture for each image; boxes are drawn on the first, masks on all of their size."""
        values = {role: [example[key] for key in roles if roles[key] == role] for role in set(roles.values())}
        pictures = []
        for k, image in enumerate(values.get("image", [])):
            pixels = scaled(self._as_bgr(image))
            for mask in values.get("mask", []):
                if mask.shape[-2:] == image.shape[:2]:
                    pixels = _with_mask(pixels, mask)
            if not k and "boxes" in values:
                pixels = self._with_boxes(pixels, image.shape, values["boxes"][0], values.get("classes"))
            pictures.append(Picture(pixels, self._name(values["label"][0]) if "label" in values else ""))
        return pictures

    def _as_bgr(self, image: np.ndarray) -> np.ndarray:
        pixels: Any = _as_uint8(image)
        pixels = pixels.reshape(pixels.shape[:2] + (-1,))
        if pixels.shape[2] == 4:  # over white
            opacity = pixels[:, :, 3:].astype("float32") / 255
            pixels = as_pixels(pixels[:, :, :3] * opacity + 255 * (1 - opacity) + 0.5)
        pixels = pixels.repeat(3, axis=2) if pixels.shape[2] == 1 else pixels
        return np.ascontiguousarray(pixels[:, :, ::-1] if self._rgb else pixels)

    def _with_boxes(self, pixels: np.ndarray, shape: Tuple[int, ...], boxes: np.ndarray, classes: Any) -> np.ndarray:
        is_inside = usable_boxes(boxes, shape)
        size = np.tile(pixels.shape[1::-1], 2)
        factors = size / np.tile(shape[1::-1], 2)
        drawn = np.clip(boxes[is_inside].astype("float64") * factors, 0, size - 1)
        labels = None if classes is None else [self._name(each) for each in classes[0][is_inside]]
        return draw_boxes(pixels, drawn, labels)

    def _name(self, number: Any) -> str:
        number = int(number)
        is_named = self._names is not None and 0 <= number < len(self._names)
        return self._names[number] if self._names is not None and is_named else str(number)


def usable_boxes(boxes: np.ndarray, shape: Tuple[int, ...]) -> np.ndarray:
    """Which of the boxes can be seen in an image of this shape, a bool for each."""
    x1, y1, x2, y2 = boxes.astype("float64").T
    with np.errstate(invalid="ignore"):
        return np.asarray((x1 <= x2) & (y1 <= y2) & (x1 < shape[1]) & (y1 < shape[0]) & (x2 >= 0) & (y2 >= 0)
                          & np.isfinite(boxes.astype("float64")).all(axis=1))


def pixel_range(image: np.ndarray) -> Tuple[float, float]:
    """What is black and what is white: (0, 255) or, for floats, (0, 1), or the range of the values if it goes beyond."""
    if image.dtype == np.uint8:
        return 0, 255
    finite = image[np.isfinite(image)].astype("float64")
    low, high = (finite.min(), finite.max()) if finite.size else (0., 0.)
    if low < 0 or high > 255:
        return float(low), float(high)
    return 0, 1 if high <= 1 + _ROUNDING else 255


def _as_uint8(image: np.ndarray) -> np.ndarray:
    if image.dtype == np.uint8:
        return image
    low, high = pixel_range(image)
    values = np.where(np.isfinite(image), image, low).astype("float64")
    return as_pixels((values - low) * (255 / ((high - low) or 1)) + 0.5)


def _with_mask(pixels: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Each object or each value but 0 has a colour of its own."""
    rows = np.arange(pixels.shape[0]) * mask.shape[-2] // pixels.shape[0]
    columns = np.arange(pixels.shape[1]) * mask.shape[-1] // pixels.shape[1]
    mask = mask[..., rows[:, np.newaxis], columns].astype("int64")
    colored = pixels.astype("float32")
    for k, each in enumerate(mask if mask.ndim == 3 else [mask]):
        color = PALETTE_RGB[(each - 1 if mask.ndim == 2 else np.full_like(each, k)) % len(PALETTE_RGB)][..., ::-1]
        colored = np.where(each[..., np.newaxis] != 0, (1 - _OPACITY) * colored + _OPACITY * color, colored)
    return as_pixels(colored)
