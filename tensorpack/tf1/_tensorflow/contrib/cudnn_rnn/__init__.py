"""`tf.contrib.cudnn_rnn`: the cells that compute on any device what its networks compute on a GPU."""
from __future__ import annotations

from ....._exports import attach

__getattr__, __dir__, __all__ = attach(__name__, {"_cells": ["CudnnCompatibleGRUCell", "CudnnCompatibleLSTMCell"]})
