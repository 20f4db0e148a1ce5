"""What the components of a datapoint are, told by their types and shapes: images, and what is drawn on them."""
from __future__ import annotations

from typing import Any, Dict, Hashable, List, Optional, Tuple

import numpy as np

Components = Dict[Hashable, Any]

_MIN_SIDE = 8  # of an image, in pixels: smaller arrays are rather tables


def components_of(dp: Any) -> Components:
    """The components of a datapoint by index or key; something else than a list, tuple or dict is one without a name."""
    if isinstance(dp, dict):
        return dp
    return dict(enumerate(dp)) if isinstance(dp, (list, tuple)) else {"": dp}


def examples_of(components: Components) -> List[Components]:
    """What a batch of images is made of; anything else is one example."""
    size = batch_size(components)
    if size is None:
        return [components]
    return [{key: value[k] if _length(value) == size else value for key, value in components.items()} for k in range(size)]


def batch_size(components: Components) -> Optional[int]:
    """N, if there are images NxHxWxC or a list of N images, or NxHxW and everything else has the length N too."""
    values = list(components.values())
    for value in values:
        is_array = isinstance(value, np.ndarray) and value.ndim == 4
        if (is_array or isinstance(value, list)) and len(value) and all(_is_picture(each) for each in value):
            return len(value)
    if not any(_is_picture(value) for value in values):
        lengths = {_length(value) for value in values}
        if len(values) > 1 and len(lengths) == 1 and any(_is_gray_batch(value) for value in values):
            return lengths.pop()
    return None


def roles_of(components: Components) -> Dict[Hashable, str]:
    """"image", "label", "boxes", "classes" or "mask" for each component of an example that is drawn.

    - An image is a uint8 or float array HxW, HxWx1, HxWx3 or HxWx4, with 8 pixels at least on each side. HxW of uint8 is a mask
      where it has the size of a first image.
    - The label is the first whole number beside an image.
    - Boxes are the first array Nx4 of numbers beside an image; their classes are a vector of N whole numbers.
    - A mask is an array HxW or NxHxW of the first image's size, of bool or whole numbers.
    """
    roles: Dict[Hashable, str] = {key: "image" for key in _images(components)}
    if not roles:
        return {}
    size = components[next(iter(roles))].shape[:2]
    for key, value in components.items():
        if key in roles:
            continue
        role = _role_beside(value, size)
        if role == "mask" or role is not None and role not in roles.values():
            roles[key] = role
    boxes = next((components[key] for key, role in roles.items() if role == "boxes"), None)
    classes = [key for key, value in components.items() if boxes is not None and _is_vector(value, len(boxes))]
    roles.update((key, "classes") for key in classes[:1])
    return roles


def _images(components: Components) -> List[Hashable]:
    pictures = [key for key, value in components.items() if _is_picture(value)]
    first = ([key for key in pictures if components[key].ndim == 3] or pictures)[:1]
    size = components[first[0]].shape[:2] if first else ()
    others = [key for key in pictures if key not in first and not _is_mask(components[key], size)]
    return first + others


def _role_beside(value: Any, size: Tuple[int, ...]) -> Optional[str]:
    if _is_mask(value, size):
        return "mask"
    if _is_boxes(value):
        return "boxes"
    return "label" if is_whole(value) else None


def is_whole(value: Any) -> bool:
    """Whether it is one whole number."""
    return isinstance(value, (int, np.integer)) and not isinstance(value, bool) \
        or isinstance(value, np.ndarray) and value.ndim == 0 and value.dtype.kind in "iu"


def _is_picture(value: Any) -> bool:
    return isinstance(value, np.ndarray) and (value.dtype == np.uint8 or value.dtype.kind == "f") \
        and (value.ndim == 2 or value.ndim == 3 and value.shape[2] in (1, 3, 4)) and min(value.shape[:2]) >= _MIN_SIDE


def _is_gray_batch(value: Any) -> bool:
    return isinstance(value, np.ndarray) and value.ndim == 3 and len(value) > 0 and _is_picture(value[0])


def _is_mask(value: Any, size: Tuple[int, ...]) -> bool:
    return isinstance(value, np.ndarray) and value.dtype.kind in "biu" and value.ndim in (2, 3) and value.shape[-2:] == size


def _is_boxes(value: Any) -> bool:
    return isinstance(value, np.ndarray) and value.dtype.kind in "iuf" and value.ndim == 2 and value.shape[1] == 4


def _is_vector(value: Any, size: int) -> bool:
    return isinstance(value, np.ndarray) and value.dtype.kind in "iu" and value.shape == (size,)


def _length(value: Any) -> Optional[int]:
    if isinstance(value, np.ndarray):
        return len(value) if value.ndim else None
    return len(value) if isinstance(value, (list, tuple)) else None
