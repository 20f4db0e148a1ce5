"""`Trainer`: a loop of epochs of steps that calls callbacks. It knows nothing of models, towers or costs."""
from __future__ import annotations

import os
import platform
import time
import weakref
from html import escape
from typing import Any, List, Optional, Union

import numpy as np

from ..callbacks._checks.never import warn_of_callbacks_that_never_act
from ..callbacks._checks.odd import warn_of_odd_callbacks
from ..callbacks._checks.of_keras import instead_of_keras
from ..callbacks._epoch_times import NO_LAST_EPOCH
from ..callbacks.base import Callback, StopTraining, unwrapped
from ..callbacks.group import Callbacks, raise_background_failure
from ..callbacks.monitor import MonitorBase, Monitors
from ..callbacks.saver import find_model_saver
from ..callbacks.steps import MaintainStepCounter, SessionRunTimeout
from ..compat import tfv1 as tf
from ..libinfo import __version__
from ..tfutils._activation_twice import warn_of_activation_twice
from ..tfutils._column_against_row import warn_of_columns_against_rows
from ..tfutils._graph_state import new_graph
from ..tfutils._session.hooked_session import HookedSession
from ..tfutils._session.queue_runners import QueueRunners
from ..tfutils._session.stall import default_stall_seconds
from ..tfutils._variable_use import warn_of_standing_counters
from ..tfutils.model_utils import describe_trainable_vars
from ..tfutils.sesscreate import NewSessionCreator, initialize_from_restored
from ..tfutils.sessinit import JustCurrentSession, SessionInit
from ..tfutils.tower import TowerTensorHandles
from ..utils import logger
from ..utils._made_later import made_later
from ..utils._process.signals import Interruption
from ..utils._process.user_file import refuse_training_at_import
from ..utils._text.keywords import KeywordsTold, keywords_told
from ..utils._text.note import add_note
from ..utils._text.spec import shown
from ..utils._types import NOT_YET
from ..utils.argtools import call_only_once
from ..utils.concurrency import unblock_on_sigint
from ..utils.utils import humanize_time_delta
from ._distributed.cluster import warn_if_alone
from ._loop import TrainLoop, check_not_negative
from ._stall import TrainingWatch
from .config import DEFAULT_CALLBACKS, DEFAULT_MONITORS

__all__ = ["StopTraining", "TrainLoop", "Trainer"]

_NO_SESSION = ("there is no session before all callbacks have added to the graph; use it from _before_train on, and in "
               "_setup_graph only make operations and predictors")


class Trainer(KeywordsTold):
    """The training loop, and the life of the callbacks around it.

    A subclass or user sets `train_op`, or overrides `run_step`. `train` is then, in this order::

        setup_callbacks(callbacks, monitors)       # every callback may add to the graph
        initialize(session_creator, session_init)  # session, initial and restored values; the graph is final; queue runners
        main_loop(...):
            before_train()
            for each epoch:
                before_epoch()
                for each step:
                    run_step()       # before_run() of all, one session run, after_run() of all
                    trigger_step()
                after_epoch()
                trigger_epoch()
            after_train()            # always, also after an error; then the queue runners end and the session is closed

    Attributes:
        is_chief: False on the processes of a distributed training that do not save and log.
        graph: the graph that this trainer builds and runs: the default graph of its construction, or a new one when
            that graph is final because another trainer has used it.
        sess, hooked_sess: the plain session, and the one whose `run` is "a training step" with all hooks. To read one before
            the session is made is an error.
        monitors: a `Monitors`, once the callbacks are set up.
        towers: None; trainers with towers have their handles here.
        STALL_SECONDS: how long a step, or another run of the session, may take before the log says that it hangs, what it
            waits for, and what all threads do; None for never. By default 300, or what the environment variable
            `TENSORPACK_STALL_SECONDS` says (0 for never).
    """

    STALL_SECONDS: Optional[float] = default_stall_seconds()

    is_chief = True
    sess: tf.Session = made_later(_NO_SESSION)
    hooked_sess: HookedSession = made_later(_NO_SESSION)
    towers: Optional[TowerTensorHandles] = None
    _trains_with_others = False  # whether several processes make one training
    _callbacks: Callbacks = NOT_YET
    _queue_runners: QueueRunners = NOT_YET
    _watch: Optional[TrainingWatch] = None

    def __init__(self) -> None:
        self._registered_callbacks: List[Callback] = []
        self._chief_only_callbacks: List[str] = []  # those that were left out on this process
        self.loop = TrainLoop()
        self._interruption = Interruption()
        self.monitors: Monitors = NOT_YET
        self.train_op: Optional[tf.Operation] = None
        self.graph = tf.get_default_graph()
        if self.graph.finalized:
            logger.info("The default graph is final, an earlier trainer has used it; %s works in a new graph, with its seed if "
                        "it has one.", type(self).__name__)
            self.graph = new_graph()

    def _value_of_chief(self, value: Any) -> Any:
        """What the chief passes to this. Override it where several processes train, all of which call it between steps."""
        return value

    def register_callback(self, cb: Union[Callback, List[Callback]]) -> Optional[bool]:
        """Add one callback, or a list of them, after those already there; possible until the callbacks are set up.

        Returns:
            For one callback: whether it was added (False for a chief-only callback on another process).
        """
        if isinstance(cb, (list, tuple)):
            for x in cb:
                self.register_callback(x)
            return None
        if not isinstance(cb, Callback):
            raise TypeError("Trainer.register_callback: must be a Callback; got {}{}".format(shown(cb), instead_of_keras(cb)))
        if self._callbacks is not None:
            raise RuntimeError("Trainer.register_callback: callbacks can be added only before setup_callbacks; got {} "
                               "afterwards".format(cb))
        if not self.is_chief and cb.chief_only:
            self._chief_only_callbacks.append(str(cb))
            return False
        self._registered_callbacks.append(cb)
        return True

    _register_callback = register_callback

    def run_step(self) -> None:
        """One step: runs `train_op` with all hooks. Override it for steps of another kind."""
        if self.train_op is None:
            raise NotImplementedError("{}: set train_op, or override run_step()".format(type(self).__name__))
        self.hooked_sess.run(self.train_op)

    @call_only_once
    def setup_callbacks(self, callbacks: List[Callback], monitors: List[MonitorBase]) -> None:
        """Fix the list of callbacks and let each add to the graph.

        The order is: registered so far, the step counter, `callbacks`, `monitors`, the `Monitors` aggregate.
        """
        if not self._trains_with_others:
            warn_if_alone(type(self).__name__)
        for name, value in (("callbacks", callbacks), ("monitors", monitors)):
            if not isinstance(value, list):
                raise TypeError("Trainer.setup_callbacks: {} must be a list; got {}".format(name, shown(value)))
        with self.graph.as_default():
            if self.is_chief:
                logger.info("Versions: tensorpack %s, TensorFlow %s, NumPy %s, Python %s", __version__, tf.__version__,
                            np.__version__, platform.python_version())
                describe_trainable_vars()
            self.register_callback(MaintainStepCounter())
            for cb in callbacks:
                self.register_callback(cb)
            misplaced = [str(cb) for cb in self._registered_callbacks if isinstance(cb, MonitorBase)]
            if misplaced:
                raise ValueError("Trainer.setup_callbacks: monitors must be given as monitors=[...]; got {} among the "
                                 "callbacks".format(", ".join(misplaced)))
            warn_of_odd_callbacks(self._registered_callbacks)
            self.monitors = Monitors([m for m in monitors if self.register_callback(m)])
            self.register_callback(self.monitors)
            if self.is_chief and find_model_saver(self._registered_callbacks) is None:
                logger.info("This training saves no model, since no ModelSaver is among its callbacks; ModelSaver() saves one "
                            "after each epoch, from which AutoResumeTrainConfig can go on.")
            if self._chief_only_callbacks:
                logger.info("Left to the chief: %s.", ", ".join(self._chief_only_callbacks))
            logger.info("Setup callbacks graph ...")
            self._callbacks = Callbacks(self._registered_callbacks)
            self._callbacks.setup_graph(weakref.proxy(self))
            if self.is_chief:
                warn_of_standing_counters()
                warn_of_activation_twice()
                warn_of_columns_against_rows()

    @call_only_once
    def initialize(self, session_creator: tf.train.SessionCreator, session_init: SessionInit) -> None:
        """Create the session, initialise and restore the variables, make the graph final and start its queue runners."""
        if not isinstance(session_creator, tf.train.SessionCreator):
            raise TypeError("Trainer.initialize: session_creator must be a SessionCreator; got {}".format(
                shown(session_creator)))
        if not isinstance(session_init, SessionInit):
            raise TypeError("Trainer.initialize: session_init must be a SessionInit; got {}; "
                            "SmartInit(path) makes one".format(shown(session_init)))
        with self.graph.as_default():
            session_init._setup_graph()
            logger.info("Creating the session ...")
            self.sess = session_creator.create_session()
            self._queue_runners = QueueRunners(self.sess)
            self.initialize_hooks()
            if self.is_chief:
                logger.info("Initializing the session ...")
                session_init._run_init(self.sess)
            elif not isinstance(session_init, JustCurrentSession):
                logger.info("Left to the chief: %s.", type(session_init).__name__)
            self.sess.graph.finalize()
            logger.info("Graph Finalized.")
            self._share_variables()
            if not (self.is_chief and isinstance(session_init, JustCurrentSession)):
                initialize_from_restored(self.sess)
            self._queue_runners.start()

    def _share_variables(self) -> None:
        """Override it where several processes train: give all of them the variables that the chief has restored."""

    @call_only_once
    def initialize_hooks(self) -> None:
        """Make `hooked_sess`: the session with the hooks of all callbacks."""
        self.hooked_sess = HookedSession(self.sess, self._callbacks.get_hooks(), self._queue_runners)

    @call_only_once
    def main_loop(self, steps_per_epoch: int, starting_epoch: int, max_epoch: int) -> None:
        """Run the epochs from `starting_epoch` to `max_epoch`, both included.

        StopTraining, and data that has ended, end the training normally. Any other exception, the one that killed a
        background thread of an input or a queue runner included, is raised after the `after_train` of all callbacks. In a
        process that a callback has forked an exception only passes: the training, and what ends it, is the parent's.
        """
        refuse_training_at_import(type(self).__name__)
        process = os.getpid()
        with self.graph.as_default(), self.sess.as_default():
            failed = True
            try:
                if self._queue_runners is None:  # a subclass has an `initialize` of its own
                    self._queue_runners = QueueRunners(self.sess)
                self._queue_runners.start()
                self.loop.config(steps_per_epoch, starting_epoch, max_epoch)
                self.loop.update_global_step()
                self._watch = TrainingWatch(self.STALL_SECONDS, self.loop, self._callbacks, self._queue_runners)
                with unblock_on_sigint(self._unblock) as self._interruption, self._watch:
                    self._run_epochs()
                self._watch.raise_failure()
                logger.info("Training has finished!")
                failed = False
            except BaseException as e:
                if os.getpid() != process:
                    raise
                self._end_by(e)
                failed = False
            finally:
                if os.getpid() == process:
                    self._clean_up(failed)

    def _run_epochs(self) -> None:
        loop, callbacks = self.loop, self._callbacks
        callbacks.before_train()
        loop.update_global_step()
        if loop.starting_epoch > loop.max_epoch:
            logger.info("There is nothing to train: epoch %d would be the next one, and max_epoch is %d.", loop.starting_epoch,
                        loop.max_epoch)
        elif loop.max_epoch >= NO_LAST_EPOCH and self.is_chief:
            logger.info("max_epoch is not given: the training goes on until a callback such as EarlyStop, or Ctrl-C, ends it.")
        if loop.starting_epoch <= loop.max_epoch:
            warn_of_callbacks_that_never_act(self._registered_callbacks, loop.max_epoch, self._last_step())
        for epoch in range(loop.starting_epoch, loop.max_epoch + 1):
            loop._epoch_num = epoch
            logger.info("Start Epoch %d ...", loop.epoch_num)
            callbacks.before_epoch()
            start_time = time.time()
            for step in range(loop.steps_per_epoch):
                loop._local_step = step
                if self.hooked_sess.should_stop():
                    if self._watch is not None:
                        self._watch.raise_failure()
                    self._queue_runners.raise_failure()
                    return
                self.run_step()
                self._interruption.raise_postponed()
                callbacks.trigger_step()
            callbacks.after_epoch()
            logger.info("Epoch %d (global_step %d) finished, time:%s.", loop.epoch_num, loop.global_step,
                        humanize_time_delta(time.time() - start_time))
            callbacks.trigger_epoch()

    def _last_step(self) -> Optional[int]:
        """The global step at the end; None where a step of the user's may be more than one run of the session."""
        if not type(self).run_step.__module__.startswith("tensorpack."):
            return None
        loop = self.loop
        return loop.global_step + loop.steps_per_epoch * (loop.max_epoch - loop.starting_epoch + 1)

    def _end_by(self, cause: BaseException) -> None:
        """Return when `cause` is a normal end of the training; otherwise raise it, or the error behind it."""
        if self._watch is not None and isinstance(cause, tf.errors.OpError):
            self._watch.raise_failure(cause)
        if isinstance(cause, StopTraining):
            logger.info("Training ends here: %s", cause)
        elif isinstance(cause, (tf.errors.OutOfRangeError, tf.errors.CancelledError)):
            # A closed input queue looks like the end of the data; who should have filled it knows better.
            try:
                raise_background_failure(self._callbacks.cbs, cause)
                self._queue_runners.raise_failure(cause)
            except BaseException:
                logger.error("Training failed at global_step=%d: its input failed.", self.loop.global_step)
                raise
            if isinstance(cause, tf.errors.CancelledError):
                logger.error("Training failed at global_step=%d", self.loop.global_step)
                raise cause
            logger.warning("Training stopped: the data ended at step %d of %d in epoch %d: %s", self.loop.local_step + 1,
                           self.loop.steps_per_epoch, self.loop.epoch_num, cause.message)
        elif isinstance(cause, KeyboardInterrupt):
            resume = find_model_saver(self._callbacks.cbs) is not None
            logger.info("Detected Ctrl-C and exiting main loop, in epoch %d at global_step %d.%s", self.loop.epoch_num,
                        self.loop.global_step, " With AutoResumeTrainConfig the same command goes on from the last checkpoint."
                        if resume else "")
            raise cause
        else:
            logger.error("Training failed at global_step=%d", self.loop.global_step)
            if isinstance(cause, RuntimeError) and "finalized" in str(cause):
                add_note(cause, "Nothing can be added to the graph while it trains: a callback makes its operations and "
                                "predictors in _setup_graph, and runs them later")
            if isinstance(cause, tf.errors.InvalidArgumentError) and "must feed a value for placeholder" in str(cause):
                add_note(cause, "What is run beside a step has none of its data: let _before_run of the callback return "
                                "tf.train.SessionRunArgs(tensor), which is fetched with the step, or take "
                                "ProcessTensors([name], function)")
            if isinstance(cause, tf.errors.DeadlineExceededError):
                self._tell_timeouts()
            raise cause

    def _tell_timeouts(self) -> None:
        """TensorFlow does not say whose limit it was."""
        for cb in map(unwrapped, self._callbacks.cbs):
            if isinstance(cb, SessionRunTimeout):
                logger.error("SessionRunTimeout: a step must end within %d ms; this one has not, as the process was suspended, "
                             "something hangs, or it needs more time.", cb.timeout_in_ms)

    def _unblock(self) -> None:
        """Make a step end that waits for data."""
        self._callbacks._unblock()
        self._queue_runners.coord.request_stop()

    def _clean_up(self, failed: bool) -> None:
        """`after_train` of every callback, then end the queue runners and close the session. Errors of the callbacks, logged by
        then, and of queue runners are raised unless the training has `failed` with an error of its own."""
        try:
            self._callbacks.after_train()
        except Exception:
            if not failed:
                raise
        finally:
            self._queue_runners.stop(self.hooked_sess.close)
        if not failed:
            self._queue_runners.raise_failure()

    def train(self, callbacks: List[Callback], monitors: List[MonitorBase], session_creator: tf.train.SessionCreator,
              session_init: SessionInit, steps_per_epoch: int, starting_epoch: int = 1, max_epoch: int = 9999999) -> None:
        """`setup_callbacks`, `initialize` and `main_loop`; possible once per trainer."""
        check_not_negative(steps_per_epoch=steps_per_epoch, max_epoch=max_epoch)
        refuse_training_at_import(type(self).__name__)
        self.setup_callbacks(callbacks, monitors)
        self.initialize(session_creator, session_init)
        self.main_loop(steps_per_epoch, starting_epoch, max_epoch)

    @keywords_told
    def train_with_defaults(self, _sentinel: Any = None, callbacks: Optional[List[Callback]] = None,
                            monitors: Optional[List[MonitorBase]] = None,
                            session_creator: Optional[tf.train.SessionCreator] = None,
                            session_init: Optional[SessionInit] = None, steps_per_epoch: Optional[int] = None,
                            starting_epoch: int = 1, max_epoch: int = 9999999,
                            extra_callbacks: Optional[List[Callback]] = None) -> None:
        """`train` with the defaults that most people want; keyword arguments only.

        Args:
            callbacks: none by default; `extra_callbacks`, by default `DEFAULT_CALLBACKS()`, follow them.
            monitors: by default `DEFAULT_MONITORS()`.
            session_creator: by default `NewSessionCreator()`.
            session_init: by default nothing is restored.
            steps_per_epoch: required.
        """
        if _sentinel is not None:
            raise TypeError("Trainer.train_with_defaults: takes keyword arguments only; got {!r}".format(_sentinel))
        if steps_per_epoch is None:
            raise ValueError("Trainer.train_with_defaults: steps_per_epoch must be given; got None")
        callbacks = list(callbacks or []) + list(DEFAULT_CALLBACKS() if extra_callbacks is None else extra_callbacks)
        self.train(callbacks, DEFAULT_MONITORS() if monitors is None else monitors, session_creator or NewSessionCreator(),
                   session_init or JustCurrentSession(), steps_per_epoch, starting_epoch, max_epoch)

    def _repr_html_(self) -> str:
        """What a notebook shows: where the training is, and its statistics as `Monitors` shows them."""
        where = "{}: epoch {}, global step {}".format(type(self).__name__, self.epoch_num, self.global_step)
        return "<p>{}</p>{}".format(escape(where), "" if self.monitors is None else self.monitors._repr_html_())

    @property
    def epoch_num(self) -> int:
        """See `TrainLoop.epoch_num`."""
        return self.loop.epoch_num

    @property
    def global_step(self) -> int:
        """See `TrainLoop.global_step`."""
        return self.loop.global_step

    @property
    def local_step(self) -> int:
        """See `TrainLoop.local_step`."""
        return self.loop.local_step

    @property
    def steps_per_epoch(self) -> int:
        """Steps in each epoch; set by `main_loop`."""
        return self.loop.steps_per_epoch

    @property
    def starting_epoch(self) -> int:
        """Number of the first epoch; set by `main_loop`."""
        return self.loop.starting_epoch

    @property
    def max_epoch(self) -> int:
        """Number of the last epoch; set by `main_loop`."""
        return self.loop.max_epoch
