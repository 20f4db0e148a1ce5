"""`Callback`: what a training run calls at its fixed moments, and the two small callbacks to build others from.

Public methods are what the trainer calls; a subclass overrides the underscore methods of the same names.
"""
from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable, Iterable, List, Optional, Sequence, Tuple, Union

from ..compat import tfv1 as tf
from ..tfutils._restore.names import near_tensor_names
from ..tfutils._session.session_call import SessionCall
from ..tfutils._tower.contents import inference_tower_of
from ..tfutils._tower.namesakes import tell_of_namesakes
from ..tfutils.common import as_value
from ..utils._arguments.functions import check_function
from ..utils._made_later import made_later
from ..utils._text.repr import ReprMixin
from ..utils._text.spec import shown
from ..utils.argtools import log_once
from ._checks.of_keras import instead_of_keras

__all__ = ["Callback", "CallbackFactory", "ProxyCallback", "StopTraining"]

# Looked up once: attributes of `tf` are slow on TF 1.15, and this one is needed in each step.
_SessionRunArgs = tf.train.SessionRunArgs


class StopTraining(Exception):
    """Raise it in a callback or in `Trainer.run_step` to end training normally."""


class Callback(ReprMixin):
    """Base class of all callbacks.

    A run calls the public methods of all its callbacks in this order, always in the order of the list::

        setup_graph(trainer)
        # the session is made, the graph is final
        before_train()
        for epoch_num in range(starting_epoch, max_epoch + 1):
            before_epoch()
            for local_step in range(steps_per_epoch):
                before_run(ctx)               # of all callbacks
                # one Session call: the training operation and all that callbacks fetch
                after_run(ctx, values)        # of all callbacks
                trigger_step()
            after_epoch()
            trigger_epoch()                   # calls trigger() by default
        after_train()                         # always, also after an error

    `before_epoch` and `after_epoch` are for what takes negligible time; slow work belongs in `trigger_epoch`. What depends
    on the input data must be fetched by `before_run`, as part of the step.

    Attributes:
        trainer: the trainer (a weak proxy), from `setup_graph` on.
        graph: the graph, from `setup_graph` on.
        name_scope: top-level name scope (underscores removed) for what `_setup_graph` creates; empty means the class name.
    """

    trainer: Any = made_later("a callback has its trainer from _setup_graph on")
    graph: tf.Graph = made_later("a callback has its graph from _setup_graph on")
    name_scope: str = ""
    _chief_only: bool = True
    _resolved_fetches: Tuple[Any, Any, Any] = (None, None, None)
    _has_asked: bool = False

    # ---- the moments of a training run -----------------------------------------------------------------------------

    def setup_graph(self, trainer: Any) -> None:
        """Call `_setup_graph` under a fresh top-level name scope; once, before the session exists."""
        self.trainer = trainer
        self.graph = tf.get_default_graph()
        scope = (self.name_scope or type(self).__name__).replace("_", "")
        with self.graph.name_scope(None), self.graph.name_scope(scope):
            self._setup_graph()

    def _setup_graph(self) -> None:
        """The only place to add operations to the graph."""

    def before_train(self) -> None:
        """Called when the session is ready and is the default session, and the graph is final."""
        self._before_train()

    def _before_train(self) -> None:
        """Override this one."""

    def before_epoch(self) -> None:
        """Called right before the first step of an epoch."""
        self._before_epoch()

    def _before_epoch(self) -> None:
        """Override this one, for what takes negligible time."""

    def after_epoch(self) -> None:
        """Called right after the last step of an epoch."""
        self._after_epoch()

    def _after_epoch(self) -> None:
        """Override this one, for what takes negligible time."""

    def before_run(self, ctx: tf.train.SessionRunContext) -> Optional[tf.train.SessionRunArgs]:
        """Called before every `hooked_sess.run`.

        Raises:
            TypeError: `_before_run` returned something it may not.
            KeyError: it returned a name that is not in the graph.
        """
        fetches = self._before_run(ctx)
        if fetches is None:
            return None
        if isinstance(fetches, _SessionRunArgs):
            if not self._has_asked:
                self._has_asked = True
                self._tell_of_other_towers([] if fetches.feed_dict else tf.nest.flatten(fetches.fetches))
            return fetches
        return self._to_run_args(fetches)

    def _before_run(self, ctx: tf.train.SessionRunContext) -> Union[None, tf.train.SessionRunArgs, List[Any]]:
        """Override this one.

        Returns:
            None, a `tf.train.SessionRunArgs`, or a list of tensors, operations and their names (names are looked up as in
            `get_tensors_maybe_in_tower`). Returning the same object or equal lists in each step is the fast way.
        """

    def after_run(self, run_context: tf.train.SessionRunContext, run_values: tf.train.SessionRunValues) -> None:
        """Called after every `hooked_sess.run`; `run_values.results` has the structure of what `before_run` asked for."""
        self._after_run(run_context, run_values)

    def _after_run(self, run_context: tf.train.SessionRunContext, run_values: tf.train.SessionRunValues) -> None:
        """Override this one."""

    def trigger_step(self) -> None:
        """Called after every `Trainer.run_step`."""
        self._trigger_step()

    def _trigger_step(self) -> None:
        """Override this one."""

    def trigger_epoch(self) -> None:
        """Called after every epoch, when all `after_epoch` have been."""
        self._trigger_epoch()

    def _trigger_epoch(self) -> None:
        """Override this one; by default an epoch calls `trigger`."""
        self.trigger()

    def trigger(self) -> None:
        """Called by the schedule: at each epoch by default, else as `PeriodicTrigger` says."""
        self._trigger()

    def _trigger(self) -> None:
        """Override this one."""

    def after_train(self) -> None:
        """Called once at the end, also after an error; the session is still open and default."""
        self._after_train()

    def _after_train(self) -> None:
        """Override this one."""

    # ---- what a callback may ask ------------------------------------------------------------------------------------

    @property
    def epoch_num(self) -> int:
        """The epoch that runs now, counted from `starting_epoch`."""
        return self.trainer.epoch_num

    @property
    def global_step(self) -> int:
        """The number of `hooked_sess.run` calls so far, those before a restart included."""
        return self.trainer.global_step

    @property
    def local_step(self) -> int:
        """The step inside this epoch, counted from 0."""
        return self.trainer.local_step

    @property
    def chief_only(self) -> bool:
        """Whether only the chief process of a distributed run registers this callback."""
        return self._chief_only

    def set_chief_only(self, v: bool = True) -> Callback:
        """Change `chief_only` and return the callback itself."""
        self._chief_only = v
        return self

    def get_tensors_maybe_in_tower(self, names: Sequence[str]) -> List[Any]:
        """Look up `"op"` (an operation) and `"tensor:0"` (a tensor) names.

        Each is looked for in the whole graph first, then in the first training tower. The tensor name of a variable gives
        the variable's value, also for a resource variable.

        Raises:
            KeyError: a name is in neither; the message has the nearest names there are.
        """
        names = [names] if isinstance(names, str) else names
        return [self._find_in_graph(name) for name in names]

    def _acts_when_triggered(self) -> bool:
        """Whether `trigger` does anything; a callback whose arguments decide that overrides this."""
        return overrides(self, "trigger")

    def _failure(self) -> Optional[BaseException]:
        """The error that killed background work of this callback, if any."""
        return None

    def _unblock(self) -> None:
        """Called by another thread when Ctrl-C was pressed while a step waits in TensorFlow: make that wait end."""

    def _waits_for(self) -> Optional[str]:
        """Called by another thread when a step hangs: a line on what this callback may wait for, and how far that is."""

    def _end_hopeless_wait(self, call: SessionCall) -> Optional[str]:
        """Called by another thread when a run of the session takes long: if it waits for what cannot come, let it fail and
        return why."""

    def __str__(self) -> str:
        return type(self).__name__

    if not TYPE_CHECKING:  # to a type checker any name would be an attribute then

        def __getattr__(self, name: str) -> Any:
            """Say where an attribute is that the trainer has; only called for what a callback has not."""
            trainer = self.__dict__.get("trainer")
            if trainer is not None and not name.startswith("_") and not hasattr(type(self), name) and _has(trainer, name):
                raise AttributeError("{0} has no attribute '{1}', the trainer has it: self.trainer.{1}".format(
                    type(self).__name__, name))
            return object.__getattribute__(self, name)  # raises what has led here

    # ---- inside -----------------------------------------------------------------------------------------------------

    def _to_run_args(self, fetches: Sequence[Any]) -> tf.train.SessionRunArgs:
        if not isinstance(fetches, (list, tuple)):
            raise TypeError("{}: _before_run must return None, tf.train.SessionRunArgs, or a list of tensors, operations or "
                            "names; got {!r}; try to return a list of it".format(self, fetches))
        key = tuple(x if isinstance(x, str) else id(x) for x in fetches)
        if key != self._resolved_fetches[0]:
            found = [self._find_in_graph(x) if isinstance(x, str) else x for x in fetches]
            self._tell_of_other_towers(fetches)
            self._tell_of_operations([(x, each) for x, each in zip(fetches, found) if not _may_be_meant(each)])
            # the given objects are kept as well, so that their ids stay theirs
            self._resolved_fetches = (key, _SessionRunArgs(found), tuple(fetches))
        return self._resolved_fetches[1]

    def _tell_of_operations(self, fetches: Iterable[Tuple[Any, Any]]) -> None:
        """Warn of names in (what was asked for, what it is) that are those of operations, in whose place tensors were meant."""
        for name, fetch in fetches:
            if isinstance(name, str) and isinstance(fetch, tf.Operation) and fetch.outputs:
                log_once("[{0}] {1!r} is the name of an operation, whose value is None; its tensor is '{1}:0'.".format(
                    self, name), "warning")

    def _tell_of_other_towers(self, fetches: Iterable[Any]) -> None:
        """Warn of tensors, as a model keeps them in its attributes, that are no longer those of the training."""
        for fetch in fetches:
            tower = inference_tower_of(fetch)
            if tower is not None:
                log_once("[{}] fetches {!r} in each step of the training, a tensor of the tower {!r}, in which the model is in "
                         "inference mode; build_graph is called for each tower, and what it keeps in attributes is that of the "
                         "last one. Return the name of the tensor, without the tower's prefix: {!r}.".format(
                             str(self), fetch.name, tower.name, fetch.name.partition(tower.name + "/")[2]), "warning")

    def _find_in_graph(self, name: str) -> Any:
        try:
            element = self.graph.as_graph_element(name)
        except KeyError:
            pass
        else:
            tell_of_namesakes(element)
            return _with_value(element)
        tower = self._first_training_tower()
        if tower is not None:
            try:
                if ":" in name:
                    return tower.get_tensor(name)
                return self.graph.get_operation_by_name("/".join([tower.ns_name, name]).lstrip("/"))
            except KeyError:
                pass
        raise KeyError(self._not_found(name, tower))

    def _first_training_tower(self) -> Any:
        towers = getattr(self.trainer, "towers", None)
        training: Any = towers.training() if towers is not None else ()
        return training[0] if len(training) else None

    def _not_found(self, name: str, tower: Any) -> str:
        where = "is not in the graph"
        if tower is not None and tower.ns_name:
            where = "is neither in the graph nor in tower '{}'".format(tower.ns_name)
        near = near_tensor_names(name, self.graph.get_operations())
        return "{}: '{}' {}; {}".format(self, name, where, near if ":" in name else near.replace(":0'", "'"))


def _with_value(element: Union[tf.Operation, tf.Tensor]) -> Union[tf.Operation, tf.Tensor]:
    return element if isinstance(element, tf.Operation) else as_value(element)


def _may_be_meant(fetch: Any) -> bool:
    """Whether it is an operation that is run for its effect."""
    return isinstance(fetch, tf.Operation) and (fetch.type.startswith(("Assign", "Scatter")) or fetch.op_def.is_stateful)


def _has(trainer: Any, name: str) -> bool:
    try:
        return hasattr(trainer, name) or hasattr(trainer.__class__, name)  # of the class: what it has later only
    except ReferenceError:  # the trainer is gone
        return False


def overrides(cb: Callback, moment: str) -> bool:
    """Whether a callback does something at a moment, such as "trigger_step": has that method or `_trigger_step` of its own."""
    return any(getattr(getattr(cb, name), "__func__", None) is not getattr(Callback, name) for name in (moment, "_" + moment))


class ProxyCallback(Callback):
    """Forwards every call to another callback; the base of callbacks that change when another one acts.

    The wrapped callback gets its own top-level name scope. `chief_only` is copied when the proxy is made.
    """

    def __init__(self, cb: Callback):
        if not isinstance(cb, Callback):
            raise TypeError("{}: cb must be a Callback; got {}{}".format(
                type(self).__name__, shown(cb), instead_of_keras(cb)))
        self.cb = cb
        self._chief_only = cb.chief_only

    def _setup_graph(self) -> None:
        self.cb.setup_graph(self.trainer)

    def _before_train(self) -> None:
        self.cb.before_train()

    def _before_epoch(self) -> None:
        self.cb.before_epoch()

    def _after_epoch(self) -> None:
        self.cb.after_epoch()

    def _before_run(self, ctx: tf.train.SessionRunContext) -> Optional[tf.train.SessionRunArgs]:
        return self.cb.before_run(ctx)

    def _after_run(self, run_context: tf.train.SessionRunContext, run_values: tf.train.SessionRunValues) -> None:
        self.cb.after_run(run_context, run_values)

    def _trigger_step(self) -> None:
        self.cb.trigger_step()

    def _trigger_epoch(self) -> None:
        self.cb.trigger_epoch()

    def _trigger(self) -> None:
        self.cb.trigger()

    def _after_train(self) -> None:
        self.cb.after_train()

    def _acts_when_triggered(self) -> bool:
        return self.cb._acts_when_triggered()

    def _failure(self) -> Optional[BaseException]:
        return self.cb._failure()

    def _unblock(self) -> None:
        self.cb._unblock()

    def _waits_for(self) -> Optional[str]:
        return self.cb._waits_for()

    def _end_hopeless_wait(self, call: SessionCall) -> Optional[str]:
        return self.cb._end_hopeless_wait(call)

    def __str__(self) -> str:
        return "Proxy-" + str(self.cb)


def unwrapped(cb: Callback) -> Callback:
    """The callback inside of proxies such as PeriodicTrigger."""
    while isinstance(cb, ProxyCallback):
        cb = cb.cb
    return cb


class CallbackFactory(Callback):
    """A callback made of functions, each of which gets the callback as its argument.

    Args:
        setup_graph, before_train, trigger, after_train: what to do at these moments; None for nothing.
    """

    def __init__(self, setup_graph: Optional[Callable[[CallbackFactory], Any]] = None,
                 before_train: Optional[Callable[[CallbackFactory], Any]] = None,
                 trigger: Optional[Callable[[CallbackFactory], Any]] = None,
                 after_train: Optional[Callable[[CallbackFactory], Any]] = None):
        self._functions = {"setup_graph": setup_graph, "before_train": before_train,
                           "trigger": trigger, "after_train": after_train}
        for name, function in self._functions.items():
            if function is not None:
                check_function(self, name, function, "of the callback, one argument")

    def _call(self, name: str) -> None:
        function = self._functions[name]
        if function is not None:
            function(self)

    def _setup_graph(self) -> None:
        self._call("setup_graph")

    def _before_train(self) -> None:
        self._call("before_train")

    def _trigger(self) -> None:
        self._call("trigger")

    def _after_train(self) -> None:
        self._call("after_train")

    def _acts_when_triggered(self) -> bool:
        return self._functions["trigger"] is not None
