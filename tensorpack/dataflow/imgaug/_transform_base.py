"""What a Transform is, lists of them, and those that are made of functions."""
from __future__ import annotations

from typing import Any, Callable, List, Optional, Sequence

import numpy as np

from ._common import Configured, float_boxes


class BaseTransform(Configured):
    """One fixed change of images: `apply_image`, and with it `apply_coords` and whatever else starts with `apply_`.

    Every attribute `apply_*` exists; calling one that the class does not implement raises NotImplementedError.
    """

    def __getattr__(self, name: str) -> Any:
        if not name.startswith("apply_"):
            raise AttributeError("{!r} object has no attribute {!r}".format(type(self).__name__, name))

        def not_implemented(_: Any) -> None:
            raise self._lacks(name)

        return not_implemented

    def inverse(self) -> BaseTransform:
        """The Transform that undoes this one; what cannot be undone is not implemented in it.

        So coordinates found in a changed image can be brought back where the image itself cannot.
        """
        raise self._lacks("inverse")

    def _depends_on_size(self) -> bool:
        """Whether it is right only for images of the size that it was made for, as crops are and flips are not."""
        return False

    def _lacks(self, name: str) -> NotImplementedError:
        return NotImplementedError("{} does not implement method {}".format(type(self).__name__, name))


class Transform(BaseTransform):
    """A deterministic change of images that can be repeated on coordinates, boxes and masks.

    A subclass implements what it can of

    - `apply_image(img)`: HxW or HxWxC, uint8 in [0, 255] or float in [0, 1] or [0, 255];
    - `apply_coords(coords)`: Nx2 float, rows (x, y); the image spans 0..w and 0..h, its first pixel has the centre (0.5, 0.5);
    - `apply_boxes(boxes)`: Nx4 float, rows (x0, y0, x1, y1): the upright box around the four corners, unless overridden;
    - `apply_segmentation(mask)`: masks and label maps, HxW or HxWxC of any dtype; values are moved and never mixed, whatever
      interpolation the image gets, and what comes from outside of the image is 0;
    - `inverse()`.
    """

    def __init__(self) -> None:
        pass

    def apply_boxes(self, boxes: np.ndarray) -> np.ndarray:
        """Nx4 float, rows (x0, y0, x1, y1): upright boxes around the corners after `apply_coords`; they are not clipped."""
        boxes = float_boxes(boxes)
        corners = self.apply_coords(boxes[:, [0, 1, 2, 1, 0, 3, 2, 3]].reshape(-1, 2)).reshape(-1, 4, 2)
        return np.concatenate([corners.min(axis=1), corners.max(axis=1)], axis=1)


def depends_on_size(tfm: Any) -> bool:
    """Whether a transform, which has been applied to an image, is right only for images of that size."""
    return isinstance(tfm, BaseTransform) and tfm._depends_on_size()


class OfOneSize:
    """Mixed into Transforms that are right only for images of the size that they were made for."""

    def _depends_on_size(self) -> bool:
        return True


class TransformList(BaseTransform):
    """Transforms that are applied one after the other. Lists and single Transforms are joined by `+`.

    Args:
        tfms: list of Transforms; kept as it is.
    """

    def __init__(self, tfms: List[BaseTransform]):
        for tfm in tfms:
            if not isinstance(tfm, BaseTransform):
                raise TypeError("TransformList: members must be Transforms; got {}".format(type(tfm).__name__))
        self.tfms = tfms

    def __getattr__(self, name: str) -> Any:
        if not name.startswith("apply_"):
            return super().__getattr__(name)

        def apply(x: Any) -> Any:
            for tfm in self.tfms:
                x = getattr(tfm, name)(x)
            return x

        return apply

    def apply_image(self, img: np.ndarray) -> np.ndarray:
        for tfm in self.tfms:
            img = tfm.apply_image(img)
        return img

    def _depends_on_size(self) -> bool:
        return any(map(depends_on_size, self.tfms))

    def inverse(self) -> TransformList:
        """The inverses of the members in reverse order."""
        return TransformList([tfm.inverse() for tfm in reversed(self.tfms)])

    def __add__(self, other: BaseTransform) -> TransformList:
        return TransformList(list(self.tfms) + _members(other))

    def __iadd__(self, other: BaseTransform) -> TransformList:
        self.tfms.extend(TransformList(_members(other)).tfms)
        return self

    def __radd__(self, other: BaseTransform) -> TransformList:
        return TransformList(_members(other) + list(self.tfms))

    def __repr__(self) -> str:
        lines = ",\n".join("  " + repr(tfm).replace("\n", "\n  ") for tfm in self.tfms)
        return "imgaug.TransformList([\n{}])".format(lines)


def _members(tfm: BaseTransform) -> List[BaseTransform]:
    return list(tfm.tfms) if isinstance(tfm, TransformList) else [tfm]


def join(tfms: Sequence[BaseTransform]) -> TransformList:
    """A TransformList of `tfms` in which the first, if it is a list itself, is replaced by its members."""
    return TransformList(_members(tfms[0]) + list(tfms[1:]) if tfms else [])


class LazyTransform(BaseTransform):
    """Decides what it is by the first image that it is applied to, and stays that.

    Args:
        get_transform: called with that image, returns a Transform.

    Anything but `apply_image` raises RuntimeError before that.
    """

    def __init__(self, get_transform: Callable[[np.ndarray], BaseTransform]):
        self.get_transform = get_transform
        self._transform: Optional[BaseTransform] = None

    def apply_image(self, img: np.ndarray) -> np.ndarray:
        return self.decide(img).apply_image(img)

    def decide(self, img: np.ndarray) -> BaseTransform:
        """What it is: decided by `img` unless it has been decided before."""
        if self._transform is None:
            self._transform = self.get_transform(img)
        return self._transform

    def inverse(self) -> BaseTransform:
        return self._made("inverse").inverse()

    def _depends_on_size(self) -> bool:
        return depends_on_size(self._made("depends_on_size"))

    def __getattr__(self, name: str) -> Any:
        if not name.startswith("apply_"):
            return super().__getattr__(name)
        return lambda x: getattr(self._made(name), name)(x)

    def _made(self, name: str) -> BaseTransform:
        if self._transform is None:
            raise RuntimeError("LazyTransform: {} can only be called after the transform has been applied on an image! "
                               "Call apply_image first".format(name))
        return self._transform

    def __repr__(self) -> str:
        return super().__repr__() if self._transform is None else repr(self._transform)


class NoOpTransform(Transform):
    """Every `apply_*` returns its argument."""

    def __getattr__(self, name: str) -> Any:
        return _identity if name.startswith("apply_") else super().__getattr__(name)

    def apply_boxes(self, boxes: np.ndarray) -> np.ndarray:
        return boxes

    def inverse(self) -> NoOpTransform:
        return self


def _identity(x: Any) -> Any:
    return x


class StationaryTransform(Transform):
    """Base of those that change values of pixels and move nothing."""

    def apply_coords(self, coords: np.ndarray) -> np.ndarray:
        return coords

    def apply_boxes(self, boxes: np.ndarray) -> np.ndarray:
        return boxes

    def apply_segmentation(self, mask: np.ndarray) -> np.ndarray:
        return mask

    def inverse(self) -> Transform:
        """For coordinates, boxes and masks; what the pixels were cannot be told."""
        return StationaryTransform()


class PhotometricTransform(StationaryTransform):
    """Changes the values of pixels by a function; nothing moves.

    Args:
        func: from image to image of the same height and width.
        name: shown in the repr.
    """

    def __init__(self, func: Callable[[np.ndarray], np.ndarray], name: Any = None):
        self.func = func
        self.name = name

    def apply_image(self, img: np.ndarray) -> np.ndarray:
        return self.func(img)

    def __repr__(self) -> str:
        return "imgaug.PhotometricTransform({})".format(self.name)


class TransformFactory(Transform):
    """A Transform made of functions.

    Args:
        name: shown in the repr.
        kwargs: `apply_image=function` and others that start with `apply_`.

    Raises KeyError if another argument is given.
    """

    def __init__(self, name: Optional[str] = None, **kwargs: Callable[[Any], Any]):
        for key, func in kwargs.items():
            if not key.startswith("apply_"):
                raise KeyError("Unknown argument '{}' in TransformFactory!".format(key))
            if not callable(func):
                raise TypeError("TransformFactory: {} must be callable; got {!r}".format(key, func))
        self.name = name
        self.__dict__.update(kwargs)

    def __repr__(self) -> str:
        return "imgaug.TransformFactory({})".format(self.name)
