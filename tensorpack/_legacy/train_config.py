"""`TrainConfig`: what it used to take and to know: the towers, the optimizer, and data of either kind under either name."""
from __future__ import annotations

import functools
import inspect
from types import ModuleType
from typing import Any, Callable, Iterable, List, Optional

from ..callbacks.group import Callbacks
from ..callbacks.monitor import ScalarPrinter
from ..dataflow.base import DataFlow
from ..graph_builder.model_desc import ModelDesc
from ..input_source.input_source_base import InputSource
from ..train.config import DEFAULT_CALLBACKS, DEFAULT_MONITORS, TrainConfig
from ..utils.argtools import log_once
from ._spelling import warn_once
from .callbacks import NothingToDo, StatPrinter


def adapt_train_config(module: ModuleType) -> None:
    config: Any = TrainConfig
    config.__init__ = _with_old_arguments(TrainConfig.__init__)
    config.nr_tower = property(_get_nr_tower, _set_nr_tower)
    config.tower = property(_get_tower, _set_tower)
    config.predict_tower = property(_get_predict_tower, _set_predict_tower)
    config.set_tower = set_tower
    config.optimizer = None
    config.DEFAULT_EXTRA_CALLBACKS = staticmethod(DEFAULT_CALLBACKS)
    config.DEFAULT_MONITORS = staticmethod(DEFAULT_MONITORS)


def _with_old_arguments(init: Callable[..., None]) -> Callable[..., None]:
    names = list(inspect.signature(init).parameters)[1:]

    @functools.wraps(init)
    def wrapper(self: Any, *args: Any, **kwargs: Any) -> None:
        if len(args) > len(names) or set(names[:len(args)]) & set(kwargs):
            init(self, *args, **kwargs)  # raises the TypeError of Python
        kwargs.update(zip(names, args))
        towers = {name: kwargs.pop(name) for name in ("nr_tower", "tower", "predict_tower") if name in kwargs}
        optimizer = kwargs.pop("optimizer", None)
        given = {name: kwargs[name] for name in ("callbacks", "extra_callbacks") if name in kwargs}
        if isinstance(given.get("callbacks"), tuple):
            kwargs["callbacks"] = list(given["callbacks"])
        kwargs.update({name: plain_callbacks(kwargs[name]) for name in given})
        _warn_of_no_callbacks(given.get("extra_callbacks"))
        init(self, **kwargs)
        _restrict_printers(self, given.values())
        _set_towers(self, **towers)
        if optimizer is not None:
            warn_once("TrainConfig(optimizer=)", "ModelDesc.optimizer, which returns it")
            self.optimizer = optimizer

    return wrapper


def _exchange_data(arguments: Any) -> None:
    """Let an InputSource be assigned as dataflow, and a DataFlow as data."""
    dataflow, data = arguments.get("dataflow"), arguments.get("data")
    if (isinstance(dataflow, InputSource) and data is None) or (isinstance(data, DataFlow) and dataflow is None):
        arguments["dataflow"], arguments["data"] = data, dataflow


def _warn_of_no_callbacks(callbacks: Any) -> None:
    if isinstance(callbacks, list) and not callbacks:
        log_once("TrainConfig(extra_callbacks=[]) means: none of the default callbacks. Before tensorpack 0.8.1 it meant all "
                 "of them, for which extra_callbacks is left out.", "warning")


def plain_callbacks(callbacks: Any) -> Any:
    """What older programs give, without `Callbacks` around it, and without callbacks that have nothing to do any more."""
    if isinstance(callbacks, Callbacks):
        warn_once("TrainConfig(callbacks=Callbacks([...]))", "TrainConfig(callbacks=[...])")
        callbacks = callbacks.cbs
    if not isinstance(callbacks, (list, tuple)) or not any(isinstance(callback, NothingToDo) for callback in callbacks):
        return callbacks  # the list of the user, which may still grow
    return [callback for callback in callbacks if not isinstance(callback, NothingToDo)]


def prepare(config: Any) -> None:
    """Let what was assigned to attributes of the configuration since it was made be as `launch_train_with_config` wants it."""
    _restrict_printers(config, [config.callbacks, config.extra_callbacks])
    config.callbacks = plain_callbacks(config.callbacks)
    if isinstance(config.callbacks, tuple):
        config.callbacks = list(config.callbacks)
    config.extra_callbacks = plain_callbacks(config.extra_callbacks)
    _exchange_data(config.__dict__)
    if config.optimizer is not None and isinstance(config.model, ModelDesc) \
            and type(config.model).optimizer is ModelDesc.optimizer:
        config.model.__dict__["optimizer"] = lambda: config.optimizer


def _restrict_printers(config: Any, lists: Iterable[Any]) -> None:
    """`StatPrinter(print_tag)` among the callbacks says which statistics are printed."""
    callbacks = [cb for each in lists for cb in getattr(each, "cbs", each) or []]
    tags = [cb.print_tag for cb in callbacks if isinstance(cb, StatPrinter) and cb.print_tag]
    if tags:
        config.monitors = [ScalarPrinter(whitelist=tags[-1]) if type(monitor) is ScalarPrinter else monitor
                           for monitor in config.monitors]


def refuse_config(cls: Any, instead: str) -> None:
    """Let the constructor raise, given a configuration, an error that names the new way."""
    init = cls.__init__

    @functools.wraps(init)
    def wrapper(self: Any, *args: Any, **kwargs: Any) -> None:
        if isinstance(args[0] if args else kwargs.get("config"), TrainConfig):
            raise NotImplementedError("{}(config) of older releases is not provided; instead: {}".format(cls.__name__, instead))
        init(self, *args, **kwargs)

    cls.__init__ = wrapper


# ---- the towers


def _set_towers(self: Any, nr_tower: Optional[int] = None, tower: Any = None, predict_tower: Any = None) -> None:
    if nr_tower is not None and tower is not None:
        raise TypeError("TrainConfig: nr_tower and tower exclude each other; got both; today the trainer is given the GPUs")
    if nr_tower is not None:
        self.nr_tower = nr_tower
    if tower is not None:
        self.tower = tower
    if predict_tower is not None:
        self.predict_tower = predict_tower


def set_tower(self: Any, nr_tower: Optional[int] = None, tower: Any = None) -> None:
    """The number of towers, or the GPUs of each."""
    _set_towers(self, nr_tower, tower)


def _get_tower(self: Any) -> List[int]:
    return self.__dict__.get("_tower", [0])


def _set_tower(self: Any, tower: Any) -> None:
    warn_once("TrainConfig.tower", "the argument gpus of the trainer")
    self._tower = [tower] if isinstance(tower, int) else list(tower)


def _get_nr_tower(self: Any) -> int:
    return len(self.tower)


def _set_nr_tower(self: Any, number: int) -> None:
    warn_once("TrainConfig.nr_tower", "the argument gpus of the trainer")
    self._tower = list(range(number))


def _get_predict_tower(self: Any) -> Any:
    return self.__dict__.get("_predict_tower", [0])


def _set_predict_tower(self: Any, towers: Any) -> None:
    warn_once("TrainConfig.predict_tower", "InferenceRunner(device=) and trainer.get_predictor(..., device=)")
    self._predict_tower = [towers] if isinstance(towers, int) else list(towers)
