"""Gradients of functions that run eagerly."""
from __future__ import annotations

from .....compat import inner_module

_backprop = inner_module("eager.backprop")

gradients_function = _backprop.gradients_function
implicit_gradients = _backprop.implicit_grad
implicit_value_and_gradients = _backprop.implicit_val_and_grad
value_and_gradients_function = _backprop.val_and_grad_function

__all__ = ["gradients_function", "implicit_gradients", "implicit_value_and_gradients", "value_and_gradients_function"]
