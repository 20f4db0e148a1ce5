"""A worker's portion of the data of a pass, dealt out as far down in the flow as the result allows.

What works on each datapoint by itself (a map, a batch) runs above the dealing, so that each worker does that work for its own
portion only, and parallel maps may mix their datapoints as they like. What is below runs on every worker, and must give the
same there; sums over all datapoints, which workers exchange, prove it.
"""
from __future__ import annotations

import hashlib
from collections import deque
from typing import Any, Deque, Iterator, List, NamedTuple, Optional, Tuple

import numpy as np

from ...dataflow._flows.batch import BatchData
from ...dataflow._flows.by_itself import EACH_BY_ITSELF, put_over, split
from ...dataflow.base import DataFlow, ProxyDataFlow

__all__ = ["Portion", "Tally", "deal", "fingerprint"]

_DIGEST_BYTES = 8


class Tally(NamedTuple):
    """Number of datapoints, and sum of their fingerprints, of a whole pass and of one worker's portion of it."""

    num_all: int = 0
    sum_all: int = 0
    num_own: int = 0
    sum_own: int = 0

    def plus(self, datapoint: Any, is_own: bool) -> Tally:
        """The tally with one more datapoint."""
        number = fingerprint(datapoint)
        return Tally(self.num_all + 1, self.sum_all + number, self.num_own + is_own, self.sum_own + number * is_own)


class Portion(ProxyDataFlow):
    """Every `size`-th block of the datapoints of a finite flow, in their order.

    Args:
        ds: a flow that gives the same datapoints in the same order on every worker.
        size, rank: number of workers, and which of them this is.
        batches: by which flows the datapoints will be batched, first to last; those of a final batch are in one block.
    """

    def __init__(self, ds: DataFlow, size: int, rank: int, batches: Tuple[BatchData, ...] = ()):
        super().__init__(ds)
        self._size, self._rank, self._batches = size, rank, batches
        self._block = int(np.prod([batch.batch_size for batch in batches], dtype="int64"))
        self._tallies: Deque[Tally] = deque()

    def __len__(self) -> int:
        rounds, rest = divmod(len(self.ds), self._size * self._block)
        return rounds * self._block + min(max(rest - self._rank * self._block, 0), self._block)

    def reset_state(self) -> None:
        super().reset_state()
        self._tallies.clear()

    def __iter__(self) -> Iterator[Any]:
        tally = Tally()
        for index, datapoint in enumerate(self.ds):
            is_own = index // self._block % self._size == self._rank
            tally = tally.plus(datapoint, is_own)
            if is_own:
                yield datapoint
        self._tallies.append(tally)

    def take_tally(self) -> Optional[Tally]:
        """That of the oldest pass of which it was not taken yet; None if that has not reached its end."""
        return self._tallies.popleft() if self._tallies else None

    def num_results(self, count: int) -> int:
        """How many datapoints come out above, for so many of the portion."""
        for batch in self._batches:
            whole, rest = divmod(count, batch.batch_size)
            count = whole + (1 if rest and batch.remainder else 0)
        return count


def deal(flow: DataFlow, size: int, rank: int) -> Tuple[DataFlow, Portion]:
    """The flow with a Portion in it as far down as it can be, and that Portion; `flow` itself is not changed."""
    above, flow = split(flow, EACH_BY_ITSELF)
    batches = tuple(each for each in reversed(above) if isinstance(each, BatchData))
    portion = Portion(flow, size, rank, batches)
    return _LookingAhead(put_over(above, portion)), portion


class _LookingAhead(ProxyDataFlow):
    """Gives its last datapoint when it has seen the end of the flow: who takes as many as there are has made a whole pass."""

    def __iter__(self) -> Iterator[Any]:
        waiting: List[Any] = []
        for datapoint in self.ds:
            yield from waiting
            waiting = [datapoint]
        yield from waiting


def fingerprint(datapoint: Any) -> int:
    """A number that differs between different datapoints, and is the same for equal ones in every process.

    Arrays, strings, bytes, numbers, and lists, tuples and dicts of them count by their values; other objects by their type.
    """
    state = hashlib.blake2b(digest_size=_DIGEST_BYTES)
    _feed(state, datapoint)
    return int.from_bytes(state.digest(), "little")


def _feed(state: Any, value: Any) -> None:
    kind = type(value)
    state.update("{}.{};".format(kind.__module__, kind.__qualname__).encode())
    if isinstance(value, (np.ndarray, np.generic)):
        state.update("{}{};".format(value.dtype.str, value.shape).encode())
        if value.dtype.hasobject:
            _feed(state, np.asarray(value).ravel().tolist())
        else:
            state.update(value.tobytes())
    elif isinstance(value, dict):
        _feed(state, list(value.items()))
    elif isinstance(value, (list, tuple)):
        state.update("{};".format(len(value)).encode())
        for each in value:
            _feed(state, each)
    elif isinstance(value, (bytes, bytearray)):
        state.update(value)
    elif value is None or isinstance(value, (str, bool, int, float, complex)):
        state.update(repr(value).encode("utf-8", "surrogatepass"))
