"""`CollectiveTrainer`: one process for each worker, on one machine or many, by TensorFlow's own distributed runtime."""
from __future__ import annotations

import functools
import os
import signal
import sys
import threading
import time
from contextlib import contextmanager
from typing import Any, Callable, Dict, Iterator, List, Optional, Tuple

from ... import compat
from ...callbacks.base import Callback, CallbackFactory, StopTraining
from ...callbacks.monitor import MonitorBase
from ...callbacks.steps import ProgressBar
from ...compat import tfv1 as tf
from ...dataflow._flows.shard import ShardData
from ...dataflow._same_everywhere import check_same_everywhere, flows_drawing_at_will
from ...dataflow.base import DataFlow, require_dataflow
from ...input_source.input_source_base import InputSource
from ...tfutils.sesscreate import NewSessionCreator
from ...tfutils.sessinit import SessionInit
from ...tfutils.tower import TowerContext
from ...utils import logger
from ...utils._process.signals import leave_out_traceback
from ...utils._rng import set_worker_index
from ...utils._types import NOT_YET
from ...utils._wire.addresses import require_protection
from ...utils._wire.keys import find_key
from ...utils.concurrency import unblock_on_sigint
from ..tower import SingleCostTrainer
from .cluster import Cluster, cluster_from_environment
from .graph_check import compare_graphs, describe_graph, describe_variables, digest, in_common
from .ops import Gatherer, WorkerGroup
from .settings import SettingsOfChief
from .watchdog import INTERRUPTED, Departure, PeerGone, Watchdog, wait_for_name

__all__ = ["CollectiveTrainer"]

_CHIEF = "/job:worker/replica:0/task:0"
_GATHER = "gather_objects()"  # where a worker is
_SEED_DISTANCE = 1000003
# How long a worker waits for the name of its own host, which the others will look up.
_NAME_SECONDS = 60.0

# Errors of a step in which another worker is missing. TF 2.x has them within a second, 1.15 waits forever.
_MISSING_PEER = (tf.errors.UnavailableError, tf.errors.AbortedError, tf.errors.InternalError, tf.errors.DeadlineExceededError,
                 tf.errors.FailedPreconditionError)

# A server lives as long as its process.
_servers: Dict[Tuple[Tuple[str, ...], int], Any] = {}


class CollectiveTrainer(SingleCostTrainer):
    """One tower in each of several processes, whose gradients are averaged in each step.

    The processes, called workers, run the same script. Their addresses are in the environment: `TF_CONFIG`, which
    `python -m tensorpack.launch` and cluster managers set, or the variables of a Slurm job step. Without any it trains alone.

    Every worker takes datapoints of its own: give each its part, by `shard`. All must make the same number of steps. The
    chief, rank 0, restores, saves, monitors and runs callbacks that are `chief_only`; the others get its variables before
    training and after each epoch, and its starting epoch. Random streams differ between workers, also under a fixed seed.
    A worker uses the first GPU that its process sees; `--gpus` of the launcher shows each one of its own.

    Before training the graphs of all workers are compared. When a worker fails or is lost, the others end with an error that
    names it: an exception where TensorFlow allows it, otherwise the exit of the process. To go on, start all of them again.
    When one has stopped, or its data have ended, the others stop as well; within an epoch TensorFlow may not let them, then
    their processes exit with status 1 after some seconds.

    Creates the operation `train_op`; variables and slots have root names, so that checkpoints fit to other trainers.

    Args:
        average: whether gradients are averaged or summed.
        bucket_bytes: gradients travel together until they have so many bytes.
        key: path of a key file, made by `tensorpack-make-key`, which all workers must have; None takes the one that the
            environment variable `TENSORPACK_KEY` names, if any, which `python -m tensorpack.launch` sets. It lets workers
            alone take part in what they tell each other here; the connections of TensorFlow itself are open to whoever can
            reach their ports.
        insecure: train over several machines without a key.

    Attributes:
        rank, size: number of this worker, and of all.
        BROADCAST_EVERY_EPOCH: if False, set before the graph is built, workers get the chief's variables before training only.
        START_SECONDS: how long to wait for the other workers at the start.
        HEARTBEAT_SECONDS: a worker that is silent for so long, with its connection open, is taken for lost.
        STUCK_SECONDS: how long a step may still take when another worker has failed; then the process exits with status 1.
        LAST_STEP_SECONDS: the same when another worker has ended normally, one step earlier.

    Raises:
        ValueError: the environment does not describe a cluster; or rank 0 would listen where other machines can connect,
            without a key.
    """

    _trains_with_others = True
    START_SECONDS = 600.0
    HEARTBEAT_SECONDS = 60.0
    STUCK_SECONDS = 2.0
    LAST_STEP_SECONDS = 15.0
    _INTERRUPTED_SECONDS = 0.5  # how long a step may still take that another worker, interrupted as well, has not begun
    _CLEAN_UP_SECONDS = 20.0  # for what is to be done when another worker has failed, `after_train` of callbacks included

    def __init__(self, average: bool = True, *, bucket_bytes: int = 4 << 20, key: Optional[str] = None, insecure: bool = False):
        super().__init__()
        self._key, self._insecure = find_key(key), insecure
        self.BROADCAST_EVERY_EPOCH = True
        self._average, self._bucket_bytes = average, bucket_bytes
        self._cluster: Cluster = cluster_from_environment()
        self.rank, self.size = self._cluster.rank, self._cluster.size
        self.is_chief = self.rank == 0
        self._watchdog: Watchdog = NOT_YET  # stays so where there is one worker
        self._section_start: Optional[float] = None
        self._done = threading.Event()
        self._exit_lock = threading.Lock()
        if self.size > 1:
            set_worker_index(self.rank)
            logger.info("CollectiveTrainer: worker %d of %d, at %s.", self.rank, self.size, self._cluster.workers[self.rank])

    def shard(self, dataflow: DataFlow) -> DataFlow:
        """The datapoints that are this worker's: those of index `rank`, `rank + size`, ... in each pass.

        All workers get equally many; what is left over is dropped. The flow must give the same datapoints in the same order on
        every worker, so shuffle afterwards; a class of your own that has random numbers is warned of. Each worker reads all of
        them, unless they are a source that is read at random, so decode afterwards, too. `ShardData` takes sources that shuffle
        as well.

        Raises:
            TypeError: it is no DataFlow.
            ValueError: with several workers, it is known to shuffle or mix its datapoints.
        """
        require_dataflow("CollectiveTrainer.shard", "what is shared out", dataflow)
        if self.size == 1:
            return dataflow
        check_same_everywhere("CollectiveTrainer.shard", dataflow)
        for each in flows_drawing_at_will(dataflow):
            logger.warning("CollectiveTrainer.shard: %r draws random numbers, which differ on each worker; if they decide "
                           "which datapoints come, or in which order, some are left out and others seen twice; shuffle "
                           "afterwards.", each)
        return ShardData(dataflow, self.size, self.rank)

    def gather_objects(self, obj: Any) -> List[Any]:
        """What all workers pass to this, which all of them must call, by rank; for callbacks, between steps.

        Args:
            obj: anything that can be pickled.
        """
        if self._watchdog is None:
            return [obj]
        self._meet(_GATHER)
        with self._all_take_part():
            return self._gatherer.gather(self.sess, obj)

    def _value_of_chief(self, value: Any) -> Any:
        return self.gather_objects(value)[0]

    # ---- building ----------------------------------------------------------------------------------------------------

    def _setup_graph(self, input: InputSource, get_cost_fn: Callable[..., tf.Tensor],
                     get_opt_fn: Callable[[], tf.train.Optimizer]) -> List[Callback]:
        task = "/job:worker/replica:0/task:{}/device:".format(self.rank)
        self._group = WorkerGroup(self.size, self.rank, task + ("GPU:0" if compat.num_gpus() else "CPU:0"))
        self._gatherer = Gatherer(WorkerGroup(self.size, self.rank, task + "CPU:0"))
        self._shift_seed()
        with TowerContext("", is_training=True):
            gradients = self._make_get_grad_fn(input, get_cost_fn, get_opt_fn)()
            gradients = self._group.reduce_gradients(gradients, self._average, self._bucket_bytes)
            self.train_op = get_opt_fn().apply_gradients(gradients, name="train_op")
        self._reduced = [gradient for gradient, _ in gradients]
        self._model_variables = list(tf.global_variables())
        if self.size == 1:
            return []
        return [_EpochBoundary(self), SettingsOfChief()]

    def _shift_seed(self) -> None:
        """Dropout and the like shall differ between workers, too, when the graph has a seed."""
        if self.rank and self.graph.seed is not None:
            tf.set_random_seed(self.graph.seed + _SEED_DISTANCE * self.rank)

    def register_callback(self, cb: Any) -> Optional[bool]:
        """Like that of the base class; on other workers than the chief also without progress bars."""
        if isinstance(cb, ProgressBar) and not self.is_chief:
            return False
        return super().register_callback(cb)

    _register_callback = register_callback

    def setup_callbacks(self, callbacks: List[Callback], monitors: List[MonitorBase]) -> None:
        if not self.is_chief and isinstance(monitors, list):
            monitors = []  # two processes must not write the same files
        super().setup_callbacks(callbacks, monitors)

    # ---- starting ----------------------------------------------------------------------------------------------------

    def initialize(self, session_creator: tf.train.SessionCreator, session_init: SessionInit) -> None:
        if self.size == 1:
            super().initialize(session_creator, session_init)
            return
        if type(session_creator) is not NewSessionCreator or session_creator.target:
            raise ValueError("CollectiveTrainer.initialize: session_creator must be a NewSessionCreator without target, since "
                             "the session is one of this worker's server; got {!r}".format(session_creator))
        # on all workers, since the others would wait for rank 0 for a long time
        require_protection("CollectiveTrainer", self._cluster.watchdog, self._key, self._insecure)
        self._wait_for_own_name()
        self._watchdog = Watchdog(self.rank, self.size, self._cluster.watchdog, self._on_departure,
                                  start_seconds=self.START_SECONDS, heartbeat_seconds=self.HEARTBEAT_SECONDS,
                                  key=self._key, insecure=self._insecure)
        try:
            with self.graph.as_default():
                self._broadcast_op = self._group.copy_from_chief(self._agree_on_variables())
            super().initialize(self._on_server(session_creator.config), session_init)
        except BaseException as e:
            self._leave_by(e)
            self._finish()
            if isinstance(e, KeyboardInterrupt):
                logger.info("Detected Ctrl-C before the first step.")
                leave_out_traceback(e)
            raise

    def _share_variables(self) -> None:
        if self.size > 1:
            logger.info("%s the variables of rank 0 ...", "Sending" if self.is_chief else "Waiting for")
            with unblock_on_sigint(self._on_interrupt) as self._interruption:
                self._broadcast()

    def _wait_for_own_name(self) -> None:
        """When all have met, TensorFlow looks up each worker, once; the name of a new host may come late."""
        host = self._cluster.workers[self.rank].rpartition(":")[0].strip("[]")
        if not wait_for_name(host, min(_NAME_SECONDS, self.START_SECONDS)):
            logger.warning("CollectiveTrainer: the name of this worker, %s, cannot be looked up here; training fails if the "
                           "others cannot look it up either.", host)

    def _agree_on_variables(self) -> List[Any]:
        """Compare the graphs; the variables that all workers have, those that callbacks made included."""
        graph = describe_graph(self.train_op, self._model_variables, self._reduced, self._group.device_type)
        if not self._exchange(digest(graph), _are_equal):  # of many workers, rank 0 could not hold all descriptions
            self._exchange(graph, compare_graphs)
        existing = {variable.op.name: variable for variable in tf.global_variables()}
        return [existing[name] for name in self._exchange(describe_variables(list(existing.values())), in_common)]

    def _on_server(self, config: tf.ConfigProto) -> NewSessionCreator:
        own = tf.ConfigProto()
        own.CopyFrom(config)
        own.experimental.collective_group_leader = _CHIEF
        own.isolate_session_state = True  # else variables of an earlier training in this process were found on the server
        own.device_filters.append("/job:worker/task:{}".format(self.rank))
        key = (self._cluster.workers, self.rank)
        if key not in _servers:
            _servers[key] = tf.train.Server(tf.train.ClusterSpec({"worker": list(self._cluster.workers)}), "worker", self.rank,
                                            config=own)
        creator = NewSessionCreator(target=_servers[key].target)
        creator.config = own
        return creator

    def _broadcast(self) -> None:
        with self._all_take_part():
            self.sess.run(self._broadcast_op)

    # ---- training ----------------------------------------------------------------------------------------------------

    def run_step(self) -> None:
        if self._watchdog is None:
            super().run_step()
            return
        with self._all_take_part():
            super().run_step()

    def _run_epochs(self) -> None:
        if self._watchdog is None:
            super()._run_epochs()
            return
        loop = self.loop
        starting_epoch = self._exchange([loop.steps_per_epoch, loop.max_epoch, loop.starting_epoch], _compare_epochs)
        if starting_epoch != loop.starting_epoch:
            logger.info("Training starts at epoch %d, as on rank 0.", starting_epoch)
            loop.config(loop.steps_per_epoch, starting_epoch, loop.max_epoch)
        super()._run_epochs()
        self._leave("its training has finished", False)

    def _meet(self, where: str) -> None:
        """Wait for all workers; StopTraining if one of them has ended its training normally."""
        self._exchange(where, _compare_places)

    def _exchange(self, value: Any, combine: Callable[[List[Any]], Any]) -> Any:
        try:
            return self._watchdog.exchange(value, combine)
        except PeerGone as e:
            if e.departure.failed:
                raise self._cannot_go_on(e.departure) from e
            raise _stop_with(e.departure) from e
        except ValueError as e:
            raise RuntimeError("CollectiveTrainer: {}".format(e)) from e

    def _cannot_go_on(self, departure: Departure) -> RuntimeError:
        # one that is lost did not tell how far it was
        is_mended = departure.step is None or departure.interrupted
        what = "Start all workers again" if is_mended else "When that is mended, start all workers again"
        return RuntimeError("Rank {} cannot train without the others; {}. {}: with AutoResumeTrainConfig they go on from the "
                            "last checkpoint".format(self.rank, departure, what))

    @contextmanager
    def _all_take_part(self) -> Iterator[None]:
        """Around what does not end before all workers do it."""
        self._section_start = time.monotonic()
        try:
            self._raise_failure()
            yield
        except tf.errors.OpError as e:
            if _is_caused_by_others(e):  # else it is our own, of which the others wait to hear
                self._watchdog.wait_for_failure(self.STUCK_SECONDS)
                self._raise_failure(e)
                for departure in self._watchdog.departures:
                    raise _stop_with(departure) from e
            raise
        finally:
            self._section_start = None

    def _raise_failure(self, cause: Optional[BaseException] = None) -> None:
        failures = [departure for departure in self._watchdog.departures if departure.failed]
        if failures:
            raise self._cannot_go_on(failures[0]) from cause

    # ---- ending ------------------------------------------------------------------------------------------------------

    def _end_by(self, cause: BaseException) -> None:
        if self._watchdog is not None:
            self._leave_by(cause)
            if isinstance(cause, KeyboardInterrupt):
                leave_out_traceback(cause)  # of as many workers as there are
        super()._end_by(cause)

    def _leave_by(self, cause: BaseException) -> None:
        if isinstance(cause, StopTraining):
            self._leave("it has stopped ({})".format(cause), False)
        elif isinstance(cause, tf.errors.OutOfRangeError):
            self._leave("its data have ended after {} steps".format(self.loop.global_step), False)
        elif isinstance(cause, KeyboardInterrupt):
            self._leave(INTERRUPTED, True)
        else:
            self._leave("it has failed ({})".format(_in_a_line(cause)), True)

    def _leave(self, reason: str, failed: bool) -> None:
        in_a_step = self._section_start is not None  # others that have come as far are not in vain in that step
        self._watchdog.leave(reason, failed, self.loop.global_step + in_a_step)

    def _clean_up(self, failed: bool) -> None:
        try:
            if self._watchdog is not None and not failed:
                # They may not have received all of the last step yet
                self._watchdog.wait_for_others()
            super()._clean_up(failed)
        finally:
            self._finish()

    def _finish(self) -> None:
        self._done.set()
        if self._watchdog is not None:
            self._watchdog.close()

    def _on_departure(self, departure: Departure) -> None:
        both_interrupted = departure.interrupted and self._interruption.received
        if departure.failed and not both_interrupted and not self._done.is_set():
            log = logger.info if departure.interrupted else logger.error
            log("Training ends on rank %d; %s.", self.rank, departure)
        self._end_if_stuck(str(self._cannot_go_on(departure)), functools.partial(self._is_hopeless, departure))

    def _is_hopeless(self, departure: Departure, seconds: float, stuck: float) -> bool:
        if departure.interrupted and self._interruption.received and self.loop.global_step >= (departure.step or 0):
            return stuck > self._INTERRUPTED_SECONDS
        if departure.failed or departure.step is None:
            return stuck > self.STUCK_SECONDS or seconds > self._CLEAN_UP_SECONDS
        return stuck > self.LAST_STEP_SECONDS and self.loop.global_step >= departure.step

    def _on_interrupt(self) -> None:
        """Ctrl-C was pressed some time ago, and a step of TensorFlow does not end."""
        self._leave(INTERRUPTED, True)
        self._end_if_stuck("", lambda seconds, stuck: stuck > self.STUCK_SECONDS)

    def _end_if_stuck(self, why: str, is_hopeless: Callable[[float, float], bool]) -> None:
        """Watch the main thread from now on, and end the process when it waits, in TensorFlow, for who will not come.

        Args:
            is_hopeless: told how many seconds have gone by, and how many of them the main thread has been waiting.
        """
        since = time.monotonic()

        def watch() -> None:
            while not self._done.wait(0.1):
                start, now = self._section_start, time.monotonic()
                if is_hopeless(now - since, 0.0 if start is None else now - max(start, since)):
                    with self._exit_lock:  # whoever comes second has nothing to add
                        self._exit(why)

        threading.Thread(target=watch, name="CollectiveGuard", daemon=True).start()

    def _exit(self, why: str) -> None:
        """End the process here and now, by Ctrl-C if that was pressed, otherwise for this reason."""
        words = "TensorFlow cannot be interrupted here, the process exits."
        if self._interruption.received:
            logger.info("Rank %d was interrupted, in epoch %d at global_step %d. %s", self.rank, self.loop.epoch_num,
                        self.loop.global_step, words)
            self._leave(INTERRUPTED, True)
        else:
            logger.error("%s. %s", why, words)
            self._leave("it has failed ({})".format(why), True)
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(128 + signal.SIGINT if self._interruption.received else 1)


class _EpochBoundary(CallbackFactory):
    """Between epochs workers wait for each other, and get the chief's variables."""

    _chief_only = False
    name_scope = "EpochBoundary"

    def __init__(self, trainer: CollectiveTrainer):
        super().__init__()
        self._broadcasts = trainer.BROADCAST_EVERY_EPOCH

    def _before_epoch(self) -> None:
        self.trainer._meet("the start of epoch {}".format(self.epoch_num))

    def _trigger_epoch(self) -> None:
        if self._broadcasts:
            self.trainer._meet("the end of epoch {}".format(self.epoch_num))
            self.trainer._broadcast()

    def _unblock(self) -> None:
        self.trainer._on_interrupt()


def _stop_with(departure: Departure) -> StopTraining:
    return StopTraining("another worker has stopped; {}".format(departure))


def _is_caused_by_others(error: tf.errors.OpError) -> bool:
    """Whether another worker has failed first. TF 1.15 may hand on its error as it was; TF 2.x quotes its latest logs."""
    text = str(error.message).partition("Recent warning and error logs")[0]
    return isinstance(error, _MISSING_PEER) or "Collective" in text


def _in_a_line(error: BaseException) -> str:
    """Its type, and the first line that says something: those of a server begin with one that says where."""
    lines = (getattr(error, "message", None) or str(error)).strip().split("\n")
    text = next((line for line in lines if not line.startswith("From /job:")), "")
    return "{}: {}".format(type(error).__name__, text) if text else type(error).__name__


def _are_equal(values: List[Any]) -> bool:
    return all(value == values[0] for value in values)


def _compare_epochs(settings: List[Any]) -> int:
    for rank, setting in enumerate(settings):
        if setting[:2] != settings[0][:2]:
            raise ValueError("all workers must have the same steps_per_epoch and max_epoch; got {} and {} on rank 0, {} and {} "
                             "on rank {}; `shard` gives each equally many datapoints".format(*settings[0][:2] + setting[:2],
                                                                                             rank))
    return settings[0][2]


def _compare_places(places: List[Any]) -> None:
    for rank, place in enumerate(places):
        if place != places[0]:
            hint = "; a callback that calls it must run on all workers, by set_chief_only(False)" if _GATHER in (
                places[0], place) else ""
            raise ValueError("all workers must do the same; rank 0 is at {}, rank {} at {}{}".format(
                places[0], rank, place, hint))
