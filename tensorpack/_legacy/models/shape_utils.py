"""Shapes, static or dynamic, as they were made of one size each."""
from __future__ import annotations

from typing import Any, Callable

from ...compat import tfv1 as tf
from ...utils._types import wraps


class DynamicLazyAxis:
    """The size of an axis, called for when it is needed."""

    def __init__(self, shape: Any, idx: int):
        self.shape, self.idx = shape, idx

    def __call__(self) -> Any:
        return self.shape[self.idx]


def disable_autograph() -> Callable[[Any], Any]:
    """A decorator: TensorFlow takes the function as it is."""
    return tf.autograph.experimental.do_not_convert


def adapt_shapes(module: Any) -> None:
    """`StaticDynamicShape(static, dynamic)` is what StaticDynamicAxis is today, and `get_static` takes an axis."""
    shape = module.StaticDynamicShape

    def __new__(cls: Any, *args: Any, **kwargs: Any) -> Any:
        if len(args) + len(kwargs) == 2:
            return module.StaticDynamicAxis(*args, **kwargs)
        return object.__new__(cls)

    today = shape.get_static

    @wraps(today)
    def get_static(self: Any, axis: Any = None) -> Any:
        sizes = today(self)
        return sizes if axis is None else sizes[axis]

    shape.__new__, shape.get_static = __new__, get_static
