"""Callbacks that change when another callback acts.

`PeriodicTrigger` decides when its `trigger` is called; the other two switch nearly all of it on and off.
"""
from __future__ import annotations

from typing import Any, Callable, Optional, Tuple

from ..compat import tfv1 as tf
from ..utils import logger
from ..utils._arguments.functions import check_function
from ..utils._arguments.numbers import whole_number
from .base import Callback, ProxyCallback, overrides, unwrapped

__all__ = ["EnableCallbackIf", "PeriodicCallback", "PeriodicTrigger"]


class PeriodicTrigger(ProxyCallback):
    """Call `trigger` of a callback every k steps or epochs, instead of after each epoch; everything else passes through.

    A callback that does nothing in `trigger`, such as ProcessTensors, is warned of: `PeriodicCallback` is for those.

    Args:
        triggerable: the callback. Its `_trigger_epoch` is never called.
        every_k_steps: trigger it in `trigger_step` when the global step is a multiple of this.
        every_k_epochs: trigger it in `trigger_epoch` when the epoch number is a multiple of this.
        before_train: trigger it once before training, too.

    Raises:
        TypeError, ValueError: there is no time at all to trigger it, or a number is no positive whole one.
    """

    def __init__(self, triggerable: Callback, every_k_steps: Optional[int] = None, every_k_epochs: Optional[int] = None,
                 before_train: bool = False):
        super().__init__(triggerable)
        self._triggerable = triggerable
        self._every_k_steps, self._every_k_epochs = _check_periods(self, every_k_steps, every_k_epochs, needed=not before_train)
        if not triggerable._acts_when_triggered():
            _warn_not_triggered(triggerable)
        self._before_train_too = before_train

    def _before_train(self) -> None:
        super()._before_train()
        if self._before_train_too:
            self.cb.trigger()

    def _trigger_step(self) -> None:
        super()._trigger_step()
        if _is_due(self._every_k_steps, self.global_step):
            self.cb.trigger()

    def _trigger_epoch(self) -> None:
        if _is_due(self._every_k_epochs, self.epoch_num):
            self.cb.trigger()

    def __str__(self) -> str:
        return "PeriodicTrigger-" + str(self.cb)


class EnableCallbackIf(ProxyCallback):
    """Let a callback act only when a predicate holds.

    The predicate is asked anew for `before_epoch`, `after_epoch`, `before_run`, `trigger_step`, `trigger_epoch` and `trigger`;
    `after_run` follows the `before_run` that it belongs to. `setup_graph`, `before_train` and `after_train` always pass
    through.

    Args:
        callback: the callback.
        pred: a function of this object (with its `epoch_num`, `global_step`, `local_step`, `trainer`) to bool.
    """

    def __init__(self, callback: Callback, pred: Callable[[Any], bool]):
        super().__init__(callback)
        check_function(self, "pred", pred, "of the callback, one argument")
        self._callback = callback
        self._pred = pred
        self._in_run = False

    def _before_epoch(self) -> None:
        if self._pred(self):
            super()._before_epoch()

    def _after_epoch(self) -> None:
        if self._pred(self):
            super()._after_epoch()

    def _before_run(self, ctx: tf.train.SessionRunContext) -> Optional[tf.train.SessionRunArgs]:
        self._in_run = bool(self._pred(self))
        return super()._before_run(ctx) if self._in_run else None

    def _after_run(self, run_context: tf.train.SessionRunContext, run_values: tf.train.SessionRunValues) -> None:
        if self._in_run:
            super()._after_run(run_context, run_values)

    def _trigger_step(self) -> None:
        if self._pred(self):
            super()._trigger_step()

    def _trigger_epoch(self) -> None:
        if self._pred(self):
            super()._trigger_epoch()

    def _trigger(self) -> None:
        if self._pred(self):
            super()._trigger()

    def __str__(self) -> str:
        return "{}-{}".format(type(self).__name__, self.cb)


class PeriodicCallback(EnableCallbackIf):
    """Let a callback act only every k steps or epochs; it makes things rarer, never more frequent.

    `before_run` still has the global step before the step: with `every_k_steps=3` what is fetched there belongs to steps
    1, 4, 7, while `trigger_step` acts after steps 3, 6, 9. With `every_k_epochs` the very last step of the training counts
    as well.

    Args:
        callback: the callback.
        every_k_steps: it acts when the global step is a multiple of this.
        every_k_epochs: it acts when the epoch number is a multiple of this.

    Raises:
        TypeError, ValueError: neither is given, or one is no positive whole number.
    """

    def __init__(self, callback: Callback, every_k_steps: Optional[int] = None, every_k_epochs: Optional[int] = None):
        super().__init__(callback, PeriodicCallback.predicate)
        self._every_k_steps, self._every_k_epochs = _check_periods(self, every_k_steps, every_k_epochs)

    def predicate(self) -> bool:
        """Whether the callback may act now."""
        if _is_due(self._every_k_steps, self.global_step) or _is_due(self._every_k_epochs, self.epoch_num):
            return True
        return self._every_k_epochs is not None and self._is_very_last_step()

    def _is_very_last_step(self) -> bool:
        return self.epoch_num == self.trainer.max_epoch and self.local_step == self.trainer.steps_per_epoch - 1


def _warn_not_triggered(cb: Callback) -> None:
    inner = unwrapped(cb)
    moments = [moment for moment in ("before_run", "after_run", "trigger_step") if overrides(inner, moment)]
    effects = ["what it does in {} is done at every step".format(", ".join(moments))] if moments else []
    if overrides(inner, "trigger_epoch"):
        effects.append("its _trigger_epoch is never called")
    logger.warning("PeriodicTrigger: %s does nothing when it is triggered%s; to let it act at some steps or epochs only, use "
                   "PeriodicCallback.", cb, "".join("; " + effect for effect in effects))


def _is_due(period: Optional[int], number: int) -> bool:
    return period is not None and number % period == 0


def _check_periods(cb: Callback, every_k_steps: Any, every_k_epochs: Any,
                   needed: bool = True) -> Tuple[Optional[int], Optional[int]]:
    if needed and every_k_steps is None and every_k_epochs is None:
        raise ValueError("{}: every_k_steps or every_k_epochs must be given; got neither".format(cb))
    steps, epochs = [None if value is None else whole_number(str(cb), name, value, minimum=1)
                     for name, value in (("every_k_steps", every_k_steps), ("every_k_epochs", every_k_epochs))]
    return steps, epochs
