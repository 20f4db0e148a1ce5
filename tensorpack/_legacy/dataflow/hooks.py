"""`get_data` and `size` where some classes define these and others `__iter__` and `__len__`: the most derived one counts."""
from __future__ import annotations

from typing import Any

from .._spelling import on_subclass

_NAMES = {"get_data": "__iter__", "size": "__len__"}


def adapt_base(module: Any) -> None:
    base = module.DataFlow
    for old, new in _NAMES.items():
        setattr(base, old, _of_parent(base, old, new))

    def prepare(cls: Any) -> None:
        for old, new in _NAMES.items():
            if new in vars(cls) and old not in vars(cls) and getattr(cls, old) is not vars(base)[old]:
                setattr(cls, old, vars(cls)[new])  # else the old one of a parent would come first

    on_subclass(base, prepare)


def _of_parent(base: Any, old: str, new: str) -> Any:
    """The old name in the base class: for those who call `super()`, the new one of the classes above the last with the old."""

    def method(self: Any) -> Any:
        order = type(self).__mro__
        above = max([k + 1 for k, cls in enumerate(order) if old in vars(cls) and cls is not base], default=0)
        defined = next(vars(cls)[new] for cls in order[above:] if new in vars(cls))
        return defined.__get__(self)()

    method.__name__ = method.__qualname__ = old
    method.__doc__ = "The same as `{}`, for scripts written before it existed.".format(new)
    return method
