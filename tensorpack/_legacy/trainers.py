"""Trainers that are called with a `TrainConfig`, and then by `train()`; and how their input was chosen."""
from __future__ import annotations

import functools
from types import ModuleType
from typing import Any, Callable, Dict, Sequence, Tuple

from ..dataflow.base import DataFlow
from ..input_source.input_source import FeedInput, QueueInput
from ..input_source.input_source_base import InputSource
from ..train.base import Trainer
from ..train.config import TrainConfig
from ..train.trainers import QueueInputTrainer, SimpleTrainer
from ..utils import logger
from ..utils._text.keywords import keywords_told
from ..utils.argtools import log_once
from ._spelling import warn_once
from .train_config import prepare, refuse_config

_OF_OLD_INPUT = ("input_queue", "gpu_prefetch", "predict_tower", "average_cost")
_OLD_ORDER: Dict[str, Tuple[str, ...]] = {  # what came by position after the configuration
    "SimpleTrainer": (),
    "QueueInputTrainer": ("input_queue", "predict_tower"),
    "SyncMultiGPUTrainer": ("input_queue", "average_cost", "predict_tower"),
    "SyncMultiGPUTrainerParameterServer": ("ps_device", "gpu_prefetch"),
    "SyncMultiGPUTrainerReplicated": ("gpu_prefetch",),
    "AsyncMultiGPUTrainer": ("input_queue", "scale_gradient", "predict_tower"),
}


def adapt_trainers(module: ModuleType) -> None:
    """Let the trainers of today take a configuration, and build their graph then, as those of 0.3 to 0.8 did."""
    for name in ("SimpleTrainer", "QueueInputTrainer"):
        _take_config(getattr(module, name), lambda config: ((), {}))
    for name in ("SyncMultiGPUTrainerParameterServer", "SyncMultiGPUTrainerReplicated", "AsyncMultiGPUTrainer"):
        _take_config(getattr(module, name), _gpus)
    module.__dict__["SyncMultiGPUTrainer"] = _function_with_config(module.__dict__["SyncMultiGPUTrainer"], module)
    distributed = module.__dict__["DistributedTrainerReplicated"]
    refuse_config(distributed, "CollectiveTrainer, started by tensorpack.launch")


def _gpus(config: Any) -> Tuple[Tuple[Any, ...], Dict[str, Any]]:
    if not config.tower:
        log_once("The configuration has no tower (nr_tower=0): one tower is trained on the CPU. Today: give the trainer the "
                 "GPUs, SyncMultiGPUTrainer(max(get_num_gpu(), 1)).", "warning")
        return ([0],), {"device_type": "cpu"}
    return (config.tower,), {}


def _take_config(cls: Any, today: Callable[[Any], Tuple[Tuple[Any, ...], Dict[str, Any]]]) -> None:
    """Let the constructor take a configuration: `today` makes of it the arguments of today."""
    init = cls.__init__

    @functools.wraps(init)
    def wrapper(self: Any, *args: Any, **kwargs: Any) -> None:
        config, rest = _config_of(args, kwargs)
        if config is None:
            init(self, *args, **_today_keywords(cls.__name__, kwargs))
            return
        warn_once("{}(config).train()".format(cls.__name__), _launch(cls.__name__))
        rest.pop("config", None)
        rest.update(_by_name(cls.__name__, args[1:]))
        old = {name: rest.pop(name) for name in _OF_OLD_INPUT if name in rest}
        if "predict_tower" in old:
            config.predict_tower = old["predict_tower"]
        positional, keywords = today(config)
        init(self, *positional, **dict(_today_keywords(cls.__name__, rest), **keywords))
        self._legacy_config, self._legacy_input = config, old
        if type(self).__init__ is wrapper:
            build(self)  # else it is derived from this class, and its constructor goes on

    cls.__init__ = wrapper


def _launch(name: str) -> str:
    arguments = "" if name in ("SimpleTrainer", "QueueInputTrainer") else "gpus"
    name = "SimpleTrainer" if name == "QueueInputTrainer" else name
    return "launch_train_with_config(config, {}({}))".format(name, arguments)


def _config_of(args: Tuple[Any, ...], kwargs: Dict[str, Any]) -> Tuple[Any, Dict[str, Any]]:
    config = args[0] if args else kwargs.get("config")
    return (config, dict(kwargs)) if isinstance(config, TrainConfig) else (None, kwargs)


def _by_name(who: str, values: Sequence[Any]) -> Dict[str, Any]:
    """What was given by position after the configuration; AsyncMultiGPUTrainer had no queue there since 0.1.9."""
    names = _OLD_ORDER[who]
    if values and isinstance(values[0], bool) and "scale_gradient" in names:
        names = names[names.index("scale_gradient"):]
    if len(values) > len(names):
        raise TypeError("{}(config, ...): takes {} after the configuration; got {} arguments there".format(
            who, " and ".join(names) or "nothing", len(values)))
    return dict(zip(names, values))


def _today_keywords(who: str, kwargs: Dict[str, Any]) -> Dict[str, Any]:
    """Keywords of the trainers of 0.6 to 0.9, which took no configuration any more, and of 2016."""
    kwargs = dict(kwargs)
    for old, new in (("towers", "gpus"), ("average_gradient", "scale_gradient")):
        if old in kwargs:
            warn_once("{}({}=)".format(who, old), "{}({}=)".format(who, new))
            kwargs[new] = kwargs.pop(old)
    if "use_nccl" in kwargs:
        warn_once("{}(use_nccl=)".format(who), "{}(mode=)".format(who))
        kwargs["mode"] = "nccl" if kwargs.pop("use_nccl") else "cpu"
    return kwargs


def _function_with_config(function: Callable[..., Any], module: ModuleType) -> Callable[..., Any]:
    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        config, rest = _config_of(args, kwargs)
        if config is None:
            return function(*args, **_today_keywords("SyncMultiGPUTrainer", kwargs))
        warn_once("SyncMultiGPUTrainer(config).train()", _launch("SyncMultiGPUTrainer"))
        rest.pop("config", None)
        rest.update(_by_name("SyncMultiGPUTrainer", args[1:]))
        return module.__dict__["SyncMultiGPUTrainerParameterServer"](config, ps_device="gpu", **rest)

    return wrapper


def build(trainer: Any) -> None:
    """Build the graph for the configuration of a trainer, as `launch_train_with_config` does."""
    from ..train.interface import _check_unused_regularization, apply_default_prefetch  # they import the trainers

    config, old = trainer._legacy_config, trainer._legacy_input
    prepare(config)
    if config.model is None:
        raise ValueError("{}(config): the TrainConfig must have a model; got model=None".format(type(trainer).__name__))
    _warn_of_towers(config, trainer)
    input = _input(trainer, config, old.get("input_queue"))
    if old.get("gpu_prefetch", True):
        input = apply_default_prefetch(input, trainer)
    model = config.model
    with trainer.graph.as_default():
        trainer.setup_graph(model.get_input_signature(), input, model.build_graph, model.get_optimizer)
        _check_unused_regularization()
    trainer._legacy_is_built = True


def _input(trainer: Any, config: TrainConfig, queue: Any) -> InputSource:
    data = config.dataflow if config.data is None else config.data
    if data is None:
        raise ValueError("{}(config): the TrainConfig must have dataflow= or data=; got neither".format(type(trainer).__name__))
    if not isinstance(data, DataFlow):
        return data
    if isinstance(trainer, SimpleTrainer) and not isinstance(trainer, QueueInputTrainer):
        logger.warning("SimpleTrainer feeds the data of a DataFlow, which is slow; QueueInput(dataflow) as data= is faster.")
        return FeedInput(data)
    return QueueInput(data, queue)


def _warn_of_towers(config: Any, trainer: Any) -> None:
    number = len(getattr(trainer, "devices", [0]))
    if config.nr_tower > 1 and config.nr_tower != number:
        log_once("TrainConfig has {} towers (nr_tower= or tower=), but {} trains {}: the GPUs are an argument of the trainer, "
                 "such as SyncMultiGPUTrainer({}).".format(config.nr_tower, type(trainer).__name__, number, config.nr_tower),
                 "warning")


def adapt_interface(module: ModuleType) -> None:
    launch = module.__dict__["launch_train_with_config"]

    @keywords_told
    @functools.wraps(launch)
    def launch_train_with_config(config: TrainConfig, trainer: Any) -> None:
        if isinstance(config, TrainConfig) and isinstance(trainer, Trainer):
            prepare(config)
            _warn_of_towers(config, trainer)
            trainer.__dict__.update(_legacy_config=config, _legacy_is_built=True)
        launch(config, trainer)

    module.__dict__["launch_train_with_config"] = launch_train_with_config


def start_train(config: TrainConfig) -> None:
    """Train as `QueueInputTrainer(config).train()` did."""
    trainer: Any = QueueInputTrainer
    trainer(config).train()


def SimpleFeedfreeTrainer(config: TrainConfig) -> Any:
    """A SimpleTrainer; the data of the configuration must be an InputSource."""
    if config.data is None:
        raise ValueError("SimpleFeedfreeTrainer: the TrainConfig must have data=, an InputSource; got none; "
                         "QueueInput(dataflow) makes one")
    trainer: Any = SimpleTrainer
    return trainer(config)
