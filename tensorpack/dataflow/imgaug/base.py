"""What an augmentor is: it draws random parameters for an image and returns them as a Transform, which does the work."""
from __future__ import annotations

import itertools
import os
import weakref
from collections import namedtuple
from typing import Any, List, Optional, Sequence, Tuple, Union

import numpy as np

from ...utils.argtools import log_once
from ...utils.develop import deprecated
from ...utils.utils import get_rng
from ..base import CreatedByReset
from ._arguments import list_of_augmentors
from ._common import Configured, check_dtype, cv2
from ._transform_base import (
    BaseTransform,
    LazyTransform,
    PhotometricTransform,
    TransformFactory,
    TransformList,
    join,
)
from ._value_range import warn_of_unit_range

__all__ = ["Augmentor", "AugmentorList", "ImageAugmentor", "ImagePlaceholder", "PhotometricAugmentor"]

_MAX_CHANNELS = 16  # of an image of the height 1 or 3 that is not taken for one with its channels first

ImagePlaceholder = namedtuple("ImagePlaceholder", ["shape"])
ImagePlaceholder.__doc__ = "Stands for an image where only its shape matters: crops, resizes and flips need no more."

# Augmentors of this process by the order of their construction. A forked child gives all of them a stream of its own.
_alive: weakref.WeakValueDictionary[int, ImageAugmentor] = weakref.WeakValueDictionary()
_numbers = itertools.count()


def _reset_in_child() -> None:
    for augmentor in list(_alive.values()):
        augmentor.reset_state()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_reset_in_child)


class ImageAugmentor(Configured):
    """Base class of augmentors.

    A subclass calls `super().__init__()` and defines `get_transform(img)`, which draws from `self.rng`, a
    `numpy.random.RandomState`, and returns a Transform:

    >>> from tensorpack.dataflow import imgaug
    >>> class RandomBorder(imgaug.ImageAugmentor):
    ...     def __init__(self, width):
    ...         super().__init__()
    ...         self.width = width
    ...
    ...     def get_transform(self, img):
    ...         h, w = img.shape[:2]
    ...         k = self.rng.randint(self.width + 1)
    ...         return imgaug.CropTransform(k, k, h - 2 * k, w - 2 * k)
    >>> RandomBorder(width=3)
    imgaug.RandomBorder(width=3)

    `draws_by_shape = True` in the class that defines `get_transform` promises that it reads nothing of `img` but its shape, as
    the one above. Then a flow may draw before there are pixels, see `DecodeAndAugment`.

    Every augmentor has a random stream of its own, repeatable under `fix_rng_seed`, and gets a new one in `reset_state` and in
    each forked process.
    """

    rng: CreatedByReset[np.random.RandomState] = CreatedByReset()
    draws_by_shape = False

    def __init__(self) -> None:
        cv2.INTER_LINEAR  # noqa: B018  a missing OpenCV should show here, and a worker process be forked after its import
        self.reset_state()
        _alive[next(_numbers)] = self

    def reset_state(self) -> None:
        """Start a new random stream; may be called at any time.

        The constructor calls it, so a subclass that overrides it sets what it needs before `super().__init__()`.
        """
        self.rng = get_rng(self)

    def _rand_range(self, low: float = 1.0, high: Any = None, size: Any = None) -> Union[float, np.ndarray]:
        """Uniform in [low, high), or in [0, low) if `high` is missing: a float32 array of shape `size`, else a float."""
        if high is None:
            low, high = 0, low
        drawn = np.asarray(self.rng.uniform(low, high, size), dtype="float32")
        return float(drawn) if size is None else drawn  # OpenCV takes no arrays for numbers

    def get_transform(self, img: np.ndarray) -> BaseTransform:
        """Draw what is random and return a Transform.

        Args:
            img: the image that it is for, HxW or HxWxC; augmentors of the library look at its shape only.
        """
        return _legacy_transform(self, img)

    def augment(self, img: np.ndarray) -> np.ndarray:
        """A new Transform applied to `img`. It may change `img`, or return a view of it."""
        check_dtype(img)
        return self.get_transform(img).apply_image(img)

    @deprecated("Please use `get_transform` instead!", max_num_warnings=3)
    def augment_return_params(self, d: np.ndarray) -> Tuple[np.ndarray, BaseTransform]:
        """The augmented image and the Transform."""
        check_dtype(d)
        tfm = self.get_transform(d)
        return tfm.apply_image(d), tfm

    @deprecated("Please use `Transform.apply_image` instead!", max_num_warnings=3)
    def augment_with_params(self, d: np.ndarray, param: BaseTransform) -> np.ndarray:
        """`param.apply_image(d)` for a Transform `param`."""
        return param.apply_image(d)

    @deprecated("Please use `Transform.apply_coords` instead!", max_num_warnings=3)
    def augment_coords(self, coords: np.ndarray, param: BaseTransform) -> np.ndarray:
        """`param.apply_coords(coords)` for a Transform `param`."""
        return param.apply_coords(coords)


def draws_by_shape(get_transform: Any) -> bool:
    """Whether the class that defines `get_transform` of an augmentor, or one that inherits it, promises `draws_by_shape`."""
    augmentor = getattr(get_transform, "__self__", None)
    for cls in type(augmentor).__mro__:
        if "draws_by_shape" in vars(cls):
            return bool(vars(cls)["draws_by_shape"])
        if "get_transform" in vars(cls):
            return False
    return False


Augmentor = ImageAugmentor  # the name used by scripts written before Transforms existed


def _legacy_transform(augmentor: Any, img: np.ndarray) -> BaseTransform:
    """For classes that define `_augment(img, params)` and the like, as was the way before Transforms existed."""
    draw = getattr(augmentor, "_get_augment_params", None) or getattr(augmentor, "get_augment_params", None)
    augment = getattr(augmentor, "_augment", None)
    name = type(augmentor).__name__
    if draw is None and augment is None:
        raise NotImplementedError("{}: an augmentor must define get_transform(img)".format(name))
    log_once("The old augmentor interface was deprecated. Please implement {} with `get_transform` instead!".format(name),
             "warning")
    params = None if draw is None else draw(img)
    if isinstance(params, BaseTransform):
        return params
    if augment is None:
        raise NotImplementedError("{}: an augmentor must define _augment(img, params), unless its parameters are a Transform"
                                  .format(name))
    augment_coords = getattr(augmentor, "_augment_coords", lambda coords, _: coords)
    return TransformFactory("LegacyConversion -- " + name, apply_image=lambda img: augment(img, params),
                            apply_coords=lambda coords: augment_coords(coords, params))


class PhotometricAugmentor(ImageAugmentor):
    """Base class of augmentors that change values of pixels only.

    A subclass defines `_augment(img, params)`, which returns the new image, and `_get_augment_params(img)`, which draws
    `params`; without the latter they are None.
    """

    def get_transform(self, img: np.ndarray) -> PhotometricTransform:
        consequence = self._spoils_unit_range()
        if consequence is not None:
            warn_of_unit_range(self, img, consequence)
        func = _AugmentWith(self, self._get_augment_params(img))
        return PhotometricTransform(func, name=func)

    def _get_augment_params(self, img: np.ndarray) -> Any:
        return None

    def _spoils_unit_range(self) -> Optional[str]:
        """What becomes of float images in [0, 1], if the numbers that it works with are for [0, 255]."""
        return None

    def _augment(self, img: np.ndarray, params: Any) -> np.ndarray:
        raise NotImplementedError("{}: a photometric augmentor must define _augment(img, params)".format(type(self).__name__))


class _AugmentWith:
    """`augmentor._augment` with parameters that were drawn; it is its name, too."""

    def __init__(self, augmentor: PhotometricAugmentor, params: Any):
        self.augmentor = augmentor
        self.params = params

    def __call__(self, img: np.ndarray) -> np.ndarray:
        return self.augmentor._augment(img, self.params)

    def __str__(self) -> str:
        return "from {}".format(self.augmentor)


class AugmentorList(ImageAugmentor):
    """Augmentors applied one after the other; an empty list changes nothing.

    Each of them sees the image as the ones before have left it. So the Transform must be applied to an image before it is
    applied to anything else.

    Args:
        augmentors: list or tuple.

    Raises:
        TypeError: it is no list, or an element is no augmentor.
    """

    def __init__(self, augmentors: Sequence[ImageAugmentor]):
        self.augmentors: List[ImageAugmentor] = list_of_augmentors("AugmentorList", "augmentors", augmentors)
        super().__init__()

    def reset_state(self) -> None:
        super().reset_state()
        for augmentor in self.augmentors:
            augmentor.reset_state()

    def get_transform(self, img: np.ndarray) -> TransformList:
        if len(img.shape) not in (2, 3):
            raise ValueError("AugmentorList: the image must be HxW or HxWxC; got shape {}".format(tuple(img.shape)))
        if len(img.shape) == 3 and img.shape[0] in (1, 3) and min(img.shape[1:]) > _MAX_CHANNELS:
            log_once("AugmentorList: an image of shape {} seems to have its channels first, and is taken for one of height {}; "
                     "augmentors take HxWxC: img.transpose(1, 2, 0).".format(tuple(img.shape), img.shape[0]), "warning")
        first = [augmentor.get_transform(img) for augmentor in self.augmentors[:1]]
        return join(first + [LazyTransform(augmentor.get_transform) for augmentor in self.augmentors[1:]])
