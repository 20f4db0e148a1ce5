"""A session callable that finds out by itself which threads run it faster: TensorFlow's, or the one that calls.

To wake another thread and to be woken by it can take longer than all the operations of a small model.
"""
from __future__ import annotations

import statistics
import time
from typing import Any, Callable, Dict, List, Optional, Sequence

from ...compat import make_flat_callable
from ...compat import tfv1 as tf
from .calling_thread import QUEUE_SIZE, elements_to_take

__all__ = ["make_quick_callable"]

FlatCallable = Callable[..., List[Any]]  # as `make_flat_callable` makes it

_BLOCK = 10  # calls of one kind in a row: the threads that sleep after another kind make the first of them slow
_BLOCKS_BEFORE = 2  # in TensorFlow's threads; the first allocates memory and is not timed
_BLOCKS = _BLOCKS_BEFORE + 6
_SHORT_SECONDS = 1e-3  # in longer calls a change of threads does not count


def make_quick_callable(sess: tf.Session, fetches: Sequence[tf.Tensor], targets: Sequence[tf.Operation],
                        feeds: Sequence[tf.Tensor]) -> FlatCallable:
    """A `make_flat_callable` for what is called very often with inputs of about one size.

    Its first calls run in TensorFlow's threads. If they are short, and nothing in the graph but empty queues can make it wait
    for another thread, some more are made in the calling thread in turn, and the faster kind is kept. The results are the
    same.
    """
    return _Trial(sess, fetches, targets, feeds)


class _Kind:
    """One way to make the call, and how long it took."""

    def __init__(self, call: FlatCallable):
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
        self._call: FlatCallable = self._timed

    def __call__(self, *values: Any) -> List[Any]:
        return self._call(*values)

    def _timed(self, *values: Any) -> List[Any]:
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
        else:
            other = self._in_calling_thread() if threads.median() <= _SHORT_SECONDS else None
            if other is None:
                self._keep(threads)
            else:
                self._kinds.append(_Kind(other))

    def _in_calling_thread(self) -> Optional[FlatCallable]:
        sess, fetches, targets, feeds = self._request
        if sess.sess_str:  # the target: a server, whose threads are its own affair
            return None
        fed = {tensor.name for tensor in feeds}
        elements = elements_to_take(feeds, [tensor.op for tensor in fetches if tensor.name not in fed] + list(targets))
        if elements is None:
            return None
        run = make_flat_callable(*self._request, in_calling_thread=True)
        return _WhereNothingWaits.make(sess, elements, run, self._kinds[0].call) if elements else run

    def _keep(self, kind: _Kind) -> None:
        self._kinds = [kind]
        self._call = kind.call


class _WhereNothingWaits:
    """Runs in the calling thread when no queue lacks an element, otherwise in TensorFlow's threads.

    What waits for a queue in the calling thread is continued by the thread that fills the queue, and keeps it from filling.

    Args:
        run, wait: the callables in the calling thread and in TensorFlow's.
        look: gives the sizes of all queues.
        elements: how many elements each call takes from them.
    """

    def __init__(self, run: FlatCallable, wait: FlatCallable, look: FlatCallable, elements: Sequence[int]):
        self._run, self._wait, self._look, self._elements = run, wait, look, elements
        self._calls_left = 0  # for which there are elements, unless somebody else takes them

    @classmethod
    def make(cls, sess: tf.Session, elements: Dict[tf.Operation, int], run: FlatCallable,
             wait: FlatCallable) -> Optional[_WhereNothingWaits]:
        """None if the graph lacks the operation that tells the size of a queue; graphs in use are final."""
        sizes = [next((op.outputs[0] for op in queue.outputs[0].consumers() if op.type == QUEUE_SIZE), None)
                 for queue in elements]
        if any(size is None for size in sizes):
            return None
        return cls(run, wait, make_flat_callable(sess, sizes, [], [], in_calling_thread=True), list(elements.values()))

    def __call__(self, *values: Any) -> List[Any]:
        if self._calls_left == 0:
            self._calls_left = min([size // number for size, number in zip(self._look(), self._elements)])
            if self._calls_left == 0:
                return self._wait(*values)
        self._calls_left -= 1
        return self._run(*values)
