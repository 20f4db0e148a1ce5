"""`PredictConfig`: what to predict with which model; predictors and exporters take one."""
from __future__ import annotations

from typing import Any, List, Optional, Sequence, Union

from ..compat import tfv1 as tf
from ..graph_builder.model_desc import ModelDescBase
from ..tfutils._engines.engine import num_cores
from ..tfutils._graph_state import new_graph
from ..tfutils._restore.names import NamePatterns
from ..tfutils.sesscreate import NewSessionCreator
from ..tfutils.sessinit import JustCurrentSession, SessionInit
from ..tfutils.tower import TowerFunc
from ..utils import logger
from ..utils._arguments.names import list_of_names
from ..utils._text.keywords import KeywordsTold
from ..utils._text.spec import shown
from ..utils._types import AnyFunction

__all__ = ["PredictConfig"]

_FEW_CORES = 4


class PredictConfig(KeywordsTold):
    """A model, its inputs and outputs, and how to load it. One config may build several predictors.

    Args:
        model: a ModelDescBase. Give either it, or `tower_func` and `input_signature`.
        tower_func: a function from input tensors that builds the graph; a TowerFunc brings its own signature.
        input_signature: a sequence of `tf.TensorSpec`.
        input_names: names of the tensors to feed, any of the graph; default: all inputs of the signature.
        output_names: names of the tensors to compute, any of the graph; required.
        session_creator: default: `NewSessionCreator()`; with few cores, idle threads of its sessions do not spin.
        session_init: how to load the variables; default: they keep their initial values.
        return_input: whether a predictor returns (inputs, outputs) rather than outputs.
        create_graph: whether to build a new graph rather than to add to the default graph.
        allow_missing: trainable and model variables that may keep their initial values although `session_init` loads a model
            and the outputs need them: True for all, or regular expressions for whole names. Whoever loads the model raises
            ValueError for others that it lacks.

    Raises:
        ValueError: model and tower_func are both given or both missing; no output name; no input signature.
        TypeError: an argument has the wrong type.
    """

    _words_for_keywords = dict.fromkeys(("checkpoint", "model_path", "path", "weights"), "session_init=SmartInit(path)")

    def __init__(self, model: Optional[ModelDescBase] = None, tower_func: Optional[AnyFunction] = None,
                 input_signature: Optional[Sequence[tf.TensorSpec]] = None, input_names: Optional[Sequence[str]] = None,
                 output_names: Optional[Sequence[str]] = None, session_creator: Optional[tf.train.SessionCreator] = None,
                 session_init: Optional[SessionInit] = None, return_input: bool = False, create_graph: bool = True, *,
                 allow_missing: Union[None, bool, str, Sequence[str]] = None):
        self.tower_func = _tower_func(model, tower_func, input_signature)
        self.input_signature: List[tf.TensorSpec] = list(self.tower_func.input_signature)
        if input_names is None:
            input_names = [spec.name for spec in self.input_signature]
        self.input_names = _names("input_names", input_names)
        if not self.input_names:
            logger.warning("PredictConfig: input_names is empty; the predictor will take no arguments.")
        self.output_names = _names("output_names", output_names)
        if not self.output_names:
            raise ValueError("PredictConfig: output_names must name at least one tensor; got an empty list")
        self.session_creator = _typed("session_creator", session_creator, tf.train.SessionCreator) or quick_session_creator()
        self.session_init = _typed("session_init", session_init, SessionInit) or JustCurrentSession()
        self.return_input = return_input
        self.create_graph = create_graph
        NamePatterns("PredictConfig(allow_missing=)", allow_missing)  # raises if it is none
        self.allow_missing = allow_missing

    def _maybe_create_graph(self) -> tf.Graph:
        return new_graph() if self.create_graph else tf.get_default_graph()


def quick_session_creator() -> NewSessionCreator:
    """Of sessions that are quick for small batches."""
    creator = NewSessionCreator()
    # An idle thread of TensorFlow spins for a while, and takes a core from the thread that predicts. Where there are many
    # cores the next operation finds such a thread awake instead.
    creator.config.experimental.disable_thread_spinning = num_cores() <= _FEW_CORES
    return creator


def _tower_func(model: Any, tower_func: Any, input_signature: Any) -> TowerFunc:
    if (model is None) == (tower_func is None):
        raise ValueError("PredictConfig: either model, or tower_func with input_signature, must be given; got {}".format(
            "neither" if model is None else "both"))
    if model is not None:
        if not isinstance(model, ModelDescBase):
            raise TypeError("PredictConfig: model must be a ModelDesc instance; got {}".format(shown(model)))
        if input_signature is not None:
            raise ValueError("PredictConfig: input_signature must not be given with a model, which has its own; got both; "
                             "pass tower_func=model.build_graph to use another one")
        return TowerFunc(model.build_graph, model.get_input_signature())
    if isinstance(tower_func, TowerFunc):
        return _with_signature(tower_func, input_signature)
    if not input_signature:
        raise ValueError("PredictConfig: tower_func must come with a non-empty input_signature; got {!r}; "
                         "pass a list of tf.TensorSpec".format(input_signature))
    return TowerFunc(tower_func, list(input_signature))


def _with_signature(tower_func: TowerFunc, input_signature: Any) -> TowerFunc:
    own = list(tower_func.input_signature)
    if input_signature is not None and list(input_signature) != own:
        raise ValueError("PredictConfig: input_signature must be that of the given TowerFunc, {}; got {}; leave it out, "
                         "or pass the plain function".format(own, list(input_signature)))
    return tower_func


def _names(argument: str, names: Any) -> List[str]:
    names = list_of_names("PredictConfig", argument, names)
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated and argument == "input_names":
        raise ValueError("PredictConfig: input_names must be unique, since each tensor is fed once; got {} more than "
                         "once".format(", ".join(map(repr, repeated))))
    return names


def _typed(argument: str, value: Any, wanted: type) -> Any:
    if value is not None and not isinstance(value, wanted):
        raise TypeError("PredictConfig: {} must be a {}; got {!r}{}".format(
            argument, wanted.__name__, value, "; wrap it by SmartInit(...)" if argument == "session_init" else ""))
    return value
