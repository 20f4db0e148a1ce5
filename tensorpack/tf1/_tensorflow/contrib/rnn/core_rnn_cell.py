"""The former module of cells with linear maps, and of the maps themselves."""
from __future__ import annotations

from ._linear import Linear as _Linear  # noqa: F401  (the private names are those that programs import)
from ._linear import linear as _linear  # noqa: F401
from ._names import (
    BasicLSTMCell,
    BasicRNNCell,
    DeviceWrapper,
    DropoutWrapper,
    GRUCell,
    LayerRNNCell,
    LSTMCell,
    LSTMStateTuple,
    MultiRNNCell,
    ResidualWrapper,
    RNNCell,
)
from ._wrappers import EmbeddingWrapper, InputProjectionWrapper, OutputProjectionWrapper

__all__ = [
    "BasicLSTMCell", "BasicRNNCell", "DeviceWrapper", "DropoutWrapper", "EmbeddingWrapper", "GRUCell",
    "InputProjectionWrapper", "LSTMCell", "LSTMStateTuple", "LayerRNNCell", "MultiRNNCell", "OutputProjectionWrapper",
    "RNNCell", "ResidualWrapper",
]
