"""The queue runners of a graph at work: started, watched for errors and ended, as `tf.train.MonitoredSession` does it."""
from __future__ import annotations

import threading
import time
import weakref
from typing import Any, Callable, List, Optional, Sequence

from ...compat import tfv1 as tf
from ...compat import without_debugger
from ...utils import logger
from ..dependency import ancestors

__all__ = ["Coordinator", "QueueRunners", "runner_queue", "threads_that_fill"]

_THREAD_NAME = "QueueRunnerThread-{}-"  # TensorFlow's own, on 1.15 and 2.x: then the enqueue operation, or this
_NOT_FILLING = "close_on_stop"
# How long threads get to end, once when they are asked to and once when the session is closed.
_JOIN_SECONDS = 5.0


class Coordinator(tf.train.Coordinator):
    """Keeps any error, that of data that end included, and the list of its threads.

    Attributes:
        threads: all that were registered.
        is_stopping: what `should_stop()` says, for those that ask in each step.
    """

    def __init__(self) -> None:
        super().__init__(clean_stop_exception_types=())
        self.threads: List[threading.Thread] = []
        self.is_stopping = False

    def request_stop(self, ex: Any = None) -> None:
        try:
            super().request_stop(ex)
        finally:
            self.is_stopping = True

    def clear_stop(self) -> None:
        super().clear_stop()
        self.is_stopping = False

    def register_thread(self, thread: threading.Thread) -> None:
        super().register_thread(thread)
        self.threads.append(thread)


class QueueRunners:
    """The threads of `tf.GraphKeys.QUEUE_RUNNERS` in a session, and a coordinator for them.

    A runner that somebody else has started in this session already is left alone. When one fails, all queues are closed. They
    end by `stop`, and when nobody holds this object any more.

    Args:
        sess: the session.
        outputs: tensors; only the runners are started that fill what these need. None for all of the graph.
        feeds: tensors that are fed when `outputs` are computed.

    Attributes:
        coord: the `tf.train.Coordinator`, which other threads and hooks may use as well.
    """

    def __init__(self, sess: tf.Session, outputs: Optional[Sequence[Any]] = None, feeds: Sequence[Any] = ()):
        self.coord = Coordinator()
        self._sess = without_debugger(sess)
        self._outputs, self._feeds = outputs, feeds
        self._runners: List[Any] = []
        self._is_started = self._is_stopped = False
        weakref.finalize(self, self.coord.request_stop)

    def start(self) -> None:
        """Start the threads; does nothing when it is called again."""
        if self._is_started:
            return
        self._is_started = True
        self._runners = self._find_runners()
        with self._sess.graph.as_default():
            started = [runner.name for runner in self._runners
                       if runner.create_threads(self._sess, coord=self.coord, daemon=True, start=True)]
        if started:
            logger.info("Started the queue runner%s of %s.", "s" if len(started) > 1 else "", ", ".join(started))

    def _find_runners(self) -> List[Any]:
        runners = self._sess.graph.get_collection(tf.GraphKeys.QUEUE_RUNNERS)
        if self._outputs is None or not runners:
            return runners
        needed: List[Any] = []
        found = ancestors(self._outputs, self._feeds)
        while True:
            more = [runner for runner in runners if runner not in needed and runner_queue(runner) in found]
            if not more:
                return [runner for runner in runners if runner in needed]
            needed += more
            found = found | ancestors([op for runner in more for op in runner.enqueue_ops])

    def failure(self) -> Optional[BaseException]:
        """The error that ended a thread, if any."""
        try:
            self.coord.raise_requested_exception()
        except BaseException as e:
            return e
        # those of threads that somebody has started without a coordinator
        return next((e for runner in self._runners for e in runner.exceptions_raised), None)

    def raise_failure(self, cause: Optional[BaseException] = None) -> None:
        """Raise the error that ended a thread, if any, from `cause`."""
        error = self.failure()
        if error is not None:
            raise error from cause

    def explain(self, run: Callable[..., Any]) -> Callable[..., Any]:
        """The function itself if there are no runners; otherwise one that raises their error when it lacks data by it."""
        if not self._runners:
            return run

        def run_or_explain(*args: Any) -> Any:
            try:
                return run(*args)
            except (tf.errors.OutOfRangeError, tf.errors.CancelledError) as e:
                self.raise_failure(e)
                raise

        return run_or_explain

    def stop(self, close_session: Callable[[], None] = lambda: None) -> None:
        """Ask the threads to end, wait for a while, then call `close_session`, which ends what still waits in TensorFlow."""
        if self._is_stopped:
            close_session()
            return
        self._is_stopped = True
        self.coord.request_stop()
        self._join()
        close_session()
        self._sess = None  # whoever keeps this object does not keep its memory
        for name in self._join():
            logger.error("The thread %s is still alive %d seconds after it was told to stop.", name, 2 * _JOIN_SECONDS)

    def _join(self) -> List[str]:
        """Wait for the threads; the names of those that live."""
        deadline = time.monotonic() + _JOIN_SECONDS
        threads = [thread for thread in self.coord.threads if thread is not threading.current_thread()]
        for thread in threads:
            thread.join(max(deadline - time.monotonic(), 0))
        return [thread.name for thread in threads if thread.is_alive()]


def runner_queue(runner: Any) -> tf.Operation:
    """The operation that makes the queue of a QueueRunner, also of one that was imported with a graph."""
    queue = getattr(runner.queue, "queue_ref", runner.queue)
    return queue.op if isinstance(queue, tf.Tensor) else queue


def threads_that_fill(runner: Any) -> List[threading.Thread]:
    """The threads of a QueueRunner that live, in any session, whoever has started them."""
    name = _THREAD_NAME.format(runner.name)
    of_runner = [thread for thread in threading.enumerate() if thread.name.startswith(name)]
    return [thread for thread in of_runner if not thread.name.endswith(_NOT_FILLING)]
