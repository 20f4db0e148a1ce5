"""Augmentors that apply, choose among, or order other augmentors."""
from __future__ import annotations

from typing import Any, Callable, List, Optional, Sequence

import numpy as np

from ...utils._arguments.functions import check_function
from ._arguments import list_of_augmentors, one_augmentor, probability
from ._transform_base import BaseTransform, NoOpTransform, TransformFactory, TransformList
from .base import ImageAugmentor

__all__ = ["Identity", "MapImage", "RandomApplyAug", "RandomChooseAug", "RandomOrderAug"]

ArrayFunction = Callable[[np.ndarray], np.ndarray]


class Identity(ImageAugmentor):
    """Changes nothing."""

    def get_transform(self, img: np.ndarray) -> NoOpTransform:
        return NoOpTransform()


class RandomApplyAug(ImageAugmentor):
    """Applies an augmentor with a probability.

    Args:
        aug: the augmentor.
        prob: probability.
    """

    def __init__(self, aug: ImageAugmentor, prob: float):
        self.aug: ImageAugmentor = one_augmentor(self, "aug", aug)
        self.prob = probability(self, "prob", prob)
        super().__init__()

    def reset_state(self) -> None:
        super().reset_state()
        self.aug.reset_state()

    def get_transform(self, img: np.ndarray) -> BaseTransform:
        return self.aug.get_transform(img) if self.rng.rand() < self.prob else NoOpTransform()


class RandomChooseAug(ImageAugmentor):
    """Applies one of several augmentors.

    Args:
        aug_lists: list of augmentors, which are equally likely, or of pairs (augmentor, probability).
    """

    def __init__(self, aug_lists: Sequence[Any]):
        if not isinstance(aug_lists, (list, tuple)):
            list_of_augmentors(self, "aug_lists", aug_lists)  # raises
        if not aug_lists:
            raise ValueError("RandomChooseAug: aug_lists must not be empty")
        pairs = [isinstance(item, (tuple, list)) for item in aug_lists]
        if any(pairs) and not all(pairs):
            raise ValueError("RandomChooseAug: aug_lists must hold augmentors only, or pairs (augmentor, probability) only")
        self.aug_lists: List[ImageAugmentor] = list_of_augmentors(
            self, "aug_lists", [item[0] if all(pairs) else item for item in aug_lists])
        self.prob: List[float] = [probability(self, "each probability in aug_lists", item[1]) if all(pairs)
                                  else 1.0 / len(aug_lists) for item in aug_lists]
        if abs(sum(self.prob) - 1) > 1e-6:
            raise ValueError("RandomChooseAug: the probabilities in aug_lists must have a sum of 1; got {}".format(self.prob))
        super().__init__()

    def reset_state(self) -> None:
        super().reset_state()
        for aug in self.aug_lists:
            aug.reset_state()

    def get_transform(self, img: np.ndarray) -> BaseTransform:
        return self.aug_lists[self.rng.choice(len(self.aug_lists), p=self.prob)].get_transform(img)


class RandomOrderAug(ImageAugmentor):
    """Applies all augmentors in random order.

    All of them see the shape of the original image, so none may change the shape.

    Args:
        aug_lists: list of augmentors.
    """

    def __init__(self, aug_lists: Sequence[ImageAugmentor]):
        self.aug_lists: List[ImageAugmentor] = list_of_augmentors(self, "aug_lists", aug_lists)
        super().__init__()

    def reset_state(self) -> None:
        super().reset_state()
        for aug in self.aug_lists:
            aug.reset_state()

    def get_transform(self, img: np.ndarray) -> TransformList:
        order = self.rng.permutation(len(self.aug_lists))
        tfms = [aug.get_transform(img) for aug in self.aug_lists]
        return TransformList([tfms[k] for k in order])


class MapImage(ImageAugmentor):
    """Applies a function to the image.

    Args:
        func: from image to image.
        coord_func: from coordinates to coordinates; without it they cannot be augmented.
        segmentation_func: from label map to label map; without it they cannot be augmented.
    """

    def __init__(self, func: ArrayFunction, coord_func: Optional[ArrayFunction] = None, *,
                 segmentation_func: Optional[ArrayFunction] = None):
        for name, function in [("func", func), ("coord_func", coord_func), ("segmentation_func", segmentation_func)]:
            if function is not None or name == "func":
                check_function(self, name, function, "of an array, one argument")
        self.func = func
        self.coord_func = coord_func
        self.segmentation_func = segmentation_func
        super().__init__()

    def get_transform(self, img: np.ndarray) -> TransformFactory:
        functions = {"apply_image": self.func, "apply_coords": self.coord_func, "apply_segmentation": self.segmentation_func}
        return TransformFactory("MapImage", **{name: func for name, func in functions.items() if func is not None})
