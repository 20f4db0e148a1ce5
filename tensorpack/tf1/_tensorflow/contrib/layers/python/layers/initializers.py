"""`tensorflow.contrib.layers.python.layers.initializers`."""
from ..._initializers import variance_scaling_initializer, xavier_initializer, xavier_initializer_conv2d

__all__ = ["variance_scaling_initializer", "xavier_initializer", "xavier_initializer_conv2d"]
