"""Callbacks that are gone: what they did is done by others, or by the library itself."""
from __future__ import annotations

from typing import Any, List, Optional

from ..callbacks.base import Callback, ProxyCallback
from ..callbacks.saver import ModelSaver
from ..callbacks.trigger import PeriodicTrigger
from ..compat import tfv1 as tf


class NothingToDo(Callback):
    """A callback of older programs whose work the library does by itself; whatever it is given, it does nothing."""

    _chief_only = False

    def __init__(self, *args: Any, **kwargs: Any):
        pass


class StatPrinter(NothingToDo):
    """Printed the statistics, as the monitors do.

    Args:
        print_tag: names of statistics; no others are printed.
    """

    def __init__(self, print_tag: Optional[List[str]] = None):
        self.print_tag = print_tag


class MaintainStepCounter(NothingToDo):
    """Counted the steps, as every trainer does."""


class CallbackType:
    """The type of a callback, in 2016: nothing depends on it."""


TrainCallbackType = TestCallbackType = CallbackType


class PeriodicRunHooks(ProxyCallback):
    """Let a callback take part in every k-th step only: `before_run` and `after_run` are called when the global step is a
    multiple of `every_k_steps`."""

    def __init__(self, callback: Callback, every_k_steps: int):
        super().__init__(callback)
        self._every_k_steps = int(every_k_steps)
        self._takes_part = False

    def _before_run(self, ctx: tf.train.SessionRunContext) -> Any:
        self._takes_part = self.global_step % self._every_k_steps == 0
        return super()._before_run(ctx) if self._takes_part else None

    def _after_run(self, run_context: tf.train.SessionRunContext, run_values: tf.train.SessionRunValues) -> None:
        if self._takes_part:
            super()._after_run(run_context, run_values)


def PeriodicSaver(period: int = 1, keep_recent: int = 10, keep_freq: float = 0.5) -> PeriodicTrigger:
    """Saves the model after every `period` epochs."""
    return PeriodicTrigger(ModelSaver(keep_recent, keep_freq), every_k_epochs=period)
