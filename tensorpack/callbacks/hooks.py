"""A callback made from a `tf.train.SessionRunHook`, and the reverse."""
from __future__ import annotations

from typing import Any, Optional

from ..compat import local_cli_debug_hook
from ..compat import tfv1 as tf
from .base import Callback, overrides

__all__ = ["CallbackToHook", "HookToCallback", "TFLocalCLIDebugHook"]


class CallbackToHook(tf.train.SessionRunHook):
    """A hook that forwards `before_run` and `after_run` to a callback, and nothing else."""

    def __init__(self, cb: Callback):
        self._cb = cb

    def before_run(self, ctx: tf.train.SessionRunContext) -> Optional[tf.train.SessionRunArgs]:
        return self._cb.before_run(ctx)

    def after_run(self, ctx: tf.train.SessionRunContext, vals: tf.train.SessionRunValues) -> None:
        self._cb.after_run(ctx, vals)


class StepHook(tf.train.SessionRunHook):
    """What CallbackToHook is, for the step loop, where every call counts: the callback's own methods, and `after_run` of the
    base class, which a HookedSession skips, if the callback does nothing in it."""

    def __init__(self, cb: Callback):
        self.before_run = cb.before_run
        self.after_run = cb.after_run if overrides(cb, "after_run") else super().after_run


class HookToCallback(Callback):
    """A callback that runs a `tf.train.SessionRunHook` such as `tf.train.StepCounterHook`, on every process.

    `begin` is called when the graph is set up (under no name scope), `after_create_session(session, coord)` before training,
    `before_run` and `after_run` around each step, `end` after training, also after an error. A thread that the hook registers
    at the coordinator ends with the training, and its error is the training's.
    """

    _chief_only = False

    def __init__(self, hook: tf.train.SessionRunHook):
        if not isinstance(hook, tf.train.SessionRunHook):
            raise TypeError("HookToCallback: hook must be a tf.train.SessionRunHook; got {!r}".format(hook))
        self._hook = hook

    def _setup_graph(self) -> None:
        with self.graph.name_scope(None):
            self._hook.begin()

    def _before_train(self) -> None:
        coord = getattr(getattr(self.trainer, "hooked_sess", None), "coord", None)
        self._hook.after_create_session(tf.get_default_session(), coord)

    def _before_run(self, ctx: tf.train.SessionRunContext) -> Optional[tf.train.SessionRunArgs]:
        return self._hook.before_run(ctx)

    def _after_run(self, run_context: tf.train.SessionRunContext, run_values: tf.train.SessionRunValues) -> None:
        self._hook.after_run(run_context, run_values)

    def _after_train(self) -> None:
        self._hook.end(tf.get_default_session())


class TFLocalCLIDebugHook(HookToCallback):
    """TensorFlow's command line debugger around each step, on the chief; takes the arguments of its `LocalCLIDebugHook`."""

    _chief_only = True

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(local_cli_debug_hook(*args, **kwargs))

    def add_tensor_filter(self, *args: Any, **kwargs: Any) -> None:
        """Add a filter that the debugger's `run -f` command knows: its name and a function of (datum, tensor)."""
        self._hook.add_tensor_filter(*args, **kwargs)
