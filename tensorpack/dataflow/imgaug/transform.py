"""Transforms: fixed changes of images, coordinates, boxes and masks, as augmentors make them."""
from __future__ import annotations

from typing import Any

from ._transform_base import (
    BaseTransform,
    LazyTransform,
    NoOpTransform,
    PhotometricTransform,
    Transform,
    TransformFactory,
    TransformList,
)
from ._transform_geometry import CropTransform, FlipTransform, ResizeTransform, TransposeTransform, WarpAffineTransform

__all__ = [
    "BaseTransform",
    "CropTransform",
    "FlipTransform",
    "LazyTransform",
    "NoOpTransform",
    "PhotometricTransform",
    "ResizeTransform",
    "Transform",
    "TransformAugmentorBase",  # noqa: F822
    "TransformFactory",
    "TransformList",
    "TransposeTransform",
    "WarpAffineTransform",
]


def __getattr__(name: str) -> Any:
    if name == "TransformAugmentorBase":  # the old name of the augmentors' base class, which stands above this module
        from .base import ImageAugmentor

        return ImageAugmentor
    raise AttributeError("module {!r} has no attribute {!r}".format(__name__, name))
