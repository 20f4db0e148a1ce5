"""`tf.contrib.cudnn_rnn`: the cells that compute on any device what its networks compute on a GPU."""
from ..._provide import provide

__getattr__, __dir__, __all__ = provide(__name__, {"_cells": ["CudnnCompatibleGRUCell", "CudnnCompatibleLSTMCell"]})
