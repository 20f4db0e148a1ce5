"""Threads that can be stopped, paused, or run under the TensorFlow session of their creator."""
from __future__ import annotations

import queue
import threading
from contextlib import contextmanager
from typing import Any, Callable, Iterator, Optional

from .. import logger

_POLL = 0.1  # seconds until a waiting thread notices that it was stopped


class StoppableThread(threading.Thread):
    """A thread that ends when its `run` notices `stopped()`.

    Args:
        evt: the event that tells to stop; threads may share one. A new one by default.
    """

    def __init__(self, evt: Optional[threading.Event] = None):
        super().__init__()
        self._stop_evt = threading.Event() if evt is None else evt

    def stop(self) -> None:
        """Ask the thread to end."""
        self._stop_evt.set()

    def stopped(self) -> bool:
        """Whether the thread was asked to end."""
        return self._stop_evt.is_set()

    def queue_put_stoppable(self, q: Any, obj: Any) -> None:
        """Put `obj` into the queue `q`, or give up when the thread is stopped."""
        while not self.stopped():
            try:
                q.put(obj, timeout=_POLL)
                return
            except queue.Full:
                pass

    def queue_get_stoppable(self, q: Any) -> Any:
        """Take an object from the queue `q`; None when the thread is stopped."""
        while not self.stopped():
            try:
                return q.get(timeout=_POLL)
            except queue.Empty:
                pass
        return None


class LoopThread(StoppableThread):
    """A daemon thread that calls `func()` again and again.

    Args:
        func: called without arguments; an error in it ends the thread.
        pausable: whether `pause` and `resume` shall work.
    """

    def __init__(self, func: Callable[[], Any], pausable: bool = True):
        super().__init__()
        self.daemon = True
        self._func = func
        self._pausable = pausable
        self._state = threading.Condition()  # guards the two flags
        self._paused = False
        self._calling = False

    def run(self) -> None:
        """The loop itself; `start` runs it in the thread."""
        while self._may_call():
            try:
                self._func()
            finally:
                with self._state:
                    self._calling = False
                    self._state.notify_all()

    def _may_call(self) -> bool:
        """Wait while paused; False when the thread is to end."""
        with self._state:
            while self._paused and not self.stopped():
                self._state.wait(_POLL)
            self._calling = not self.stopped()
            return self._calling

    def pause(self) -> None:
        """Let no further call start; returns when the current one is done."""
        self._check_pausable("pause")
        with self._state:
            self._paused = True
            while self._calling and threading.current_thread() is not self:
                self._state.wait()

    def resume(self) -> None:
        """Go on after `pause`."""
        self._check_pausable("resume")
        with self._state:
            self._paused = False
            self._state.notify_all()

    def _check_pausable(self, method: str) -> None:
        if not self._pausable:
            raise RuntimeError("LoopThread.{}: the thread must be made with pausable=True; got pausable=False".format(method))


class ShareSessionThread(threading.Thread):
    """A thread that runs under the default TensorFlow session of the thread that starts it.

    Args:
        th: the thread whose `run` is to be called. Without it, override `run` and use `with self.default_sess():` there.
    """

    def __init__(self, th: Optional[threading.Thread] = None):
        super().__init__()
        if th is not None:
            if not isinstance(th, threading.Thread):
                raise TypeError("ShareSessionThread: th must be a threading.Thread; got {!r}".format(th))
            self._th = th
            self.name = th.name
            self.daemon = th.daemon
        self._sess: Any = None

    @contextmanager
    def default_sess(self) -> Iterator[Any]:
        """Make the session, and its graph, the default of the current thread; warns and gives None if there is none."""
        if self._sess is None:
            logger.warning("ShareSessionThread %s was started without a default session.", self.name)
            yield None
            return
        with self._sess.graph.as_default(), self._sess.as_default():
            yield self._sess

    def start(self) -> None:
        """Take the default session of this thread and start."""
        import tensorflow as tf

        self._sess = tf.compat.v1.get_default_session()
        super().start()

    def run(self) -> None:
        """Run `th` under the session; override this if there is no `th`."""
        if not hasattr(self, "_th"):
            raise RuntimeError("ShareSessionThread: either th must be given or run() overridden; got neither")
        with self.default_sess():
            self._th.run()
