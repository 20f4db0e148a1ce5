"""`tensorflow.examples`."""
from .._provide import provide

__getattr__, __dir__, __all__ = provide(__name__)
