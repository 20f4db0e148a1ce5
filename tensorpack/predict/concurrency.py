"""Predictors at work in the background: a pool of threads that batches single samples, and worker processes."""
from __future__ import annotations

import pickle
import queue
import sys
import threading
from concurrent.futures import Future
from multiprocessing.context import SpawnProcess
from typing import Any, Callable, List, NamedTuple, Optional, Sequence, Union

import numpy as np

from ..compat import tfv1 as tf
from ..models.registry import disable_layer_logging
from ..tfutils.model_utils import describe_trainable_vars
from ..utils import logger
from ..utils._process.remote_failure import RemoteFailure
from ..utils._process.start import SafelyStarted
from ..utils._text.spec import shown
from ..utils.concurrency import DIE, enable_death_signal
from ._engine_of_config import check_engine
from ._remote import dumps_config
from .base import AsyncPredictorBase, OfflinePredictor, OnlinePredictor
from .config import PredictConfig
from .exported import ExportedPredictor

__all__ = ["MultiProcessPredictWorker", "MultiProcessQueuePredictWorker", "MultiThreadAsyncPredictor"]

_TASKS_PER_THREAD = 100
_SECONDS_FOR_START = 10.0  # that a result is waited for before the threads are started
Predictor = Union[OnlinePredictor, ExportedPredictor]

_POLL = 0.1  # seconds until a waiting put_task notices that the workers are gone


class MultiProcessPredictWorker(SafelyStarted, SpawnProcess):
    """A spawned process with a predictor of its own, called `MultiProcessPredictWorker-<idx>`; a subclass overrides `run`.

    Args:
        idx: number of the worker; number 0 logs layers and variables for all.
        config: what to predict with.
        engine: what computes the model, see OfflinePredictor.

    Raises:
        TypeError: the config cannot be pickled.
        ValueError: there is no such engine.
    """

    def __init__(self, idx: int, config: PredictConfig, *, engine: Optional[str] = None):
        super().__init__(name="MultiProcessPredictWorker-{}".format(idx))
        check_engine(type(self).__name__, engine)
        self.idx = idx
        self._engine = engine
        self._config = dumps_config(type(self).__name__, config)

    def start(self) -> None:
        """Start the process."""
        super().start()
        self._config = b""  # the process has it now, and it may be large

    def _init_runtime(self) -> None:
        """Build `self.predictor`; called first in the new process."""
        enable_death_signal()
        if self.idx != 0:
            disable_layer_logging()
        self.predictor = OfflinePredictor(pickle.loads(self._config), engine=self._engine)
        if self.idx == 0 and self._engine is None:  # other graphs have no variables
            with self.predictor.graph.as_default():
                describe_trainable_vars()


class MultiProcessQueuePredictWorker(MultiProcessPredictWorker):
    """Takes (task_id, datapoint) from `inqueue` and puts (task_id, outputs) into `outqueue`.

    (DIE, anything) ends it; it then puts (DIE, None). An error ends it as well: it puts (DIE, failure), where
    `failure.reraise()` raises the error with its traceback, and exits with status 1.

    Args:
        idx: number of the worker.
        inqueue, outqueue: objects with `get` and `put` that a spawned process can have, such as queues of
            `multiprocessing.get_context("spawn")`.
        config: what to predict with.
        engine: what computes the model, see OfflinePredictor.
    """

    def __init__(self, idx: int, inqueue: Any, outqueue: Any, config: PredictConfig, *, engine: Optional[str] = None):
        super().__init__(idx, config, engine=engine)
        self.inqueue = inqueue
        self.outqueue = outqueue

    def run(self) -> None:
        """The work of the process."""
        try:
            self._init_runtime()
            while True:
                task_id, dp = self.inqueue.get()
                if task_id is DIE:
                    break
                self.outqueue.put((task_id, self.predictor(*dp)))
        except BaseException as e:
            self.outqueue.put((DIE, RemoteFailure(self.name, e)))
            sys.exit(1)
        self.outqueue.put((DIE, None))


class _Task(NamedTuple):
    dp: Sequence[Any]
    future: Future[List[Any]]


class _Answer(Future):  # type: ignore[type-arg]  # it takes no argument before Python 3.9
    """A future that nobody waits for in vain: where no thread works on it, waiting for it is an error."""

    def __init__(self, started: threading.Event):
        super().__init__()
        self._started = started

    def result(self, timeout: Optional[float] = None) -> Any:
        self._require_start(timeout)
        return super().result(timeout)

    def exception(self, timeout: Optional[float] = None) -> Optional[BaseException]:
        self._require_start(timeout)
        return super().exception(timeout)

    def _require_start(self, timeout: Optional[float]) -> None:
        # another thread may be about to start it
        if timeout is None and not self.done() and not self._started.wait(_SECONDS_FOR_START) and not self.done():
            raise RuntimeError("MultiThreadAsyncPredictor.put_task: must be started before one waits for the result; call "
                               "start() first")


_END = object()  # in the queue of tasks: the thread that takes it ends


class MultiThreadAsyncPredictor(AsyncPredictorBase):
    """Threads that batch single samples which wait at the same time, and predict them together.

    `start` it, then `put_task`, or call it like a function, from any number of threads. A thread takes what is queued, up to
    `batch_size` samples, without waiting for more. An error in a batch is given to the futures of that batch, and the thread
    goes on; a thread ends when its session is closed.

    A context manager: entering starts it, leaving closes it.

    Args:
        predictors: predictors of the same model whose inputs and outputs have a batch dimension; one thread for each.
        batch_size: the most samples in one batch.

    Attributes:
        threads: the daemon threads, called `PredictorWorkerThread-<i>`.
        input_queue: the queue of tasks, with room for 100 for each thread.

    Raises:
        TypeError: something else than an OnlinePredictor or ExportedPredictor is given.
        ValueError: there is no predictor, one has `return_input`, their numbers of inputs differ, or batch_size is below 1.
    """

    def __init__(self, predictors: Sequence[Predictor], batch_size: int = 5):
        self._predictors = _check_predictors(predictors)
        if batch_size < 1:
            raise ValueError("MultiThreadAsyncPredictor: batch_size must be at least 1; got {}".format(batch_size))
        self._num_inputs = _num_inputs(self._predictors[0])
        self.batch_size = batch_size
        self.input_queue: queue.Queue[Any] = queue.Queue(maxsize=_TASKS_PER_THREAD * len(self._predictors))
        self.threads = [threading.Thread(target=self._work, args=(predictor,), daemon=True,
                                         name="PredictorWorkerThread-{}".format(i))
                        for i, predictor in enumerate(self._predictors)]
        self._lock = threading.Lock()  # guards the three below
        self._start = threading.Event()
        self._closed = False
        self._num_working = len(self.threads)

    def _names_of_inputs(self) -> List[str]:
        return self._predictors[0]._names_of_inputs()

    def start(self) -> None:
        """Start the threads. Predictors without a session get the default session of the caller.

        Raises:
            RuntimeError: a predictor has no session and there is no default session; or it was started or closed before.
        """
        with self._lock:
            if self._start.is_set() or self._closed:
                raise RuntimeError("MultiThreadAsyncPredictor.start: can be called once; it was {} before; make a new "
                                   "one".format("closed" if self._closed else "started"))
            for predictor in self._predictors:
                if isinstance(predictor, OnlinePredictor) and predictor._lacks_session():
                    predictor.sess = self._default_session()
            self._start.set()
        for thread in self.threads:
            thread.start()

    def _default_session(self) -> tf.Session:
        sess = tf.get_default_session()
        if sess is None:
            raise RuntimeError("MultiThreadAsyncPredictor.start: there must be a session to predict in; got a predictor "
                               "without one; pass sess= to it, or call start() inside `with sess.as_default():`")
        return sess

    def put_task(self, dp: Sequence[Any], callback: Optional[Callable[[Any], Any]] = None) -> Future[List[Any]]:
        """Queue one sample; waits while the queue is full.

        Args:
            dp: list of the inputs of this sample, without batch dimension.
            callback: is called with the future when it is done, by the thread that did it.

        Returns:
            A future of the list of this sample's outputs.

        Raises:
            TypeError, ValueError: `dp` is no list, or has not one element for each input.
            RuntimeError: the predictor is closed, all threads have ended, or the queue is full and nothing was started.
        """
        if not isinstance(dp, (list, tuple)):
            raise TypeError("MultiThreadAsyncPredictor.put_task: dp must be a list of inputs; got {}; try [dp]".format(
                shown(dp)))
        if len(dp) != self._num_inputs:
            raise ValueError("MultiThreadAsyncPredictor.put_task: dp must have {} inputs; got {}".format(
                self._num_inputs, len(dp)))
        future: Future[List[Any]] = _Answer(self._start)
        if callback is not None:
            future.add_done_callback(callback)
        self._enqueue(_Task(dp, future))
        return future

    def _enqueue(self, task: _Task) -> None:
        while True:
            with self._lock:  # so that nothing gets behind the marks that end the threads
                self._check_open()
                try:
                    self.input_queue.put_nowait(task)
                    return
                except queue.Full:
                    if not self._start.is_set():
                        raise RuntimeError("MultiThreadAsyncPredictor.put_task: the queue is full, and nothing works on it; "
                                           "call start() first") from None
            _wait_for_room(self.input_queue)

    def _check_open(self) -> None:
        if self._closed:
            raise RuntimeError("MultiThreadAsyncPredictor: must not be used after close(); make a new one")
        if self._num_working == 0:
            raise RuntimeError("MultiThreadAsyncPredictor: a thread must be alive; all have ended, since their sessions "
                               "were closed; make a new one with open sessions")

    def _do_call(self, dp: Sequence[Any]) -> List[Any]:
        if not self._start.is_set():
            raise RuntimeError("MultiThreadAsyncPredictor: must be started before it is called; call start() first")
        if threading.current_thread() in self.threads:
            raise RuntimeError("MultiThreadAsyncPredictor: must not be called by a callback, which would wait for its own "
                               "thread; use put_task in it")
        return self.put_task(dp).result()

    def __enter__(self) -> MultiThreadAsyncPredictor:
        if not self._start.is_set():
            self.start()
        return self

    def __exit__(self, *exc_info: Any) -> None:
        self.close()

    def close(self) -> None:
        """Take no more tasks, finish those in the queue, and end the threads; sessions stay open. May be called again.

        Tasks of a predictor that was never started are cancelled.
        """
        with self._lock:
            self._closed = True
            working = self._start.is_set() and self._num_working > 0
        if not working:
            self._cancel_queued()
            return
        for _ in self.threads:
            self._put_end()
        for thread in self.threads:
            if thread is not threading.current_thread():
                thread.join()

    def _put_end(self) -> None:
        while self._num_working:
            try:
                self.input_queue.put(_END, timeout=_POLL)
                return
            except queue.Full:
                pass

    # ---- inside of the threads

    def _work(self, predictor: Predictor) -> None:
        try:
            while True:
                tasks, is_last = self._take_batch()
                if tasks and not self._predict(predictor, tasks):
                    logger.warning("%s ends, since its session was closed.", threading.current_thread().name)
                    return
                if is_last:
                    return
        finally:
            with self._lock:
                self._num_working -= 1
                nobody_left = self._num_working == 0
            if nobody_left:
                self._cancel_queued()

    def _take_batch(self) -> Any:
        """(tasks, whether the thread has to end after them); waits for the first one only."""
        tasks: List[_Task] = []
        while len(tasks) < self.batch_size:
            try:
                task = self.input_queue.get(block=not tasks)
            except queue.Empty:
                break
            if task is _END:
                return tasks, True
            if not task.future.cancelled():
                tasks.append(task)
        return tasks, False

    def _predict(self, predictor: Predictor, tasks: List[_Task]) -> bool:
        """Predict a batch and tell its futures; False if the session is closed."""
        futures = [task.future for task in tasks]
        try:
            rows = _predict_rows(predictor, [task.dp for task in tasks])
        except BaseException as e:
            if isinstance(e, tf.errors.CancelledError) or predictor._is_closed():
                for future in futures:
                    _cancel(future)
                return False
            for future in futures:
                _settle(future, future.set_exception, e)
            return True
        for future, row in zip(futures, rows):
            _settle(future, future.set_result, row)
        return True

    def _cancel_queued(self) -> None:
        while True:
            try:
                task = self.input_queue.get_nowait()
            except queue.Empty:
                return
            if task is not _END:
                _cancel(task.future)


def _check_predictors(predictors: Any) -> List[Predictor]:
    who = "MultiThreadAsyncPredictor"
    if not isinstance(predictors, (list, tuple)) or not all(
            isinstance(p, (OnlinePredictor, ExportedPredictor)) for p in predictors):
        raise TypeError("{}: predictors must be a list of OnlinePredictor or ExportedPredictor; got {}".format(
            who, shown(predictors)))
    if not predictors:
        raise ValueError("{}: there must be at least one predictor; got none".format(who))
    if any(p.return_input for p in predictors):
        raise ValueError("{}: predictors must have return_input=False; got True".format(who))
    counts = sorted(set(map(_num_inputs, predictors)))
    if len(counts) > 1:
        raise ValueError("{}: all predictors must have the same inputs; got {} of them".format(
            who, " and ".join(map(str, counts))))
    return list(predictors)


def _num_inputs(predictor: Predictor) -> int:
    return len(predictor.input_names if isinstance(predictor, ExportedPredictor) else predictor.input_tensors)


def _predict_rows(predictor: Predictor, samples: Sequence[Sequence[Any]]) -> List[List[Any]]:
    """The list of outputs of each sample."""
    batches = [np.stack([np.asarray(value) for value in column]) for column in zip(*samples)]
    outputs = predictor(*batches)
    tensors = predictor.output_names if isinstance(predictor, ExportedPredictor) else predictor.output_tensors
    for tensor, output in zip(tensors, outputs):
        if np.ndim(output) == 0 or len(output) != len(samples):
            raise ValueError("MultiThreadAsyncPredictor: each output must have a row for each sample; got shape {} of {} for "
                             "{} samples".format(np.shape(output), getattr(tensor, "name", tensor), len(samples)))
    return [[output[i] for output in outputs] for i in range(len(samples))]


def _settle(future: Future[List[Any]], set_outcome: Callable[[Any], None], outcome: Any) -> None:
    """Give the outcome to a future, unless its owner has cancelled it."""
    try:
        if future.set_running_or_notify_cancel():
            set_outcome(outcome)
    except BaseException:  # SystemExit in a callback of the user; others are logged by the future itself
        logger.exception("A callback of %s failed:", threading.current_thread().name)


def _cancel(future: Future[List[Any]]) -> None:
    if future.cancel():
        future.set_running_or_notify_cancel()


def _wait_for_room(q: queue.Queue[Any]) -> None:
    with q.not_full:
        if q._qsize() >= q.maxsize:
            q.not_full.wait(_POLL)
