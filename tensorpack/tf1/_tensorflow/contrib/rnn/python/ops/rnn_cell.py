"""The former path of the cells of this package."""
from ..._convolutional_cells import Conv1DLSTMCell, Conv2DLSTMCell, Conv3DLSTMCell, ConvLSTMCell
from ..._gated_cells import IntersectionRNNCell, NASCell, PhasedLSTMCell, UGRNNCell
from ..._independent_cells import IndRNNCell, IndyGRUCell, IndyLSTMCell, SRUCell
from ..._lstm_cells import CoupledInputForgetGateLSTMCell, GLSTMCell, LayerNormBasicLSTMCell
from ..._wrappers import AttentionCellWrapper, HighwayWrapper

__all__ = [
    "AttentionCellWrapper", "Conv1DLSTMCell", "Conv2DLSTMCell", "Conv3DLSTMCell", "ConvLSTMCell",
    "CoupledInputForgetGateLSTMCell", "GLSTMCell", "HighwayWrapper", "IndRNNCell", "IndyGRUCell", "IndyLSTMCell",
    "IntersectionRNNCell", "LayerNormBasicLSTMCell", "NASCell", "PhasedLSTMCell", "SRUCell", "UGRNNCell",
]
