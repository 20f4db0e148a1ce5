"""The members that trainers used to have, among them `train()` of one that was made with a `TrainConfig`."""
from __future__ import annotations

import functools
import inspect
from types import ModuleType
from typing import Any, Callable, Dict, List, Optional

from ..compat import num_gpus
from ..train.config import TrainConfig
from ..utils._text.keywords import keywords_told
from ._spelling import warn_once
from .model_desc import cost_function
from .train_config import prepare, refuse_config

_CUSTOM = "a subclass of SingleCostTrainer that implements _setup_graph(input, get_cost_fn, get_opt_fn)"


def adapt_trainer_base(module: ModuleType) -> None:
    trainer: Any = module.__dict__["Trainer"]
    refuse_config(trainer, _CUSTOM)
    trainer.train = _train_without_arguments(trainer.train)
    trainer.main_loop = _loop_without_arguments(trainer.main_loop)
    trainer.setup = setup
    trainer.config = _attribute("config", lambda config: config)
    trainer.model = _attribute("model", lambda config: config.model)
    for member in (add_scalar_summary, write_scalar_summary, add_summary, register_monitor, get_predict_func, get_predict_funcs,
                   get_predictors):
        setattr(trainer, member.__name__, member)
    trainer.coord = property(lambda self: self._queue_runners.coord)
    trainer.stat_holder = property(_StatHolder)
    trainer.summary_writer = property(_SummaryWriter)


def _attribute(name: str, of_config: Callable[[TrainConfig], Any]) -> property:
    """An attribute that is taken from the configuration unless somebody has set it."""

    def get(self: Any) -> Any:
        if name in self.__dict__:
            return self.__dict__[name]
        if "_legacy_config" not in self.__dict__:
            raise AttributeError("'{}' object has no attribute '{}': it was made and started without a TrainConfig".format(
                type(self).__name__, name))
        warn_once("trainer." + name, "what you have given to the TrainConfig")
        return of_config(self.__dict__["_legacy_config"])

    def put(self: Any, value: Any) -> None:
        self.__dict__[name] = value

    return property(get, put)


def _built(self: Any) -> Optional[TrainConfig]:
    """The configuration that the trainer was made with, if it was; its graph is there then."""
    from .trainers import build  # imports the trainers, to whose base this belongs

    config = self.__dict__.get("_legacy_config")
    if config is not None and not self.__dict__.get("_legacy_is_built"):
        build(self)
    return config


def _train_without_arguments(train: Callable[..., None]) -> Callable[..., None]:
    @functools.wraps(train)
    def wrapper(self: Any, *args: Any, **kwargs: Any) -> None:
        config = None if args or kwargs else _built(self)
        if config is None:
            train(self, *args, **kwargs)
        else:
            prepare(config)
            self.train_with_defaults(**_training(config))

    return wrapper


def _training(config: Any) -> Dict[str, Any]:
    return {name: getattr(config, name) for name in (
        "callbacks", "monitors", "session_creator", "session_init", "steps_per_epoch", "starting_epoch", "max_epoch",
        "extra_callbacks")}


def setup(self: Any) -> None:
    """The part of `train()` before the loop, for a trainer that was made with a configuration."""
    config: Any = _built(self)
    prepare(config)
    self.setup_callbacks(list(config.callbacks) + list(config.extra_callbacks or []), config.monitors)
    self.initialize(config.session_creator, config.session_init)


def _loop_without_arguments(main_loop: Callable[..., None]) -> Callable[..., None]:
    @functools.wraps(main_loop)
    def wrapper(self: Any, *args: Any, **kwargs: Any) -> None:
        config = None if args or kwargs else _built(self)
        if config is not None:
            args = (config.steps_per_epoch, config.starting_epoch, config.max_epoch)
        main_loop(self, *args, **kwargs)

    return wrapper


def adapt_tower_trainer(module: ModuleType) -> None:
    tower, single_cost = module.__dict__["TowerTrainer"], module.__dict__["SingleCostTrainer"]
    refuse_config(tower, _CUSTOM)
    tower.inputs_desc = property(lambda self: self.input_signature)
    tower.set_tower_func = set_tower_func
    tower.get_predictor = _with_tower(tower.get_predictor)
    single_cost.setup_graph = _with_cost_of_model(single_cost.setup_graph)


def _with_cost_of_model(setup_graph: Callable[..., Any]) -> Callable[..., Any]:
    signature = inspect.signature(setup_graph)

    @functools.wraps(setup_graph)
    def wrapper(self: Any, *args: Any, **kwargs: Any) -> Any:
        if "inputs_desc" in kwargs:
            warn_once("SingleCostTrainer.setup_graph(inputs_desc=)", "SingleCostTrainer.setup_graph(input_signature=)")
            kwargs["input_signature"] = kwargs.pop("inputs_desc")
        try:
            bound = signature.bind(self, *args, **kwargs)
        except TypeError:
            return setup_graph(self, *args, **kwargs)  # refuses it in its own words
        bound.arguments["get_cost_fn"] = cost_function(bound.arguments["get_cost_fn"])
        return setup_graph(*bound.args, **bound.kwargs)

    return wrapper


def set_tower_func(self: Any, tower_func: Any) -> None:
    """Set `tower_func`."""
    warn_once("TowerTrainer.set_tower_func(f)", "trainer.tower_func = f")
    self.tower_func = tower_func


def _predict_towers(trainer: Any) -> Optional[List[int]]:
    """`predict_tower` of the configuration, if somebody has set it."""
    config = trainer.__dict__.get("_legacy_config")
    return None if config is None else config.__dict__.get("_predict_tower")


def _with_tower(today: Callable[..., Any]) -> Callable[..., Any]:
    @keywords_told
    @functools.wraps(today)
    def get_predictor(self: Any, input_names: Any, output_names: Any, device: Optional[int] = None, **kwargs: Any) -> Any:
        if "tower" in kwargs:
            warn_once("trainer.get_predictor(tower=)", "trainer.get_predictor(device=)")
            device = kwargs.pop("tower")
        towers = _predict_towers(self)
        if towers:
            device = towers[(device or 0) % len(towers)]
        return today(self, input_names, output_names, 0 if device is None else device, **kwargs)

    return get_predictor


def get_predict_func(self: Any, input_names: Any, output_names: Any, tower: int = 0) -> Any:
    """A predictor on this tower."""
    warn_once("Trainer.get_predict_func", "trainer.get_predictor")
    return self.get_predictor(input_names, output_names, tower)


def get_predictors(self: Any, input_names: Any, output_names: Any, n: int) -> List[Any]:
    """`n` predictors, on one GPU each as far as there are."""
    warn_once("Trainer.get_predictors", "[trainer.get_predictor(inputs, outputs, k) for k in range(n)]")
    devices = n if _predict_towers(self) else max(num_gpus(), 1)
    return [self.get_predictor(input_names, output_names, k % devices) for k in range(n)]


def get_predict_funcs(self: Any, input_names: Any, output_names: Any, n: int) -> List[Any]:
    """See `get_predictors`."""
    return get_predictors(self, input_names, output_names, n)


def add_scalar_summary(self: Any, name: str, value: float) -> None:
    """Give the monitors a number."""
    warn_once("Trainer.add_scalar_summary", "trainer.monitors.put_scalar")
    self.monitors.put_scalar(name, value)


def write_scalar_summary(self: Any, name: str, value: float) -> None:
    """See `add_scalar_summary`."""
    add_scalar_summary(self, name, value)


def add_summary(self: Any, summary: Any) -> None:
    """Give the monitors a summary, a `tf.Summary` or its bytes."""
    warn_once("Trainer.add_summary", "trainer.monitors.put_summary")
    self.monitors.put_summary(summary)


def register_monitor(self: Any, monitor: Any) -> None:
    """Add a monitor to those of the configuration."""
    warn_once("Trainer.register_monitor", "TrainConfig(monitors=DEFAULT_MONITORS() + [...])")
    config = self.__dict__.get("_legacy_config")
    if config is None:
        raise RuntimeError("Trainer.register_monitor: the trainer must have been made with a TrainConfig; today monitors are "
                           "an argument: train_with_defaults(monitors=DEFAULT_MONITORS() + [...])")
    config.monitors = list(config.monitors) + [monitor]


class _StatHolder:
    """`trainer.stat_holder`: the history of the monitors by its old methods."""

    def __init__(self, trainer: Any):
        warn_once("trainer.stat_holder", "trainer.monitors")
        self._monitors = trainer.monitors

    def get_stat_now(self, name: str) -> Any:
        """The latest value of a statistic."""
        return self._monitors.get_latest(name)

    def get_stat_history(self, name: str) -> List[Any]:
        """All values of a statistic."""
        return [value for _, value in self._monitors.get_history(name)]

    def add_stat(self, name: str, value: float, *args: Any) -> None:
        """Give the monitors a number; `args` are the global step and the epoch, which they know."""
        self._monitors.put_scalar(name, value)


class _SummaryWriter:
    """`trainer.summary_writer`: writes through the monitors."""

    def __init__(self, trainer: Any):
        warn_once("trainer.summary_writer", "trainer.monitors")
        self._monitors = trainer.monitors

    def add_summary(self, summary: Any, global_step: Optional[int] = None) -> None:
        """Give the monitors a summary; they know the step."""
        self._monitors.put_summary(summary)


def launch_train(trainer: Any, *args: Any, **kwargs: Any) -> None:
    """`trainer.train(...)`."""
    trainer.train(*args, **kwargs)
