"""`tf.contrib.slim.nets`: networks for images, a module for each family."""
from __future__ import annotations

from ...._provide import provide

_NETWORKS = ("alexnet", "inception", "overfeat", "resnet_utils", "resnet_v1", "resnet_v2", "vgg")

__getattr__, __dir__, __all__ = provide(__name__, modules={name: ".python.slim.nets." + name for name in _NETWORKS})
