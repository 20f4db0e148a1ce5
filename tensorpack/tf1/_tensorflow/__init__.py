"""What TensorFlow 2 has lost of TensorFlow 1. The path of a module below this package is its path in TensorFlow 1.

All of it works on TensorFlow 1.15 as well, where tests compare it with the original.
"""
from ._provide import provide

__getattr__, __dir__, __all__ = provide(__name__)
