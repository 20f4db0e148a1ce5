"""Queue runners for the time of a `with` block: `slim.queues.QueueRunners`."""
from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import Any, Iterator

from .......compat import tfv1 as tf

__all__ = ["NestedQueueRunnerError", "QueueRunners"]

_one_at_a_time = threading.Lock()


class NestedQueueRunnerError(Exception):
    """`QueueRunners` was entered inside of `QueueRunners`."""


@contextmanager
def QueueRunners(session: Any) -> Iterator[None]:
    """Run all queue runners of the default graph in daemon threads, and stop them at the end; closes the session if they don't.

    Raises:
        NestedQueueRunnerError: another one is at work.
    """
    if not _one_at_a_time.acquire(blocking=False):
        raise NestedQueueRunnerError("QueueRunners cannot be nested")
    try:
        coordinator = tf.train.Coordinator()
        threads = [thread for runner in tf.get_collection(tf.GraphKeys.QUEUE_RUNNERS)
                   for thread in runner.create_threads(session, coord=coordinator, daemon=True, start=True)]
        try:
            yield
        finally:
            coordinator.request_stop()
            try:
                coordinator.join(threads, stop_grace_period_secs=120)
            except RuntimeError:
                session.close()  # so that what the threads wait for ends
    finally:
        _one_at_a_time.release()
