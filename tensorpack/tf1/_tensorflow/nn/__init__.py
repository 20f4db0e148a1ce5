"""`tf.nn`: TensorFlow's own names, and the recurrent cells. Its own loops (`dynamic_rnn`, `raw_rnn`, ...) run these cells."""
from .._provide import provide

__getattr__, __dir__, __all__ = provide(__name__)
