"""An older name of `core_rnn_cell`."""
from ._linear import Linear as _Linear  # noqa: F401
from ._linear import linear as _linear  # noqa: F401
from .core_rnn_cell import *  # noqa: F403
