"""`FeedfreeInput`: the mark of sources whose tensors are filled without a `feed_dict`, so that many towers can use them."""
from __future__ import annotations

from .input_source_base import InputSource


class FeedfreeInput(InputSource):
    """Base of input sources that need no feed: each `get_input_tensors` gives fresh tensors; `reset_state` does nothing."""

    def _reset_state(self) -> None:
        pass
