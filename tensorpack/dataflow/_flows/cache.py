"""Keeps the datapoints of a pass in memory."""
from __future__ import annotations

from typing import Any, Iterator, List

from ...utils._arguments.flags import true_or_false
from ...utils.utils import get_rng
from ..base import CreatedByReset, DataFlow, DataFlowReentrantGuard, ProxyDataFlow
from ._told.end_watch import EndWatch


class CacheData(ProxyDataFlow):
    """Passes the first pass through and records it; later passes come from memory (`buffer`), the same objects each time.

    What `ds` draws at random, as an augmentor does, is that of the first pass from then on. The cache is used only after a
    complete pass: one that was abandoned leaves nothing. `reset_state()` clears it. One iteration at a time. `len` is that of
    `ds`.

    Args:
        ds: the finite flow to cache; one that never ends is warned about, at once and at growing sizes.
        shuffle: shuffle the passes that come from memory; the first keeps the order of `ds`.
    """

    _guard: CreatedByReset[DataFlowReentrantGuard] = CreatedByReset()

    def __init__(self, ds: DataFlow, shuffle: bool = False):
        super().__init__(ds)
        self.shuffle = true_or_false(self, "shuffle", shuffle)

    def reset_state(self) -> None:
        super().reset_state()
        self._guard = DataFlowReentrantGuard(owner=self)
        self.rng = get_rng(self)
        self.buffer: List[Any] = []

    def __iter__(self) -> Iterator[Any]:
        with self._guard:
            if self.buffer:
                if self.shuffle:
                    self.buffer = [self.buffer[k] for k in self.rng.permutation(len(self.buffer))]
                yield from self.buffer
            else:
                yield from self._record()

    def _record(self) -> Iterator[Any]:
        recorded, watch = [], EndWatch(type(self).__name__, self.ds, allows_unknown=True)
        for dp in self.ds:
            recorded.append(dp)
            watch.add()
            yield dp
        self.buffer = recorded
