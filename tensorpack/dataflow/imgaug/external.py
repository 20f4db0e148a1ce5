"""Augmentors of other libraries, as augmentors of this one."""
from __future__ import annotations

import random
import warnings
from contextlib import contextmanager
from typing import Any, Dict, Iterator, Tuple

import numpy as np

from ...utils.optional import optional_import
from ._common import float_coords
from ._sampling import rearrange
from ._transform_base import OfOneSize, Transform
from .base import ImageAugmentor

__all__ = ["Albumentations", "IAAugmentor"]

albumentations = optional_import("albumentations", needed_by="imgaug.Albumentations", pip="albumentations")
keypoints = optional_import("imgaug.augmentables.kps", needed_by="imgaug.IAAugmentor", pip="imgaug")
segmaps = optional_import("imgaug.augmentables.segmaps", needed_by="imgaug.IAAugmentor", pip="imgaug")

_MAX_SEED = 2 ** 31 - 1


class IAAugmentor(ImageAugmentor):
    """An augmentor of the package `imgaug`, for uint8 images. Coordinates follow as its key points, masks as its label maps.

    Args:
        augmentor: an `imgaug.augmenters.Augmenter`.
    """

    def __init__(self, augmentor: Any):
        self.augmentor = augmentor
        super().__init__()

    def get_transform(self, img: np.ndarray) -> Transform:
        fixed = self.augmentor.to_deterministic()
        seed = self.rng.randint(_MAX_SEED)
        if hasattr(fixed, "seed_"):  # else an old version, which can only draw from its own stream
            fixed.seed_(seed, deterministic_too=True)
        return _IATransform(fixed, tuple(img.shape))


class _IATransform(OfOneSize, Transform):

    def __init__(self, augmentor: Any, shape: Tuple[int, ...]):
        self.augmentor = augmentor
        self.shape = shape

    def apply_image(self, img: np.ndarray) -> np.ndarray:
        return self.augmentor.augment_image(img)

    def apply_segmentation(self, mask: np.ndarray) -> np.ndarray:
        return rearrange(mask, self._move_labels)

    def _move_labels(self, labels: np.ndarray) -> np.ndarray:
        """For labels from 0; -1 is put where there is none, which is 0 in that package."""
        moved = self.augmentor.augment_segmentation_maps([segmaps.SegmentationMapsOnImage(labels + 1, shape=self.shape)])[0]
        return moved.get_arr() - 1

    def apply_coords(self, coords: np.ndarray) -> np.ndarray:
        coords = float_coords(coords)
        if len(coords) == 0:
            return coords
        points = keypoints.KeypointsOnImage([keypoints.Keypoint(x=x, y=y) for x, y in coords.tolist()], shape=self.shape)
        moved = self.augmentor.augment_keypoints([points])[0]
        return np.array([[point.x, point.y] for point in moved.keypoints], dtype=coords.dtype)


class Albumentations(ImageAugmentor):
    """An augmentor of the package `albumentations`: one transform with its probability, or a `Compose`.

    Coordinates follow as its key points and `apply_segmentation` takes masks, for transforms that support them.

    Args:
        augmentor: an `albumentations` transform or composition.
    """

    def __init__(self, augmentor: Any):
        self.augmentor = augmentor
        params = albumentations.KeypointParams(format="xy", remove_invisible=False)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Got processor for keypoints")  # said where nothing moves
            self._pipeline = albumentations.Compose([augmentor], keypoint_params=params)
        super().__init__()

    def get_transform(self, img: np.ndarray) -> Transform:
        return _AlbumentationsTransform(self._pipeline, img, int(self.rng.randint(_MAX_SEED)))


class _AlbumentationsTransform(OfOneSize, Transform):
    """Runs the pipeline with a fixed seed, so that each run draws the same."""

    def __init__(self, pipeline: Any, img: np.ndarray, seed: int):
        self.pipeline = pipeline
        self.img = img  # drawing may depend on it
        self.seed = seed

    def _run(self, img: np.ndarray, **targets: Any) -> Dict[str, Any]:
        targets.setdefault("keypoints", [])
        if hasattr(self.pipeline, "set_random_seed"):
            self.pipeline.set_random_seed(self.seed)
            return self.pipeline(image=img, **targets)
        with _global_seed(self.seed):  # older versions draw from Python's global stream
            return self.pipeline(image=img, **targets)

    def apply_image(self, img: np.ndarray) -> np.ndarray:
        return self._run(img)["image"]

    def apply_segmentation(self, mask: np.ndarray) -> np.ndarray:
        return self._run(self.img, mask=mask)["mask"]

    def apply_coords(self, coords: np.ndarray) -> np.ndarray:
        coords = float_coords(coords)
        if len(coords) == 0:
            return coords
        pixels = [tuple(point) for point in (coords - 0.5).tolist()]  # the centre of its first pixel is (0, 0)
        moved = self._run(self.img, keypoints=pixels)["keypoints"]
        return np.array([point[:2] for point in moved], dtype=coords.dtype) + coords.dtype.type(0.5)


@contextmanager
def _global_seed(seed: int) -> Iterator[None]:
    python_state, numpy_state = random.getstate(), np.random.get_state()
    random.seed(seed)
    np.random.seed(seed)
    try:
        yield
    finally:
        random.setstate(python_state)
        np.random.set_state(numpy_state)
