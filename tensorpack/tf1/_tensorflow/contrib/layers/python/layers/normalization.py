"""`tensorflow.contrib.layers.python.layers.normalization`."""
from ..._normalization import group_norm, instance_norm

__all__ = ["group_norm", "instance_norm"]
