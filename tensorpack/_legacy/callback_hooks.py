"""The hooks that callbacks used to define, and what was called on them."""
from __future__ import annotations

import functools
import inspect
from types import ModuleType
from typing import Any, Callable

from ..callbacks.base import Callback
from ..utils.argtools import log_once
from ._spelling import old_hooks, on_subclass, warn_once


def adapt_base(module: ModuleType) -> None:
    on_subclass(Callback, _with_extra_fetches)
    on_subclass(Callback, _with_trainer_argument)
    callback: Any = Callback
    callback.extra_fetches = lambda self: self._extra_fetches()
    callback._extra_fetches = lambda self: []
    callback.epoch_num = property(callback.epoch_num.fget, _ignore_epoch)
    callback.type = "callback"


def _ignore_epoch(self: Any, value: int) -> None:
    log_once("{}.epoch_num was set to {}: the trainer counts the epochs; what a callback counts needs another name.".format(
        type(self).__name__, value), "warning")


def _with_extra_fetches(cls: Any) -> None:
    """`_extra_fetches()` names what each step fetches, `_trigger_step` gets the values."""
    if "_extra_fetches" not in cls.__dict__:
        return
    warn_once("Callback._extra_fetches", "Callback._before_run, which returns what to fetch, and Callback._after_run")
    cls._before_run = lambda self, ctx: self._extra_fetches() or None
    cls._after_run = _keep_fetched
    cls.trigger_step = lambda self: self._trigger_step(*self.__dict__.pop("_fetched", ()))


def _keep_fetched(self: Any, run_context: Any, run_values: Any) -> None:
    self._fetched = run_values.results or ()


def _with_trainer_argument(cls: Any) -> None:
    """`before_train(self, trainer)` gets the trainer."""
    for name in ("before_train", "_before_train"):
        method = cls.__dict__.get(name)
        if inspect.isfunction(method) and list(inspect.signature(method).parameters)[1:] == ["trainer"]:
            warn_once("Callback.{}(self, trainer)".format(name), "Callback._before_train(self), with self.trainer")
            setattr(cls, name, _called_with_trainer(method))


def _called_with_trainer(method: Callable[..., Any]) -> Callable[..., Any]:
    return functools.wraps(method)(lambda self: method(self, self.trainer))


def adapt_group(module: ModuleType) -> None:
    module.__dict__["Callbacks"].append = append


def append(self: Any, cb: Callback) -> None:
    """Add a callback at the end."""
    warn_once("Callbacks.append", "a list of callbacks")
    self.cbs.append(cb)


def adapt_trigger(module: ModuleType) -> None:
    cls: Any = module.__dict__["PeriodicCallback"]
    init = cls.__init__

    @functools.wraps(init)
    def wrapper(self: Any, *args: Any, **kwargs: Any) -> None:
        if len(args) == 2 and not kwargs:
            log_once("PeriodicCallback(callback, {0}) means every_k_steps={0}. Before tensorpack 0.1.8 it meant "
                     "every_k_epochs={0}. Write one of the two keywords.".format(args[1]), "warning")
        init(self, *args, **kwargs)

    cls.__init__ = wrapper


def adapt_param(module: ModuleType) -> None:
    old_hooks(module.HyperParamSetter, {"_get_value_to_set": {"_get_current_value": _get_value_to_set}})


def _get_value_to_set(self: Any) -> Any:
    return self._get_current_value()
