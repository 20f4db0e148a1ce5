"""`QueueInput`: a thread moves the datapoints of a DataFlow into a TensorFlow queue, each tower takes its inputs out of it.

A thread that fails keeps its error in `EnqueueThread.exception` and then closes the queue: to whoever waits for data a
closed queue looks like the end of the data, and the kept error tells why.
"""
from __future__ import annotations

import threading
import time
from typing import Any, List, Optional, Sequence

from ..callbacks.base import Callback, CallbackFactory
from ..callbacks.concurrency import StartProcOrThread
from ..callbacks.graph import RunOp
from ..compat import make_flat_callable
from ..compat import tfv1 as tf
from ..dataflow._passes import whole_pass
from ..dataflow.base import DataFlow, DataFlowTerminated, require_dataflow
from ..dataflow.common import RepeatedData
from ..tfutils._session.waiting import feeding_threads
from ..tfutils.common import build_or_reuse_placeholder
from ..tfutils.summary import add_moving_summary
from ..utils import logger
from ..utils._types import NOT_YET
from ..utils.concurrency import StoppableThread
from ._feed import DatapointFeed
from ._feedfree import FeedfreeInput
from ._speed import SAMPLING_PERIOD, Progress, SpeedReport, queue_capacity

_QUEUE_CAPACITY = 50
# How long a dequeue that refills the queue may take before the queue counts as drained; matters only for queues that keep
# a minimum of elements back, and when another thread takes data at the same time.
_DRAIN_TIMEOUT_MS = 2000


class EnqueueThread(StoppableThread):
    """A daemon thread that feeds the datapoints of a DataFlow into a queue, forever, in the default session of its `start`.

    It ends when it is stopped, the queue or the session is closed, the DataFlow raises, or a datapoint does not fit. At last
    it closes the queue.

    Args:
        queue: the queue.
        ds: the DataFlow, which somebody else has reset before the start.
        placeholders: placeholders for the components of the queue.
        feed: converts a datapoint to arrays for the placeholders.

    Attributes:
        dataflow: `ds`, repeated forever.
        exception: the error that the thread died of, or None.
        progress: a `Progress`, renewed with every tenth datapoint.
        queue_size: the scalar int32 tensor with the length of the queue.
        enqueue_op: the operation that puts a datapoint into it.
    """

    def __init__(self, queue: Any, ds: DataFlow, placeholders: Sequence[tf.Tensor], feed: DatapointFeed):
        super().__init__()
        self.name = "EnqueueThread " + queue.name
        self.daemon = True
        self.dataflow = RepeatedData(ds, -1)
        self.exception: Optional[BaseException] = None
        self.progress = Progress()
        self._placeholders = list(placeholders)
        self._feed = feed
        self.enqueue_op = queue.enqueue(self._placeholders)
        self._close_op = queue.close(cancel_pending_enqueues=True)
        self.queue_size = queue.size()
        self._sess: tf.Session = NOT_YET
        self._state = threading.Condition()  # guards the three flags below
        self._running = True
        self._idle = False
        self._restart = False
        feeding_threads.add(self)

    def start(self) -> None:
        """Start in the default session.

        Raises:
            RuntimeError: there is none.
        """
        self._sess = tf.get_default_session()
        if self._sess is None:
            raise RuntimeError("{}.start: there must be a default session; try `with sess.as_default():`".format(self.name))
        super().start()

    def run(self) -> None:
        with self._sess.graph.as_default(), self._sess.as_default():
            try:
                self._feed_queue()
            except DataFlowTerminated:
                logger.info("[EnqueueThread] DataFlow has terminated.")
            except _QueueClosed:
                pass
            except BaseException as e:  # SystemExit as well: whatever ends the data must not look like a normal end
                self.exception = e
                logger.exception("Exception in %s:", self.name)
            finally:
                self._close_queue()
                logger.info("%s has exited.", self.name)

    def stop(self) -> None:
        """Make the thread end as soon as the DataFlow has given its next datapoint; closes the queue."""
        super().stop()
        with self._state:
            self._state.notify_all()
        if self._sess is not None:
            self._close_queue()

    def pause(self) -> None:
        """Enqueue nothing more until `resume`; an enqueue that is under way still ends."""
        with self._state:
            self._running = False

    def resume(self) -> None:
        """Go on after `pause`."""
        with self._state:
            self._running = True
            self._state.notify_all()

    def reinitialize_dataflow(self) -> None:
        """Begin a new pass over the DataFlow; a datapoint that is not being enqueued yet is dropped."""
        with self._state:
            self._restart = True

    def wait_until_idle(self, timeout: float) -> bool:
        """Whether the thread stands still in a pause, or does so within `timeout` seconds."""
        with self._state:
            if not self._idle:
                self._state.wait(timeout)
            return self._idle

    def _feed_queue(self) -> None:
        # in this thread: to wake one of TensorFlow's costs four times the enqueuing
        enqueue, enqueue_and_look = [
            make_flat_callable(self._sess, fetches, [self.enqueue_op], self._placeholders, in_calling_thread=True)
            for fetches in ([], [self.queue_size])]
        iterator: Any = iter(self.dataflow)
        datapoints, seconds = 0, 0.0  # since the last look
        try:
            while True:
                start = time.perf_counter()
                arrays: Any = self._feed(next(iterator))
                seconds += time.perf_counter() - start
                restart = self._must_restart()
                if self.stopped():
                    return
                if restart:
                    iterator = None  # some flows allow one iteration at a time: the old one ends first
                    iterator = whole_pass(self.dataflow)
                    continue
                datapoints += 1
                look = datapoints == SAMPLING_PERIOD
                try:
                    sizes = (enqueue_and_look if look else enqueue)(*arrays)
                except (tf.errors.CancelledError, tf.errors.OutOfRangeError) as e:
                    raise _QueueClosed() from e
                arrays = None  # from here on the memory belongs to the queue, which gives it back to its pool
                if look:
                    self.progress = self.progress.plus(datapoints, seconds, int(sizes[0]))
                    datapoints, seconds = 0, 0.0
        finally:
            iterator = arrays = None  # the traceback of an error must not keep an iteration of the DataFlow open

    def _must_restart(self) -> bool:
        """Wait while paused, then say whether the iteration must begin anew."""
        if self._running and not self._restart:  # nearly always
            return False
        with self._state:
            while not self._running and not self.stopped():
                self._idle = True
                self._state.notify_all()
                self._state.wait()
            self._idle = False
            restart, self._restart = self._restart, False
            return restart

    def _close_queue(self) -> None:
        try:
            self._sess.run(self._close_op)
        except (tf.errors.OpError, RuntimeError) as e:
            logger.debug("%s: the queue or its session is closed already: %s", self.name, e)


class _QueueClosed(Exception):
    """The queue takes no more data: it, or the session, was closed."""


class QueueInput(FeedfreeInput):
    """Inputs from a TensorFlow queue that a daemon thread fills from a DataFlow, repeated forever.

    Creates placeholders with the names of the inputs and, under its own name scope, the queue `input_queue` (a FIFO of 50
    datapoints), the scalar `queue_size` and its moving summary (decay 0.5, updated by each step), and for each tower the
    operation `input_deque` on the CPU. The DataFlow is reset when the callbacks are set up; the thread starts in
    `before_train`. An error of the DataFlow, a datapoint that does not fit the signature, or an empty DataFlow ends the
    training with that error.

    At the end of an epoch, if 200 datapoints have passed, a line of the log tells whether data or model is the slower one.

    Args:
        ds: the DataFlow; see `DatapointFeed` for what its datapoints may be.
        queue: a TensorFlow queue to use instead, with a component of the right dtype for each input.

    Raises:
        ValueError: `ds` is no DataFlow; at `setup`, the signature is empty.
        TypeError: at `setup`, the dtypes of `queue` are not those of the inputs.

    Attributes:
        ds, queue, thread: the DataFlow, the queue and the EnqueueThread (None before `setup`).
    """

    def __init__(self, ds: DataFlow, queue: Optional[Any] = None):
        self.ds = require_dataflow(type(self).__name__, "ds", ds, error=ValueError)
        self.queue: Any = queue
        self.thread: EnqueueThread = NOT_YET

    def _size(self) -> int:
        return len(self.ds)

    def _setup(self, input_signature: List[tf.TensorSpec]) -> None:
        who = type(self).__name__
        if not input_signature:
            raise ValueError("{}: the model must have inputs; got an empty input signature".format(who))
        self._signature = input_signature
        fed = self._fed_signature(input_signature)
        placeholders = [build_or_reuse_placeholder(spec) for spec in fed]
        with self.cached_name_scope():
            self._setup_queue(who, [p.dtype.base_dtype for p in placeholders], [p.shape for p in placeholders])
            self.thread = EnqueueThread(self.queue, self.ds, placeholders, DatapointFeed(self._who(), fed))
            self._dequeue_for_reset = self.queue.dequeue(name="dequeue_for_reset")
            queue_size = tf.cast(self.thread.queue_size, tf.float32, name="queue_size")
        self._moving_summary = add_moving_summary(queue_size, collection=None, decay=0.5)
        self._speed = SpeedReport(self.queue.name, queue_capacity(self.queue), lambda: self.thread.progress)

    def _fed_signature(self, input_signature: List[tf.TensorSpec]) -> List[tf.TensorSpec]:
        """What one datapoint of the DataFlow holds."""
        return input_signature

    def _setup_queue(self, who: str, dtypes: List[tf.DType], shapes: List[tf.TensorShape]) -> None:
        if self.queue is None:
            self.queue = self._make_queue(dtypes, shapes)
        held = [tf.as_dtype(dtype).base_dtype for dtype in self.queue.dtypes]
        if held != dtypes:
            raise TypeError("{}: the queue must hold the dtypes of the inputs, {}; got {}".format(
                who, [dtype.name for dtype in dtypes], [dtype.name for dtype in held]))
        logger.info("Setting up the queue '%s' for CPU prefetching ...", self.queue.name)

    def _make_queue(self, dtypes: List[tf.DType], shapes: List[tf.TensorShape]) -> Any:
        return tf.FIFOQueue(_QUEUE_CAPACITY, dtypes, name="input_queue")

    def _get_input_tensors(self) -> List[tf.Tensor]:
        self._require_setup("get_input_tensors")
        with tf.device("/cpu:0"), self.cached_name_scope():
            tensors = self._dequeue()
        tensors = tensors if isinstance(tensors, (list, tuple)) else [tensors]
        for tensor, spec in zip(tensors, self._signature):
            tensor.set_shape(spec.shape)
        return list(tensors)

    def _dequeue(self) -> Any:
        return self.queue.dequeue(name="input_deque")

    def _get_callbacks(self) -> List[Callback]:
        callbacks: List[Callback] = [StartProcOrThread(self.thread)]
        updates = self._moving_summary
        if updates:
            update = RunOp(lambda: tf.group(*updates), run_before=False, run_as_trigger=False, run_step=True)
            update.name_scope = "InputSource/EMA"
            callbacks.append(update)
        callbacks.append(CallbackFactory(setup_graph=lambda _: self.ds.reset_state(), trigger=lambda _: self._speed.log()))
        return callbacks

    def _waits_for(self) -> str:
        return "{} of {!r}, which gave {} datapoints or some more; its thread '{}' {}".format(
            type(self).__name__, self.ds, self.thread.progress.datapoints, self.thread.name,
            "is alive" if self.thread.is_alive() else "has ended")

    def refill_queue(self) -> None:
        """Throw away what is queued and begin a new pass over the DataFlow, under a default session.

        Waits for the datapoint that the thread is reading.

        Raises:
            RuntimeError: the thread has not been started, or there is no default session.
            Exception: the one that the thread died of.
        """
        self._require_setup("refill_queue")
        sess, thread = tf.get_default_session(), self.thread
        if sess is None:
            raise RuntimeError("QueueInput.refill_queue: there must be a default session; try `with sess.as_default():`")
        thread.pause()
        try:
            while not thread.wait_until_idle(0.005):
                if not thread.is_alive():
                    return self._refill_without_thread(sess)
                self._drain(sess)
            self._drain(sess)
            thread.reinitialize_dataflow()
        finally:
            thread.resume()
        logger.info("The queue '%s' was emptied, and its DataFlow restarted.", self.queue.name)

    def _refill_without_thread(self, sess: tf.Session) -> None:
        if self.thread.exception is not None:
            raise self.thread.exception
        if self.thread.ident is None:
            raise RuntimeError("QueueInput.refill_queue: the thread that feeds the queue must be running; call it between "
                               "before_train and after_train")
        self._drain(sess)  # the DataFlow has terminated: the next step ends the training

    def _drain(self, sess: tf.Session) -> None:
        options = tf.RunOptions(timeout_in_ms=_DRAIN_TIMEOUT_MS)
        try:
            while sess.run(self.thread.queue_size):
                sess.run(self._dequeue_for_reset, options=options)
        except tf.errors.DeadlineExceededError:
            pass
        except tf.errors.OutOfRangeError:
            logger.debug("The queue '%s' was closed while it was emptied.", self.queue.name)
