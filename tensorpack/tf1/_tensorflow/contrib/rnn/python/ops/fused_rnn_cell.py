"""The former path of networks over all steps."""
from ..._fused import FusedRNNCell, FusedRNNCellAdaptor, TimeReversedFusedRNN

__all__ = ["FusedRNNCell", "FusedRNNCellAdaptor", "TimeReversedFusedRNN"]
