"""The former path of GRU cells of one operation."""
from ..._block_cells import GRUBlockCell, GRUBlockCellV2

__all__ = ["GRUBlockCell", "GRUBlockCellV2"]
