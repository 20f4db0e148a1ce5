"""Bases of the cells of this package: what their state and their output are."""
from __future__ import annotations

from typing import Any, Optional

from .....utils._arguments.numbers import whole_number
from ...nn.rnn_cell import LSTMStateTuple, RNNCell

__all__ = ["PlainCell", "TupleCell"]


class PlainCell(RNNCell):
    """A cell whose output and whose state have the shape [batch, num_units]."""

    def __init__(self, num_units: int, reuse: Optional[bool], name: Optional[str] = None, dtype: Any = None, **kwargs: Any):
        super().__init__(name=name, dtype=dtype, _reuse=reuse, **kwargs)
        self._num_units = whole_number(self, "num_units", num_units, minimum=1)

    @property
    def output_size(self) -> int:
        return self._num_units

    @property
    def state_size(self) -> Any:
        return self._num_units


class TupleCell(PlainCell):
    """A cell whose state is an `LSTMStateTuple`, the second part of which is the output, projected to `num_proj` if given."""

    def __init__(self, num_units: int, reuse: Optional[bool], name: Optional[str] = None, dtype: Any = None,
                 num_proj: Optional[int] = None, **kwargs: Any):
        super().__init__(num_units, reuse, name, dtype, **kwargs)
        self._num_proj = None if num_proj is None else whole_number(self, "num_proj", num_proj, minimum=1)

    @property
    def output_size(self) -> int:
        return self._num_proj or self._num_units

    @property
    def state_size(self) -> Any:
        return LSTMStateTuple(self._num_units, self.output_size)
