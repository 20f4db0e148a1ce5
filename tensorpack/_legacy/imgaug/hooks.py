"""How augmentors used to be written: `_get_augment_params`, `_augment` and `_augment_coords` in place of `get_transform`."""
from __future__ import annotations

import inspect
from types import MethodType
from typing import Any, Callable, List, Tuple

from ...dataflow.imgaug._transform_base import BaseTransform, TransformFactory
from ...utils._types import wraps
from ...utils.utils import get_rng
from .._spelling import on_subclass, warn_once

_HOOKS = ("_get_augment_params", "_augment", "_augment_coords", "_fprop_coord")


def adapt_base(module: Any) -> None:
    """Old hooks in classes derived from augmentors that have a `get_transform`, and the random stream of those that do not
    call the constructor of their base class."""
    base = module.ImageAugmentor
    base._augment_return_params = _augment_return_params
    for name, hook in (("_get_augment_params", _no_params), ("_augment", _refuse), ("_augment_coords", _as_they_are),
                       ("_fprop_coord", _as_they_are)):
        setattr(base, name, _HookOfBase(name, hook))
    _add_hooks(module.AugmentorList, module.AugmentorList)
    today = base._init

    @wraps(today)
    def _init(self: Any, params: Any = None) -> None:
        today(self, params)
        if "rng" not in vars(self):
            self.rng = get_rng(self)

    base._init = _init
    on_subclass(base, lambda cls: _prepare(cls, (base, module.PhotometricAugmentor)))


class _HookOfBase:
    """A hook of the base class for those who call `super()`; who asks whether an augmentor has the hook does not see it."""

    def __init__(self, name: str, function: Callable[..., Any]):
        self._name = name
        self._function = function

    def __get__(self, instance: Any, owner: Any) -> Any:
        if instance is None:
            return self._function
        if inspect.getattr_static(type(instance), self._name) is self:
            raise AttributeError("{!r} object has no attribute {!r}".format(type(instance).__name__, self._name))
        return MethodType(self._function, instance)


def _no_params(self: Any, img: Any) -> None:
    return None


def _as_they_are(self: Any, coords: Any, params: Any) -> Any:
    return coords


def _refuse(self: Any, img: Any, params: Any) -> Any:
    raise NotImplementedError("{}: an augmentor must define get_transform(img)".format(type(self).__name__))


def _augment_return_params(self: Any, img: Any) -> Tuple[Any, Any]:
    params = self.get_transform(img)
    return params.apply_image(img), params


def _drawn(self: Any, img: Any) -> BaseTransform:
    return _parent_of_hooks(type(self)).get_transform(self, img)


def _augmented(self: Any, img: Any, params: BaseTransform) -> Any:
    return params.apply_image(img)


def _coordinates(self: Any, coords: Any, params: BaseTransform) -> Any:
    return params.apply_coords(coords)


def _prepare(cls: Any, today: Tuple[type, ...]) -> None:
    if "_fprop_coord" in vars(cls) and "_augment_coords" not in vars(cls):
        warn_once("ImageAugmentor._fprop_coord", "get_transform, which returns a Transform with apply_coords")
        cls._augment_coords = cls._fprop_coord
    if cls.__module__.startswith("tensorpack.") and "get_transform" in vars(cls):
        _add_hooks(cls, cls)  # for classes derived from it that call super()
        return
    defined = _defined_hooks(cls)
    parent = _parent_of_hooks(cls)
    if not defined or issubclass(parent, today[1]) or parent is today[0]:
        return  # those two call the hooks themselves
    warn_once("{}.{}".format(parent.__name__, defined[0]), "get_transform, which returns a Transform")
    _add_hooks(cls, parent)
    cls.get_transform = _from_hooks


def _add_hooks(cls: Any, parent: Any) -> None:
    """Hooks by which `cls` does what `get_transform` of `parent` does, where no class up to that one defines them."""
    for name, hook in (("_get_augment_params", _drawn), ("_augment", _augmented), ("_augment_coords", _coordinates)):
        if not any(name in vars(ancestor) for ancestor in cls.__mro__[:cls.__mro__.index(parent) + 1]):
            setattr(cls, name, hook)


def _from_hooks(self: Any, img: Any) -> BaseTransform:
    params = self._get_augment_params(img)
    return TransformFactory("Of the hooks of {}".format(type(self).__name__),
                            apply_image=lambda image: self._augment(image, params),
                            apply_coords=lambda coords: self._augment_coords(coords, params))


def _defined_hooks(cls: Any) -> List[str]:
    """Old hooks defined in classes before the one that has the `get_transform` of today."""
    own = cls.__mro__[:cls.__mro__.index(_parent_of_hooks(cls))]
    return [name for ancestor in own for name in _HOOKS if name in vars(ancestor)]


def _parent_of_hooks(cls: Any) -> Any:
    return next(ancestor for ancestor in cls.__mro__ if vars(ancestor).get("get_transform", _from_hooks) is not _from_hooks)


def adapt_transforms(module: Any) -> None:
    """The parameters of an AugmentorList were a list, one for each augmentor."""

    def __iter__(self: Any) -> Any:
        warn_once("the parameters of an AugmentorList as a list", "Transform.apply_image and apply_coords of all together")
        return iter(self.tfms)

    module.TransformList.__iter__ = __iter__
    module.TransformList.__getitem__ = lambda self, index: list(self)[index]


def adapt_geometry(module: Any) -> None:
    """Attributes of transforms by their old names."""
    for name, renamed in (("ResizeTransform", {"newh": "new_h", "neww": "new_w"}), ("CropTransform", {"h0": "y0", "w0": "x0"})):
        for old, new in renamed.items():
            setattr(getattr(module, name), old, _renamed(name, old, new))


def _renamed(name: str, old: str, new: str) -> property:
    def get(self: Any) -> Any:
        warn_once("{}.{}".format(name, old), new)
        return getattr(self, new)

    return property(get, lambda self, value: setattr(self, new, value))
