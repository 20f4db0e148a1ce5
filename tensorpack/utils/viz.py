"""Images for people to look at: grids of patches, boxes and text on images, intensities as colours, files from a DataFlow.

Needs OpenCV when boxes, text, files or windows are made, matplotlib for colour maps.
"""
from __future__ import annotations

import os
from typing import Any, Callable, Iterator, List, Optional, Sequence, Tuple, Union

import numpy as np

from ._arguments.numbers import whole_number
from ._arguments.sizes import height_width
from ._viz.canvas import Canvas, Color, as_pixels, prepare_patches
from ._viz.drawing import draw_rectangle, put_text
from ._viz.imshow import ClickCallback, interactive_imshow
from .fs import mkdir_p
from .optional import optional_import

__all__ = [
    "draw_boxes",
    "dump_dataflow_images",
    "gen_stack_patches",
    "intensity_to_rgb",
    "interactive_imshow",
    "stack_patches",
]

cv2 = optional_import("cv2", needed_by="utils.viz", pip="opencv-python-headless")
matplotlib = optional_import("matplotlib", needed_by="intensity_to_rgb", pip="matplotlib")

_BOX_COLOR = (15, 128, 15)

Patches = Union[np.ndarray, Sequence[np.ndarray]]
PatchCallback = Callable[[np.ndarray, int], Any]


def stack_patches(patch_list: Patches, nr_row: int, nr_col: int, border: Optional[int] = None, pad: bool = False,
                  bgcolor: Color = 255, viz: bool = False, lclick_cb: Optional[PatchCallback] = None) -> np.ndarray:
    """Put patches into a grid, row by row.

    Args:
        patch_list: images HxW, HxWx1 or HxWx3, or one array of them; values are cut off at 0 and 255 and truncated to uint8.
        nr_row, nr_col: rows and columns of the grid.
        border: pixels between patches; default a twentieth of the shorter side of a patch.
        pad: whether patches may have different sizes; they are centred in cells of the largest height and width, and the grid
            has 3 channels.
        bgcolor: of borders and empty cells: a number, or three for a grid of 3 channels.
        viz: whether to show the grid (`interactive_imshow`).
        lclick_cb: called as `lclick_cb(patch, index)` when a shown patch is clicked.

    Returns:
        uint8 (nr_row * (H + border) - border) x (nr_col * (W + border) - border) x C.

    Raises:
        ValueError: there are too many patches, or none, or they have different sizes; or a number of the grid is too small.
    """
    patches = prepare_patches(patch_list, pad, bgcolor)
    grid = _grid("stack_patches", nr_row, nr_col)
    canvas = _canvas_for(patches, grid, _border("stack_patches", patches, border), bgcolor)
    canvas.draw_patches(patches)
    if viz:
        _show(canvas, patches, 0, lclick_cb)
    return canvas.canvas


def gen_stack_patches(patch_list: Patches, nr_row: Optional[int] = None, nr_col: Optional[int] = None,
                      border: Optional[int] = None, max_width: int = 1000, max_height: int = 1000, bgcolor: Color = 255,
                      viz: bool = False, lclick_cb: Optional[PatchCallback] = None) -> Iterator[np.ndarray]:
    """Put patches into as many grids as it takes; each grid is a new array.

    Args:
        patch_list, border, bgcolor, viz, lclick_cb: see `stack_patches`; the index is that in `patch_list`.
        nr_row, nr_col: rows and columns of a grid; default as many as fit into `max_height` and `max_width`.
    """
    patches = prepare_patches(patch_list, False, bgcolor)
    border = _border("gen_stack_patches", patches, border)
    nr_row = _fitting("max_height", max_height, patches.shape[1] + border) if nr_row is None else nr_row
    nr_col = _fitting("max_width", max_width, patches.shape[2] + border) if nr_col is None else nr_col
    nr_row, nr_col = grid = _grid("gen_stack_patches", nr_row, nr_col)
    for start in range(0, len(patches), nr_row * nr_col):
        page = patches[start:start + nr_row * nr_col]
        canvas = _canvas_for(patches, grid, border, bgcolor)
        canvas.draw_patches(page)
        if viz:
            _show(canvas, page, start, lclick_cb)
        yield canvas.canvas


def _grid(who: str, nr_row: int, nr_col: int) -> Tuple[int, int]:
    return whole_number(who, "nr_row", nr_row, minimum=1), whole_number(who, "nr_col", nr_col, minimum=1)


def _border(who: str, patches: np.ndarray, border: Optional[int]) -> int:
    return int(0.05 * min(patches.shape[1:3])) if border is None else whole_number(who, "border", border, minimum=0)


def _fitting(name: str, available: int, needed: int) -> int:
    if available < needed:
        raise ValueError("gen_stack_patches: {} must be at least the size of a patch with its border, {}; got {}".format(
            name, needed, available))
    return available // needed


def _canvas_for(patches: np.ndarray, grid: Tuple[int, int], border: int, bgcolor: Color) -> Canvas:
    return Canvas(patches.shape[1], patches.shape[2], grid[0], grid[1], patches.shape[3], border, bgcolor)


def _show(canvas: Canvas, patches: np.ndarray, first_index: int, lclick_cb: Optional[PatchCallback]) -> None:
    on_click = None if lclick_cb is None else _on_patch(canvas, patches, first_index, lclick_cb)
    interactive_imshow(canvas.canvas, lclick_cb=on_click)


def _on_patch(canvas: Canvas, patches: np.ndarray, first_index: int, callback: PatchCallback) -> ClickCallback:
    def on_click(image: np.ndarray, x: int, y: int) -> None:
        patch_id = canvas.get_patchid_from_coord(x, y)
        if patch_id is not None:
            callback(patches[patch_id], first_index + patch_id)

    return on_click


def dump_dataflow_images(df: Any, index: Any = 0, batched: bool = True, number: int = 1000, output_dir: Optional[str] = None,
                         scale: float = 1, resize: Union[None, int, Sequence[int]] = None,
                         viz: Union[None, int, Sequence[int]] = None, flipRGB: bool = False) -> None:
    """Write images of a DataFlow to files `001.jpg`, `002.jpg`, ..., or show them.

    Args:
        df: the DataFlow; it is reset, and iterated again and again until there are enough images.
        index: position or dict key of the component.
        batched: whether the component is a batch of images.
        number: of images.
        output_dir: where the files go; it is created if missing.
        scale: factor of the values, to bring them to [0, 255].
        resize: (height, width) to resize to, or one number for both.
        viz: (rows, columns) of a grid to show the images in, or one number for both.
        flipRGB: whether to reverse the channels; files and windows take BGR.

    Raises:
        ValueError: neither `output_dir` nor `viz` is given, a number or size is too small, or the DataFlow is empty.
        OSError: a file cannot be written.
    """
    if output_dir is None and viz is None:
        raise ValueError("dump_dataflow_images: output_dir or viz must be given; got neither")
    number = whole_number("dump_dataflow_images", "number", number, minimum=0)
    size, grid = _two_sizes("resize", resize), _two_sizes("viz", viz)
    if output_dir is not None:
        mkdir_p(output_dir)
    shown: List[np.ndarray] = []
    df.reset_state()
    for k, image in zip(range(1, number + 1), _images_of(df, index, batched)):
        image = image * scale if scale != 1 else image
        if size is not None:
            image = _resize(image, size)
        image = as_pixels(image[:, :, ::-1] if flipRGB and image.ndim == 3 else image)
        if output_dir is not None:
            _write(os.path.join(output_dir, "{:03d}.jpg".format(k)), image)
        if grid is not None:
            shown.append(image)
    if shown and grid is not None:
        for _ in gen_stack_patches(shown, grid[0], grid[1], viz=True):
            pass


def _two_sizes(name: str, value: Union[None, int, Sequence[int]]) -> Optional[Tuple[int, int]]:
    return None if value is None else height_width("dump_dataflow_images", name, value)


def _resize(image: np.ndarray, size: Tuple[int, int]) -> np.ndarray:
    image = image if image.dtype == np.uint8 else image.astype("float32")  # OpenCV takes few other kinds
    return cv2.resize(image, size[::-1])


def _images_of(df: Any, index: Any, batched: bool) -> Iterator[np.ndarray]:
    """Images without end."""
    while True:
        is_empty = True
        for dp in df:
            for image in dp[index] if batched else [dp[index]]:
                is_empty = False
                yield image
        if is_empty:
            raise ValueError("dump_dataflow_images: the DataFlow must have images; got none in a pass")


def _write(path: str, image: np.ndarray) -> None:
    if not cv2.imwrite(path, np.ascontiguousarray(image)):
        raise OSError("dump_dataflow_images: cannot write {}".format(path))


def intensity_to_rgb(intensity: np.ndarray, cmap: str = "cubehelix", normalize: bool = False) -> np.ndarray:
    """Intensities as colours.

    Args:
        intensity: HxW in [0, 1], or any range with `normalize`. It is not changed.
        cmap: name of a colour map of matplotlib.
        normalize: whether to map the smallest value to 0 and the largest to 1.

    Returns:
        float32 HxWx3 in [0, 255], RGB.
    """
    values = np.asarray(intensity, dtype="float64")
    if values.ndim != 2:
        raise ValueError("intensity_to_rgb: intensity must be HxW; got shape {}".format(values.shape))
    if cmap not in matplotlib.colormaps:
        raise ValueError("intensity_to_rgb: cmap must be a colour map of matplotlib, such as 'viridis'; got {!r}".format(cmap))
    if normalize:
        values = values - values.min()
        values /= values.max() or 1
    return (matplotlib.colormaps[cmap](values)[:, :, :3] * 255).astype("float32")


def draw_text(img: np.ndarray, pos: Tuple[int, int], text: str, color: Sequence[int], font_scale: float = 0.4) -> np.ndarray:
    """A uint8 copy of an image with text on a background of the given colour.

    Args:
        img: HxW or HxWxC, of any dtype, with values in [0, 255]; HxWx3 is BGR.
        pos: (x, y) of the lower left corner; moved so that the text is inside of the image.
        color: of the background (blue, green, red), of which HxW takes the first; the text is black or white.
        font_scale: size of the text relative to that of OpenCV's font, whose form and size depend on the version of OpenCV.
    """
    image = as_pixels(img)
    put_text(image, pos, text, color, font_scale)
    return image


def draw_boxes(im: np.ndarray, boxes: np.ndarray, labels: Optional[Sequence[str]] = None,
               color: Optional[Sequence[int]] = None) -> np.ndarray:
    """A copy of an image, in 3 channels and the same dtype, with boxes on it, large ones first.

    Args:
        im: HxW, HxWx1, or HxWx3 in BGR, of any dtype, with values in [0, 255].
        boxes: Nx4 (x1, y1, x2, y2) in pixels, truncated to integers, inside of the image; N may be 0.
        labels: a text for each box, above its upper edge where there is room.
        color: (blue, green, red); default green.

    Raises:
        ValueError: a box is not inside of the image or has x2 < x1 or y2 < y1, or there is not a label for each box.
    """
    image = _as_color_copy(np.asarray(im))
    boxes = np.asarray(boxes).reshape(-1, 4).astype("int32")
    _check_boxes(boxes, labels, image.shape)
    color = tuple(int(c) for c in (_BOX_COLOR if color is None else color))
    areas = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    for k in np.argsort(-areas, kind="stable"):
        x1, y1, x2, y2 = boxes[k].tolist()
        if labels is not None:
            put_text(image, (x1, y1), labels[k], color)
        draw_rectangle(image, x1, y1, x2, y2, color)
    return image


def _as_color_copy(image: np.ndarray) -> np.ndarray:
    if image.ndim == 2:
        image = image[:, :, np.newaxis]
    if image.ndim != 3 or image.shape[2] not in (1, 3):
        raise ValueError("draw_boxes: im must be HxW, HxWx1 or HxWx3; got shape {}".format(image.shape))
    return image.repeat(3, axis=2) if image.shape[2] == 1 else np.array(image, order="C")


def _check_boxes(boxes: np.ndarray, labels: Optional[Sequence[str]], shape: Tuple[int, ...]) -> None:
    if labels is not None and len(labels) != len(boxes):
        raise ValueError("draw_boxes: there must be a label for each box; got {} boxes and {} labels".format(
            len(boxes), len(labels)))
    x1, y1, x2, y2 = boxes.T
    wrong = (x1 < 0) | (y1 < 0) | (x2 > shape[1]) | (y2 > shape[0]) | (x2 < x1) | (y2 < y1)
    if wrong.any():
        raise ValueError("draw_boxes: boxes must be (x1, y1, x2, y2) with 0 <= x1 <= x2 <= {} and 0 <= y1 <= y2 <= {}; got "
                         "{}".format(shape[1], shape[0], boxes[wrong][0].tolist()))
