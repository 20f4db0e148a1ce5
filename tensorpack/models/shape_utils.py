"""Shapes of which some sizes are known when the graph is built and the others only when it runs."""
from __future__ import annotations

from typing import Any, Callable, List, Optional

from ..compat import tfv1 as tf

__all__ = ["StaticDynamicShape"]


class StaticDynamicShape:
    """The shape of a tensor, static where known and dynamic otherwise; sizes can be changed before it is read."""

    def __init__(self, tensor: Any):
        self.ndims: int = tensor.shape.ndims
        self._static: List[Optional[int]] = tensor.shape.as_list()
        dynamic = None if tensor.shape.is_fully_defined() else tf.shape(tensor)
        self._dynamic: List[Any] = [dynamic[axis] if size is None else size for axis, size in enumerate(self._static)]

    def apply(self, axis: int, f: Callable[[Any], Any]) -> None:
        """Replace the size of `axis` by `f(size)`, where `size` is an int or a scalar int32 tensor."""
        size = f(self._dynamic[axis])
        self._dynamic[axis] = size
        self._static[axis] = size if isinstance(size, int) else None

    def get_static(self) -> List[Optional[int]]:
        """The sizes known when the graph is built; None for the others."""
        return list(self._static)

    def get_dynamic(self, axis: Optional[int] = None) -> Any:
        """The size of one axis, or all of them as one int32 tensor."""
        return tf.stack(self._dynamic) if axis is None else self._dynamic[axis]
