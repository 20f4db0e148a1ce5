"""An older name of `core_rnn_cell`."""
from .core_rnn_cell import *  # noqa: F403
from .core_rnn_cell import _Linear, _linear  # noqa: F401
