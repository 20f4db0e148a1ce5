"""Inference while training: the hooks of inferencers, and the arguments of what runs them."""
from __future__ import annotations

import functools
import inspect
from types import ModuleType
from typing import Any, Callable, Dict, List, Optional, Tuple

from ..callbacks.inference import Inferencer
from ..dataflow.base import DataFlow
from ..input_source.input_source import FeedInput, QueueInput
from ..input_source.input_source_base import remap_input_source
from ._spelling import old_hooks, on_subclass, warn_once


def adapt_inference(module: ModuleType) -> None:
    old_hooks(Inferencer, {
        "_get_fetches": {
            "_get_output_tensors": lambda self: self._get_output_tensors(),
            "get_output_tensors": lambda self: self.get_output_tensors(),
            "_get_output_vars": lambda self: self._get_output_vars(),
        },
        "_on_fetches": {
            "_datapoint": lambda self, results: self._datapoint(results),
            "datapoint": lambda self, results: self.datapoint(results),
        },
        "_before_inference": {"before_inference": lambda self: self.before_inference()},
        "_after_inference": {"after_inference": lambda self: self.after_inference()},
    })
    on_subclass(Inferencer, _with_datapoint)


def _with_datapoint(cls: Any) -> None:
    """`_datapoint(self, dp, output)` also gets the values of all inputs."""
    method = cls.__dict__.get("_datapoint")
    if not inspect.isfunction(method) or len(inspect.signature(method).parameters) != 3:
        return
    warn_once("Inferencer._datapoint(self, dp, output)", "Inferencer._on_fetches(self, results), inputs among _get_fetches")
    get_fetches = cls._get_fetches

    def _get_fetches(self: Any) -> List[str]:
        outputs = list(get_fetches(self))
        self._num_outputs = len(outputs)
        return outputs + [spec.name for spec in self.trainer.input_signature]

    def _on_fetches(self: Any, results: List[Any]) -> None:
        self._datapoint(list(results[self._num_outputs:]), list(results[:self._num_outputs]))

    cls._get_fetches, cls._on_fetches = _get_fetches, _on_fetches


def adapt_inference_runner(module: ModuleType) -> None:
    for name, source in (("InferenceRunner", _fed), ("DataParallelInferenceRunner", _queued)):
        cls: Any = module.__dict__[name]
        cls.__init__ = _with_old_arguments(cls.__init__, name, source)
    runner: Any = module.__dict__["InferenceRunner"]
    runner._setup_graph = _on_predict_tower(runner._setup_graph)
    base: Any = module.__dict__["InferenceRunnerBase"]
    base.__init__ = _remapping(base.__init__)


def _fed(input: Any) -> Any:
    return FeedInput(input, infinite=False) if isinstance(input, DataFlow) else input


def _queued(input: Any) -> Any:
    return QueueInput(input) if isinstance(input, DataFlow) else input


def _input_names(arguments: Dict[str, Any]) -> Tuple[Optional[List[str]], Dict[str, Any]]:
    """What `input_names` or `input_tensors` say, and the other arguments."""
    names = arguments.pop("input_names", None)
    tensors = arguments.pop("input_tensors", None)
    names = tensors if names is None else names
    if names is not None:
        names = [getattr(name, "name", name).split(":")[0] for name in names]
    return names, arguments


def _with_old_arguments(init: Callable[..., None], who: str, source: Callable[[Any], Any]) -> Callable[..., None]:
    parameters = list(inspect.signature(init).parameters)[1:]
    position = parameters.index("tower_name")  # where the names of inputs were given

    @functools.wraps(init)
    def wrapper(self: Any, *args: Any, **kwargs: Any) -> None:
        if len(args) > position and isinstance(args[position], (list, tuple)):
            kwargs["input_names"] = args[position]
            args = args[:position]
        names, arguments = _input_names(dict(kwargs, **dict(zip(parameters, args))))
        if not arguments.get("tower_name", "x"):
            del arguments["tower_name"]  # prefix='' of older releases
        if names is not None:
            warn_once(who + "(input_names=)", "remap_input_source(FeedInput(dataflow, infinite=False), names) as input")
            arguments["input"] = remap_input_source(source(arguments["input"]), names)
        self._has_device = "device" in arguments
        init(self, **arguments)

    return wrapper


def _remapping(init: Callable[..., None]) -> Callable[..., None]:
    @functools.wraps(init)
    def wrapper(self: Any, input: Any, infs: Any, **kwargs: Any) -> None:
        names, arguments = _input_names(kwargs)
        init(self, input if names is None else remap_input_source(input, names), infs, **arguments)

    return wrapper


def _on_predict_tower(setup_graph: Callable[[Any], None]) -> Callable[[Any], None]:
    """Without a device of its own a runner takes the first one of `predict_tower` of the configuration."""

    @functools.wraps(setup_graph)
    def wrapper(self: Any) -> None:
        config = getattr(self.trainer, "_legacy_config", None)
        towers = None if config is None else config.__dict__.get("_predict_tower")
        if towers and not self._has_device:
            self._device_id = towers[0]
        setup_graph(self)

    return wrapper


def FeedfreeInferenceRunner(input: Any, infs: Any, input_names: Optional[List[str]] = None, prefix: str = "") -> Any:
    """An InferenceRunner."""
    from ..callbacks.inference_runner import InferenceRunner  # to which this belongs

    runner: Any = InferenceRunner
    names = {} if input_names is None else {"input_names": input_names}
    return runner(input, infs, **dict(names, **({"tower_name": prefix} if prefix else {})))
