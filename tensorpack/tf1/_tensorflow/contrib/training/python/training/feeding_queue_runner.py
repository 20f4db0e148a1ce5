"""A queue runner whose threads feed values from Python: `tf.contrib.training.FeedingQueueRunner`."""
from __future__ import annotations

import logging
import threading
from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple, Type

from .......compat import tfv1 as tf

__all__ = ["FeedingQueueRunner"]

FeedFunction = Callable[[], Dict[Any, Any]]


class FeedingQueueRunner(tf.train.QueueRunner):
    """As `tf.train.QueueRunner`, with a function for each enqueue operation that returns what to feed in its next run.

    Args:
        feed_fns: one function (or None) for each of `enqueue_ops`; no feeds by default.
        queue_closed_exception_types: errors of an enqueue that end its thread quietly; those of a closed queue by default.

    Raises:
        ValueError: there are not as many functions as operations.
    """

    def __init__(self, queue: Any = None, enqueue_ops: Optional[Sequence[Any]] = None, close_op: Any = None,
                 cancel_op: Any = None, feed_fns: Optional[Sequence[Optional[FeedFunction]]] = None,
                 queue_closed_exception_types: Optional[Tuple[Type[Exception], ...]] = None):
        closed = queue_closed_exception_types or (tf.errors.OutOfRangeError, tf.errors.CancelledError)
        super().__init__(queue, enqueue_ops, close_op, cancel_op, queue_closed_exception_types=closed)
        feed_fns = [None] * len(self.enqueue_ops) if feed_fns is None else list(feed_fns)
        if len(feed_fns) != len(self.enqueue_ops):
            raise ValueError("FeedingQueueRunner: feed_fns must have a function for each of enqueue_ops; got {} for {}".format(
                len(feed_fns), len(self.enqueue_ops)))
        self._feed_fns = feed_fns

    def _run(self, sess: Any, enqueue_op: Any, feed_fn: Optional[FeedFunction], coord: Any = None) -> None:
        """Enqueue until the queue is closed or the coordinator stops; the last thread to find it closed runs `close_op`."""
        if coord:
            coord.register_thread(threading.current_thread())
        closed = False
        try:
            while not (coord and coord.should_stop()):
                try:
                    sess.run(enqueue_op, feed_dict=None if feed_fn is None else feed_fn())
                except self.queue_closed_exception_types:
                    closed = True
                    break
        except Exception as e:
            self._report(e, coord)
            if not coord:
                raise
        finally:
            self._count_end(sess, closed)

    def _report(self, error: Exception, coord: Any) -> None:
        if coord:
            coord.request_stop(error)
            return
        logging.getLogger("tensorflow").error("Exception in QueueRunner: %s", error)
        with self._lock:
            self._exceptions_raised.append(error)

    def _count_end(self, sess: Any, closed: bool) -> None:
        with self._lock:
            self._runs_per_session[sess] -= 1
            if closed and self._runs_per_session[sess] == 0:
                try:
                    sess.run(self._close_op)
                except Exception as e:  # the queue may be gone with its session
                    logging.getLogger("tensorflow").debug("Ignored exception: %s", e)

    def create_threads(self, sess: Any, coord: Any = None, daemon: bool = False, start: bool = False) -> List[Any]:
        """A thread for each enqueue operation, and one that closes the queue when the coordinator stops; none if they run."""
        with self._lock:
            if self._runs_per_session.get(sess, 0) > 0:
                return []
            self._runs_per_session[sess] = len(self.enqueue_ops)
            self._exceptions_raised: List[Exception] = []
        threads = [threading.Thread(target=self._run, args=(sess, operation, feed_fn, coord))
                   for operation, feed_fn in zip(self.enqueue_ops, self._feed_fns)]
        if coord:
            threads.append(threading.Thread(target=self._close_on_stop, args=(sess, self._cancel_op, coord)))
        for thread in threads:
            if coord:
                coord.register_thread(thread)
            thread.daemon = daemon
            if start:
                thread.start()
        return threads

    def _init_from_proto(self, queue_runner_def: Any, import_scope: Optional[str] = None) -> None:
        raise NotImplementedError("FeedingQueueRunner: cannot be made from a protocol buffer, which holds no functions")

    def to_proto(self, export_scope: Optional[str] = None) -> Any:
        """Always fails: a protocol buffer holds no functions.

        Raises:
            NotImplementedError: always.
        """
        raise NotImplementedError("FeedingQueueRunner: cannot become a protocol buffer, which holds no functions; export the "
                                  "graph without it")
