"""What layers take as arguments, beside tensors and numbers."""
from __future__ import annotations

from typing import Any, Callable, Union

from ..utils._types import AnyFunction

Activation = Union[None, str, Callable[[Any], Any]]  # of a tensor, or its Keras name
Initializer = Union[str, AnyFunction]  # of a shape, a dtype and, in TensorFlow 1.15, partition_info; or its Keras name
Regularizer = Union[str, Callable[[Any], Any]]  # of a variable or output: a scalar loss, or None; or its Keras name
