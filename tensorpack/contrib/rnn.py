"""Recurrent cells and the loops that unroll them, with the signatures, variable names and arithmetic of `tf.nn.rnn_cell`.

TensorFlow has lost them with Keras 3. Checkpoints of TensorFlow's own cells load into these, and the other way round.
"""
from __future__ import annotations

from ._rnn.cell import RNNCell
from ._rnn.cells import BasicLSTMCell, BasicRNNCell, GRUCell, LSTMCell, LSTMStateTuple
from ._rnn.loops import bidirectional_dynamic_rnn, dynamic_rnn, static_rnn
from ._rnn.wrappers import DropoutWrapper, MultiRNNCell, ResidualWrapper

__all__ = [
    "BasicLSTMCell", "BasicRNNCell", "DropoutWrapper", "GRUCell", "LSTMCell", "LSTMStateTuple", "MultiRNNCell", "RNNCell",
    "ResidualWrapper", "bidirectional_dynamic_rnn", "dynamic_rnn", "static_rnn",
]
