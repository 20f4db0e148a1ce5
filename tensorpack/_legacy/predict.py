"""Prediction: the arguments of `PredictConfig`, and predictors that are called with one list, the datapoint."""
from __future__ import annotations

import collections
import functools
from types import ModuleType
from typing import Any, Callable, List, Optional, Tuple

import numpy as np

from ..compat import tfv1 as tf
from ..tfutils.sesscreate import NewSessionCreator
from ..utils.argtools import log_once
from ._spelling import warn_once

PredictResult = collections.namedtuple("PredictResult", ["input", "output"])


def get_predict_func(config: Any) -> Any:
    """An OfflinePredictor."""
    from ..predict.base import OfflinePredictor  # to whose package this belongs

    return OfflinePredictor(config)


# ---- PredictConfig


def adapt_config(module: ModuleType) -> None:
    config: Any = module.__dict__["PredictConfig"]
    config.__init__ = _with_old_arguments(config.__init__)
    config.input_var_names = property(lambda self: self.input_names)
    config.output_var_names = property(lambda self: self.output_names)
    config.inputs_desc = property(lambda self: self.input_signature)


def _with_old_arguments(init: Callable[..., None]) -> Callable[..., None]:
    @functools.wraps(init)
    def wrapper(self: Any, *args: Any, **kwargs: Any) -> None:
        if "session_config" in kwargs:
            warn_once("PredictConfig(session_config=)", "PredictConfig(session_creator=NewSessionCreator(config=...))")
            config = kwargs.pop("session_config")
            if config is not None:
                kwargs.setdefault("session_creator", NewSessionCreator(config=config))
        mapping = kwargs.pop("input_data_mapping", None)
        if mapping is not None:
            warn_once("PredictConfig(input_data_mapping=)", "PredictConfig(input_names=)")
            names = [spec.name for spec in (args[0] if args else kwargs["model"]).get_input_signature()]
            kwargs["input_names"] = [names[k] for k in mapping]
        init(self, *args, **kwargs)

    return wrapper


# ---- predictors


def adapt_base(module: ModuleType) -> None:
    base, online = module.__dict__["PredictorBase"], module.__dict__["OnlinePredictor"]
    base._datapoint = _taken_apart
    online.__init__ = _with_session_first(online.__init__)
    online.session = property(lambda self: self.sess)


def _taken_apart(predictor: Any, dp: Tuple[Any, ...]) -> Tuple[Any, ...]:
    if len(dp) != 1 or not isinstance(dp[0], (list, tuple)) or not _is_datapoint(predictor, dp[0]):
        return dp
    log_once("{} was called with a list, which is taken apart, since it has an array for each input: write {}.".format(
        type(predictor).__name__, _advice(predictor)), "warning")
    return tuple(dp[0])


def _is_datapoint(predictor: Any, argument: Any) -> bool:
    """Whether the list has a value for each input, and is not itself the value of the only input."""
    inputs = _inputs(predictor)
    if inputs is None or len(argument) != len(inputs):
        return False
    rank = getattr(getattr(inputs[0], "shape", None), "ndims", None)
    return len(inputs) > 1 or rank is None or _num_dimensions(argument) != rank


def _advice(predictor: Any) -> str:
    inputs = _inputs(predictor)
    if inputs is None:
        return "predictor(*values) rather than predictor(values)"
    names = ", ".join(getattr(tensor, "name", str(tensor)).split(":")[0] for tensor in inputs)
    return "predictor({0}) rather than predictor([{0}])".format(names)


def _inputs(predictor: Any) -> Optional[List[Any]]:
    """The input tensors; of a predictor with workers, those of one of these."""
    for worker in [predictor] + list(getattr(predictor, "_predictors", [])[:1]):
        inputs: Optional[List[Any]] = getattr(worker, "input_tensors", None)
        if inputs is not None:
            return inputs
    return None


def _num_dimensions(value: Any) -> int:
    """That of the array which a nested list is; it is as deep as its first elements."""
    dimensions = 0
    while isinstance(value, (list, tuple)):
        dimensions += 1
        if not value:
            return dimensions
        value = value[0]
    return dimensions + np.ndim(value)


def _with_session_first(init: Callable[..., None]) -> Callable[..., None]:
    @functools.wraps(init)
    def wrapper(self: Any, *args: Any, **kwargs: Any) -> None:
        if args and isinstance(args[0], tf.Session):
            warn_once("OnlinePredictor(sess, inputs, outputs)", "OnlinePredictor(inputs, outputs, sess=sess)")
            kwargs["sess"], args = args[0], args[1:]
        init(self, *args, **kwargs)

    return wrapper


def adapt_multigpu(module: ModuleType) -> None:
    cls: Any = module.__dict__["MultiTowerOfflinePredictor"]
    get_predictors = cls.get_predictors

    @functools.wraps(get_predictors)
    def wrapper(self: Any, n: Optional[int] = None) -> List[Any]:
        if n is None:
            return get_predictors(self)
        warn_once("MultiTowerOfflinePredictor.get_predictors(n)", "[predictor.get_predictor(k) for k in range(n)]")
        return [self.get_predictor(k) for k in range(n)]

    cls.get_predictors = wrapper


def adapt_concurrency(module: ModuleType) -> None:
    cls: Any = module.__dict__["MultiThreadAsyncPredictor"]
    init = cls.__init__

    @functools.wraps(init)
    def wrapper(self: Any, predictors: Any = None, *args: Any, **kwargs: Any) -> None:
        trainer = kwargs.pop("trainer", None)
        if hasattr(predictors, "get_predictor"):
            trainer, predictors = predictors, None
        if trainer is not None:
            warn_once("MultiThreadAsyncPredictor(trainer, input_names, output_names, nr_thread)",
                      "MultiThreadAsyncPredictor([trainer.get_predictor(...) for k in range(num_threads)])")
            kwargs.update(zip(("input_names", "output_names", "nr_thread", "batch_size"), args))
            names = kwargs.pop("input_names"), kwargs.pop("output_names")
            predictors, args = trainer.get_predictors(*names, kwargs.pop("nr_thread")), ()
        init(self, predictors, *args, **kwargs)

    cls.__init__ = wrapper
