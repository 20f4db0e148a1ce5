"""Facts about the library: its version, which `setup.py` reads as text, and whether it will find a GPU."""
from __future__ import annotations

from typing import Any

__all__ = ["__version__", "is_gpu_available"]

__version__ = "1.0.0"


def is_gpu_available(*args: Any, **kwargs: Any) -> bool:
    """Whether TensorFlow is built for CUDA and sees a GPU; unlike `tf.test.is_gpu_available` it initialises none.

    The arguments of that function are taken and make no difference.
    """
    import tensorflow

    tf = tensorflow.compat.v1
    return tf.test.is_built_with_cuda() and bool(tf.config.experimental.list_physical_devices("GPU"))
