"""The former path of LSTMs of one operation."""
from ..._block_cells import LSTMBlockCell
from ..._fused import LSTMBlockFusedCell, LSTMBlockWrapper

__all__ = ["LSTMBlockCell", "LSTMBlockFusedCell", "LSTMBlockWrapper"]
