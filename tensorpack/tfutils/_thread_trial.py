"""A session callable that finds out by itself which threads run it faster: TensorFlow's, or the one that calls.

To wake another thread and to be woken by it can take longer than all the operations of a small model.
"""
from __future__ import annotations

import statistics
import time
from typing import Any, Callable, List, Sequence

from ..compat import make_flat_callable
from ..compat import tfv1 as tf
from ._calling_thread import can_use_calling_thread

__all__ = ["make_quick_callable"]

_BLOCK = 10  # calls of one kind in a row: the threads that sleep after another kind make the first of them slow
_BLOCKS_BEFORE = 2  # in TensorFlow's threads; the first allocates memory and is not timed
_BLOCKS = _BLOCKS_BEFORE + 6
_SHORT_SECONDS = 1e-3  # in longer calls a change of threads does not count


def make_quick_callable(sess: tf.Session, fetches: Sequence[tf.Tensor], targets: Sequence[tf.Operation],
                        feeds: Sequence[tf.Tensor]) -> Callable[..., List]:
    """A `make_flat_callable` for what is called very often with inputs of about one size.

    Its first calls run in TensorFlow's threads. If they are short, and nothing in the graph can wait for another thread, some
    more are made in the calling thread in turn, and the faster kind is kept. The results are the same.
    """
    return _Trial(sess, fetches, targets, feeds)


class _Kind:
    """One way to make the call, and how long it took."""

    def __init__(self, call: Callable[..., List]):
        self.call = call
        self.seconds: List[float] = []

    def median(self) -> float:
        return statistics.median(self.seconds)


class _Trial:
    """Times its calls until it has decided; an error of a call counts as no call."""

    def __init__(self, *request: Any):
        self._request = request
        self._kinds = [_Kind(make_flat_callable(*request))]
        self._num_calls = 0
        self._call: Callable[..., List] = self._timed

    def __call__(self, *values: Any) -> List:
        return self._call(*values)

    def _timed(self, *values: Any) -> List:
        kind = self._kinds[self._num_calls // _BLOCK % len(self._kinds)]
        start = time.perf_counter()
        results = kind.call(*values)
        kind.seconds.append(time.perf_counter() - start)
        self._num_calls += 1
        if self._num_calls % _BLOCK == 0:
            self._end_block(self._num_calls // _BLOCK)
        return results

    def _end_block(self, num_blocks: int) -> None:
        threads = self._kinds[0]
        if num_blocks < _BLOCKS_BEFORE:
            threads.seconds.clear()
        elif len(self._kinds) > 1:
            if num_blocks >= _BLOCKS:
                self._keep(min(self._kinds, key=_Kind.median))
        elif threads.median() <= _SHORT_SECONDS and self._can_use_calling_thread():
            self._kinds.append(_Kind(make_flat_callable(*self._request, in_calling_thread=True)))
        else:
            self._keep(threads)

    def _can_use_calling_thread(self) -> bool:
        _, fetches, targets, feeds = self._request
        fed = {tensor.name for tensor in feeds}
        return can_use_calling_thread(feeds, [tensor.op for tensor in fetches if tensor.name not in fed] + list(targets))

    def _keep(self, kind: _Kind) -> None:
        self._kinds = [kind]
        self._call = kind.call
