"""`tf.contrib`: one package for each of TensorFlow 1.15's that is provided."""
from .._provide import provide

__getattr__, __dir__, __all__ = provide(__name__)
