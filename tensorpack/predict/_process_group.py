"""A feeder and predicting workers as spawned processes, and the results of their work.

One process reads the DataFlow into a queue, workers take from it, and each of them has a pipe of its own to the consumer: a
process that is killed cannot block the pipe of another one, and the end of its pipe is seen at once.
"""
from __future__ import annotations

import multiprocessing
import pickle
import sys
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from typing import Any, Dict, Iterator, List, Optional, Tuple

from ..dataflow.base import DataFlow
from ..utils import logger
from ..utils._process.end import describe_end, end_processes
from ..utils._process.pickling import dumps
from ..utils._process.remote_failure import RemoteFailure
from ..utils._rng import StreamOrigin, new_worker_origin, set_worker_index
from ..utils._text.spec import describe
from ..utils.concurrency import DIE, enable_death_signal, ensure_proc_terminate, start_proc_mask_signal
from ..utils.utils import change_env
from .concurrency import MultiProcessQueuePredictWorker
from .config import PredictConfig

_SPAWN = multiprocessing.get_context("spawn")
_POLL = 0.5  # seconds between two looks at whether all processes live
_JOIN_SECONDS = 5  # that a process gets to end
_WINDOW = 8  # datapoints for each worker that may be on their way


class _PickledQueue:
    """A queue between processes whose `put` raises when an object cannot be pickled; that of `multiprocessing` drops it."""

    def __init__(self) -> None:
        self._queue = _SPAWN.Queue()

    def put(self, obj: Any) -> None:
        self._queue.put(pickle.dumps(obj, pickle.HIGHEST_PROTOCOL))

    def get(self) -> Any:
        return pickle.loads(self._queue.get())

    def close(self) -> None:
        self._queue.close()


class _PipeEnd:
    """The sending end of a pipe, with the `put` of a queue."""

    def __init__(self, connection: Connection):
        self._connection = connection

    def put(self, obj: Any) -> None:
        self._connection.send_bytes(pickle.dumps(obj, pickle.HIGHEST_PROTOCOL))


class _Feeder(SpawnProcess):
    """Puts (number, datapoint) for each datapoint, then (DIE, None) for each worker; at last reports (DIE, None or failure)."""

    def __init__(self, dataset: bytes, origin: StreamOrigin, tasks: Any, window: Any, num_workers: int, report: Any):
        super().__init__(name="MultiProcessDatasetPredictor-feeder")
        self._dataset = dataset
        self._origin = origin
        self._tasks = tasks
        self._window = window
        self._num_workers = num_workers
        self._report = report

    def run(self) -> None:
        """The work of the process."""
        enable_death_signal()
        failure = None
        try:
            self._feed()
        except BaseException as e:
            failure = RemoteFailure(self.name, e)
        for _ in range(self._num_workers):
            self._tasks.put((DIE, None))
        self._report.put((DIE, failure))
        if failure is not None:
            sys.exit(1)

    def _feed(self) -> None:
        set_worker_index(0, origin=self._origin)
        dataset = pickle.loads(self._dataset)
        dataset.reset_state()
        for number, dp in enumerate(dataset):
            self._window.acquire()
            self._tasks.put((number, check_datapoint("MultiProcessDatasetPredictor", dp)))


def check_datapoint(who: str, dp: Any) -> Any:
    """Return `dp`, or raise TypeError if it is no list or tuple."""
    if not isinstance(dp, (list, tuple)):
        raise TypeError("{}: a datapoint must be a list of the inputs of the config, in their order; got {}; map the DataFlow "
                        "to lists".format(who, describe(dp)))
    return dp


class ProcessGroup:
    """Starts the processes; `results` gives what they compute, `close` ends them.

    Args:
        config, dataset: what to predict with, and on.
        devices: the value of CUDA_VISIBLE_DEVICES for each worker.
        engine: what computes the model in a worker, see OfflinePredictor.

    Raises:
        TypeError: config or dataset cannot be pickled.
        RuntimeError: a process has ended while it was started.
    """

    def __init__(self, config: PredictConfig, dataset: DataFlow, devices: List[str], engine: Optional[str] = None):
        self._tasks = _PickledQueue()
        self._window = _SPAWN.Semaphore(_WINDOW * len(devices))
        self._processes: Dict[Connection, multiprocessing.process.BaseProcess] = {}
        pickled = dumps("MultiProcessDatasetPredictor", "dataset", dataset)
        try:
            for idx, device in enumerate(devices):
                with change_env("CUDA_VISIBLE_DEVICES", device):
                    self._start(lambda pipe, i=idx: MultiProcessQueuePredictWorker(
                        i, self._tasks, pipe, config, engine=engine))
            self._feeder = self._start(lambda pipe: _Feeder(
                pickled, new_worker_origin(dataset), self._tasks, self._window, len(devices), pipe))
        except BaseException:
            self.close()
            raise

    def _start(self, make: Any) -> Connection:
        """Start a process with a pipe to it, and return our end, by which it is known from then on."""
        reader, writer = _SPAWN.Pipe(duplex=False)
        with writer:  # when ours is closed, that of the process is the only one
            try:
                process = make(_PipeEnd(writer))
                self._processes[reader] = process
                start_proc_mask_signal(process)
            except BrokenPipeError as e:
                raise self._death(reader) from e
            except BaseException:
                self._processes.pop(reader, None)
                reader.close()
                raise
        ensure_proc_terminate(process)
        return reader

    def results(self, stall_seconds: Optional[float] = None) -> Iterator[Tuple[int, Any]]:
        """(number of the datapoint, outputs), in the order in which they come.

        Args:
            stall_seconds: how long none may come before the log says so, once each time; None for never.

        Raises:
            RuntimeError: a process was killed or has ended too early.
            Exception: what a process raised; if that was the DataFlow, after all results for the data before.
        """
        pending = list(self._processes)
        failure: Optional[RemoteFailure] = None
        silence = 0.0  # seconds, while somebody waits for a result
        while pending:
            ready: List[Any] = wait(pending, timeout=_POLL)
            if not ready:
                self._check_alive(pending)
                silence += _POLL
                if stall_seconds is not None and silence - _POLL < stall_seconds <= silence:
                    self._report_stall(silence)
            for reader in ready:
                silence = 0.0
                number, value = self._receive(reader)
                if number is not DIE:
                    yield number, value
                    continue
                pending.remove(reader)
                if value is not None and reader is not self._feeder:
                    value.reraise()
                failure = failure or value
        if failure is not None:
            failure.reraise()
        for process in self._processes.values():
            process.join(_JOIN_SECONDS)

    def release(self) -> None:
        """Let the feeder read one more datapoint."""
        self._window.release()

    def _receive(self, reader: Connection) -> Tuple[Any, Any]:
        try:
            data = reader.recv_bytes()
        except (EOFError, OSError):
            raise self._death(reader) from None
        return pickle.loads(data)

    def _check_alive(self, pending: List[Connection]) -> None:
        for reader in pending:
            # a child of the dead process may hold its pipe open
            if self._processes[reader].exitcode is not None and not reader.poll():
                raise self._death(reader)

    def _report_stall(self, seconds: float) -> None:
        living = ["{} ({})".format(process.name, process.pid) for process in self._processes.values() if process.is_alive()]
        logger.warning("MultiProcessDatasetPredictor: there was no result for %.0f seconds. These processes live: %s. Either "
                       "the DataFlow, in the feeder, gives no datapoint, or a predictor waits, which its own log tells; "
                       "`py-spy dump --pid` shows what a process does.", seconds, ", ".join(living))

    def _death(self, reader: Connection) -> RuntimeError:
        return RuntimeError("MultiProcessDatasetPredictor: all its processes must live until the data end; {}".format(
            describe_end(self._processes[reader])))

    def close(self) -> None:
        """End all processes and free their pipes; may be called again."""
        processes, self._processes = self._processes, {}
        end_processes(list(processes.values()))
        for reader in processes:
            reader.close()
        self._tasks.close()
