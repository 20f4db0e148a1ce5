"""Shuffles a stream within a window."""
from __future__ import annotations

from collections import deque
from typing import Any, Deque, Iterator, Optional

from ...utils._arguments.numbers import whole_number
from ..base import CreatedByReset, DataFlow, DataFlowReentrantGuard, ProxyDataFlow, RNGDataFlow
from .endless import EndlessIterator


class LocallyShuffleData(ProxyDataFlow, RNGDataFlow):
    """Shuffles an endless repetition of a flow within a buffer, for flows that can only be read in order.

    Each datapoint is pushed into a first-in-first-out buffer `num_reuse` times; once the buffer is full, every push yields the
    oldest one. The buffer is shuffled now and then. Nothing comes out before it is full.

    The flow is infinite and its buffer and position persist from one iteration to the next, so that an abandoned iteration
    loses nothing. One iteration at a time. `len` is that of `ds` times `num_reuse`, only a hint.

    Args:
        ds: the flow to shuffle.
        buffer_size: datapoints in the buffer.
        num_reuse: how often each datapoint is pushed.
        shuffle_interval: shuffle after this many datapoints of `ds`; default a third of the buffer.

    Raises:
        ValueError: a number is not positive; or, during iteration, `ds` is empty, or drops all that it reads.
    """

    _guard: CreatedByReset[DataFlowReentrantGuard] = CreatedByReset()

    def __init__(self, ds: DataFlow, buffer_size: int, num_reuse: int = 1, shuffle_interval: Optional[int] = None):
        super().__init__(ds)
        self.buffer_size = whole_number(self, "buffer_size", buffer_size, minimum=1)
        self.num_reuse = whole_number(self, "num_reuse", num_reuse, minimum=1)
        if shuffle_interval is None:
            shuffle_interval = max(1, self.buffer_size // 3)
        self.shuffle_interval = whole_number(self, "shuffle_interval", shuffle_interval, minimum=1)
        self._buffer: Deque[Any] = deque()
        self._waiting: Deque[Any] = deque()  # read from ds, not pushed yet
        self._num_read = 0

    def __len__(self) -> int:
        return len(self.ds) * self.num_reuse

    def reset_state(self) -> None:
        ProxyDataFlow.reset_state(self)
        RNGDataFlow.reset_state(self)
        self._guard = DataFlowReentrantGuard(owner=self)
        self._source = EndlessIterator(self.ds, self)

    def __iter__(self) -> Iterator[Any]:
        with self._guard:
            while True:
                if not self._waiting:
                    self._read()
                self._buffer.append(self._waiting.popleft())
                if len(self._buffer) > self.buffer_size:
                    yield self._buffer.popleft()

    def _never_ends(self) -> bool:
        return True

    def _not_each_once(self) -> Optional[str]:
        return "goes on where it was, {} datapoints in its buffer; leave it out".format(self.buffer_size)

    def _read(self) -> None:
        self._waiting.extend([next(self._source)] * self.num_reuse)
        self._num_read += 1
        if self._num_read % self.shuffle_interval == 0:
            datapoints = list(self._buffer)  # an index into a deque costs a walk to it
            self._buffer = deque(datapoints[k] for k in self.rng.permutation(len(datapoints)))
