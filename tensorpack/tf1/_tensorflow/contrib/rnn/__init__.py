"""`tf.contrib.rnn`: the cells and loops of `tf.nn`, and the cells, wrappers and fused networks that were never moved there."""
from ..._provide import provide

__getattr__, __dir__, __all__ = provide(__name__, {
    "_block_cells": ["GRUBlockCell", "GRUBlockCellV2", "LSTMBlockCell"],
    "_convolutional_cells": ["Conv1DLSTMCell", "Conv2DLSTMCell", "Conv3DLSTMCell", "ConvLSTMCell"],
    "_fused": ["FusedRNNCell", "FusedRNNCellAdaptor", "LSTMBlockFusedCell", "LSTMBlockWrapper", "TimeReversedFusedRNN"],
    "_gated_cells": ["IntersectionRNNCell", "NASCell", "PhasedLSTMCell", "UGRNNCell"],
    "_independent_cells": ["IndRNNCell", "IndyGRUCell", "IndyLSTMCell", "SRUCell"],
    "_loops": ["best_effort_input_batch_size", "stack_bidirectional_dynamic_rnn", "stack_bidirectional_rnn",
               "static_bidirectional_rnn", "static_rnn", "static_state_saving_rnn", "transpose_batch_time"],
    "_lstm_cells": ["CoupledInputForgetGateLSTMCell", "GLSTMCell", "LayerNormBasicLSTMCell"],
    "_names": ["BasicLSTMCell", "BasicRNNCell", "DeviceWrapper", "DropoutWrapper", "GRUCell", "LSTMCell", "LSTMStateTuple",
               "LayerRNNCell", "MultiRNNCell", "RNNCell", "ResidualWrapper"],
    "_wrappers": ["AttentionCellWrapper", "EmbeddingWrapper", "HighwayWrapper", "InputProjectionWrapper",
                  "OutputProjectionWrapper"],
})
