"""Shapes of which some sizes are known when the graph is built and the others only when it runs."""
from __future__ import annotations

from typing import Any, Callable, List, Optional

from ..compat import tfv1 as tf

__all__ = ["StaticDynamicAxis", "StaticDynamicShape"]


class StaticDynamicAxis:
    """One size of a tensor.

    Args:
        static: the size as an int, or None if it is unknown when the graph is built.
        dynamic: the size when the graph runs: the same int, or a scalar int32 tensor.
    """

    def __init__(self, static: Optional[int], dynamic: Any):
        self.static = static
        self.dynamic = dynamic

    def apply(self, f: Callable[[Any], Any]) -> StaticDynamicAxis:
        """Another one with the size `f(size)`: of the static size for both if it is known, else of the dynamic one."""
        if self.static is None:
            return StaticDynamicAxis(None, f(self.dynamic))
        size = f(self.static)
        return StaticDynamicAxis(size, size)

    def __repr__(self) -> str:
        return "StaticDynamicAxis(static={!r}, dynamic={!r})".format(self.static, self.dynamic)


class StaticDynamicShape:
    """The shape of a tensor, static where known and dynamic otherwise; sizes can be changed before it is read."""

    def __init__(self, tensor: Any):
        self.ndims: int = tensor.shape.ndims
        sizes = tensor.shape.as_list()
        dynamic: Any = None if tensor.shape.is_fully_defined() else tf.shape(tensor)
        self._axes: List[StaticDynamicAxis] = [StaticDynamicAxis(size, dynamic[axis] if size is None else size)
                                               for axis, size in enumerate(sizes)]

    def apply(self, axis: int, f: Callable[[Any], Any]) -> None:
        """Replace the size of `axis` by `f(size)`, where `size` is an int or a scalar int32 tensor."""
        self._axes[axis] = self._axes[axis].apply(f)

    def get_static(self) -> List[Optional[int]]:
        """The sizes known when the graph is built; None for the others."""
        return [axis.static if isinstance(axis.static, int) else None for axis in self._axes]

    def get_dynamic(self, axis: Optional[int] = None) -> Any:
        """The size of one axis, or all of them as one int32 tensor."""
        return tf.stack([each.dynamic for each in self._axes]) if axis is None else self._axes[axis].dynamic
