"""DataFlows as the sources of data of other frameworks: PyTorch, eager TensorFlow with Keras 3, and JAX.

Each framework is imported by the function that needs it.
"""
from __future__ import annotations

from ._jax import as_jax
from ._tensorflow import as_tf_dataset
from ._torch import as_torch

__all__ = ["as_jax", "as_tf_dataset", "as_torch"]
