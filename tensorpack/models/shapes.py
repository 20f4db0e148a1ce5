"""Layers that only rearrange tensors."""
from __future__ import annotations

from typing import Any, Sequence, Union

from ..compat import is_tensor_like
from ..compat import tfv1 as tf
from ..utils._arguments.numbers import whole_number
from .registry import layer_register

__all__ = ["ConcatWith"]


@layer_register(use_scope=None)
def ConcatWith(x: Any, tensor: Union[Any, Sequence[Any]], dim: int) -> Any:
    """Concatenate `x` with one tensor, or a list or tuple of them, along axis `dim`; for use in `LinearWrap`.

    Called as `ConcatWith(x, tensor, dim)` or `ConcatWith("name", x, tensor, dim)`. All shapes must agree but for that axis.
    Output tensor: `concat` in the current scope.
    """
    others = [tensor] if is_tensor_like(tensor) else list(tensor)
    return tf.concat([x] + others, dim if is_tensor_like(dim) else whole_number("ConcatWith", "dim", dim))
