"""Predictors: callables from numpy arrays to a list of numpy arrays, on a graph and a session."""
from __future__ import annotations

import os
import re
import weakref
from abc import ABCMeta, abstractmethod
from typing import Any, Callable, List, Optional, Sequence, Tuple

import numpy as np
import six

from ..compat import is_session_closed
from ..compat import tfv1 as tf
from ..tfutils._inference import build_inference_graph, find_inputs, find_outputs, require_predict_config
from ..tfutils._session.bad_values import explain_bad_values
from ..tfutils._session.queue_runners import QueueRunners
from ..tfutils._session.stall import default_stall_seconds
from ..tfutils._session.waiting import can_wait
from ..tfutils.dependency import ancestors
from ..utils._process.fork import NO_TENSORFLOW
from ..utils._text.keywords import KeywordsTold
from ..utils._types import AnyFunction
from ._callable import make_prediction_callable
from ._engine_of_config import FROZEN, TemporaryModel, check_engine, frozen_session
from ._stall import CallWatch
from .config import PredictConfig

__all__ = ["OfflinePredictor", "OnlinePredictor", "PredictorBase"]

_of_this_process: weakref.WeakSet[OnlinePredictor] = weakref.WeakSet()


def _after_fork_in_child() -> None:
    for predictor in list(_of_this_process):
        predictor._lose_threads()
    _of_this_process.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)


@six.add_metaclass(ABCMeta)
class PredictorBase(KeywordsTold):
    """Base of all predictors.

    Attributes:
        return_input: whether a call returns (tuple of inputs, outputs) rather than outputs.
        STALL_SECONDS: how long a call that waits for data may take before the log says that it hangs, what it waits for, and
            what all threads do; None for never. By default 300, or what the environment variable `TENSORPACK_STALL_SECONDS`
            says (0 for never). Set it in a subclass, or before the first call.
    """

    return_input = False
    STALL_SECONDS: Optional[float] = default_stall_seconds()

    def __call__(self, *dp: Any, **by_name: Any) -> Any:
        """Predict; one argument per input, by position, in the order of the config's `input_names`.

        Returns:
            The list of outputs, or (dp, outputs) with `return_input`.

        Raises:
            TypeError: an input is given by name.
        """
        if by_name:
            self._refuse_names(sorted(by_name))
        if dp and type(dp[0]) is not np.ndarray:
            dp = self._datapoint(dp)
        output = self._do_call(dp)
        if self.return_input:
            return dp, output
        return output

    def _datapoint(self, dp: Tuple[Any, ...]) -> Tuple[Any, ...]:
        """The inputs, from arguments of which the first one is no array."""
        return dp

    def _refuse_names(self, given: Sequence[str]) -> None:
        names = [name[:-2] if name.endswith(":0") else name for name in self._names_of_inputs()]
        raise TypeError("{}: its inputs must be given by position{}; got {}; write predictor({})".format(
            type(self).__name__, ", in the order " + ", ".join(names) if names else "",
            ", ".join(name + "=" for name in given), ", ".join(re.sub(r"\W", "_", name) for name in names) or "input, ..."))

    def _names_of_inputs(self) -> List[str]:
        """Those of the inputs in their order; an empty list if they are not known."""
        return []

    @abstractmethod
    def _do_call(self, dp: Sequence[Any]) -> Any:
        """Override: from the sequence of inputs to the list of outputs."""


@six.add_metaclass(ABCMeta)
class AsyncPredictorBase(PredictorBase):
    """Base of predictors that work in the background; calling one waits for the result."""

    @abstractmethod
    def put_task(self, dp: Sequence[Any], callback: Optional[Callable[[Any], Any]] = None) -> Any:
        """Override: queue one datapoint; returns a Future, with which `callback` is called when it is done."""

    @abstractmethod
    def start(self) -> None:
        """Override: start working."""

    def _do_call(self, dp: Sequence[Any]) -> Any:
        return self.put_task(dp).result()


class OnlinePredictor(PredictorBase):
    """Predicts in an existing session. Calls are thread-safe and add nothing to the graph.

    Args:
        input_tensors: tensors to feed: tensors, or names of tensors or operations (output 0).
        output_tensors: tensors to compute, likewise.
        return_input: see PredictorBase.
        sess: the session. None: the default session of the first call is used from then on, unless the attribute `sess` is
            set before.

    Raises:
        KeyError: a name is not in the session's graph (at the first call if the session is not known before).
    """

    ACCEPT_OPTIONS = False
    """True in a subclass: go through `Session.make_callable(accept_options=True)`."""

    _queue_runners: Optional[QueueRunners] = None

    def __init__(self, input_tensors: Sequence[Any], output_tensors: Sequence[Any], return_input: bool = False,
                 sess: Optional[tf.Session] = None):
        self.input_tensors = list(input_tensors)
        self.output_tensors = list(output_tensors)
        self.return_input = return_input
        self._callable: Optional[AnyFunction] = None
        self._watch = CallWatch(OnlinePredictor._do_call)
        self._sess: Optional[tf.Session] = None
        self.sess = sess
        _of_this_process.add(self)

    @property
    def sess(self) -> Optional[tf.Session]:
        """The session; setting it makes later calls use that one."""
        return self._sess

    @sess.setter
    def sess(self, sess: Optional[tf.Session]) -> None:
        self._callable = None
        self._watch.end()
        self._sess = sess
        if sess is not None and sess.graph is not None:
            self.input_tensors = find_inputs(sess.graph, self.input_tensors)
            self.output_tensors = find_outputs(sess.graph, self.output_tensors)

    def _lose_threads(self) -> None:
        """This is a forked process, in which a call would wait for the threads of the session."""
        if self._sess is not None:
            self._callable = self._refuse_to_wait

    def _refuse_to_wait(self, *dp: Any) -> Any:
        raise RuntimeError("{}: {}, or predict by an ExportedPredictor in another engine".format(
            type(self).__name__, NO_TENSORFLOW))

    def _names_of_inputs(self) -> List[str]:
        return [_name(tensor) for tensor in self.input_tensors]

    def _do_call(self, dp: Sequence[Any]) -> Any:
        if self._sess is not None and is_session_closed(self._sess):
            raise RuntimeError("{}: its session must be open; it has been closed; after a training, "
                               "OfflinePredictor(PredictConfig(...)) predicts with its checkpoint".format(type(self).__name__))
        run = self._callable
        if run is None:
            run = self._make_callable()
        if len(dp) != len(self.input_tensors):
            raise ValueError("{}: must be called with {} inputs ({}); got {}{}".format(
                type(self).__name__, len(self.input_tensors), ", ".join(self._names_of_inputs()), len(dp),
                "; input_names says which there are" if len(dp) < len(self.input_tensors) else ""))
        try:
            return run(*dp)
        except tf.errors.InvalidArgumentError as e:
            explain_bad_values(e, zip(self.input_tensors, dp))
            raise

    def _is_closed(self) -> bool:
        """Whether there is nothing any more to predict with."""
        return is_session_closed(self._sess)

    def _lacks_session(self) -> bool:
        """Whether it takes the default session of its first call."""
        return self._sess is None

    def _make_callable(self) -> AnyFunction:
        # Two first calls at the same time make two equal callables; the last one is kept.
        if self._sess is None:
            sess = tf.get_default_session()
            if sess is None:
                raise RuntimeError("{}: there must be a session to predict in; got none; pass sess=, or call it inside `with "
                                   "sess.as_default():`; callbacks predict from _before_train on".format(type(self).__name__))
            self.sess = sess
        run = make_prediction_callable(self._sess, self.input_tensors, self.output_tensors, self.ACCEPT_OPTIONS)
        if self._queue_runners is not None:
            run = self._queue_runners.explain(run)
        if can_wait(ancestors(_plain(self.output_tensors), _plain(self.input_tensors))):
            self._watch.start(self)
        self._callable = run
        return run


class OfflinePredictor(OnlinePredictor):
    """Builds a model for inference in a graph and session of its own, loads it, and predicts.

    Starts the queue runners that fill what the outputs need; when one fails, a call raises its error. Without any input queue
    in the model there are none.

    A context manager: leaving it ends them and closes the session.

    Args:
        config: what to build (see PredictConfig). It may serve several predictors.
        engine: what computes the model. None: the session in which it was loaded. `"frozen"`: TensorFlow, in a graph of its own
            that has constants for variables and fewer operations. `"onnxruntime"`, `"openvino"`, `"litert"`, `"opencv"` or
            `"tensorflow"`: that program, by a temporary export, which is removed when the predictor is closed; the engine is
            proven to compute what the model computes. All but None leave out the session_creator of the config, except for the
            options of a NewSessionCreator.

    Attributes:
        graph: the graph, not finalized; with an engine other than `"frozen"` the one that was exported.
        sess: the session; None after `close`, and with an engine that is none of TensorFlow's sessions.

    Raises:
        TypeError: `config` is no PredictConfig.
        ValueError: there is no such engine; the model cannot be frozen or exported, or the engine computes something else.
        ImportError: the engine, or what an export for it needs, is not installed.
    """

    _queue_runners: QueueRunners
    _exported: Optional[TemporaryModel] = None

    def __init__(self, config: PredictConfig, *, engine: Optional[str] = None):
        who = type(self).__name__
        require_predict_config(who, config)
        check_engine(who, engine)
        if engine not in (None, FROZEN):
            return self._predict_by_export(config, engine)
        if engine == FROZEN:
            self.graph, sess, inputs, outputs = frozen_session(who, config)
            self._owns_session = True
        else:
            built = build_inference_graph(config)
            self.graph, sess, inputs, outputs = built.graph, built.sess, built.inputs, built.outputs
            self._owns_session = built.owns_session
        super().__init__(inputs, outputs, config.return_input, sess)
        self._start_queue_runners([self])
        if engine == FROZEN:
            self._make_callable()  # TensorFlow copies all constants meanwhile, which should not be part of a call

    def _predict_by_export(self, config: PredictConfig, engine: Any) -> None:
        super().__init__(config.input_names, config.output_names, config.return_input)
        self._exported = TemporaryModel(type(self).__name__, config, engine)
        self._callable = self._exported.__call__  # which is faster to call than the object
        self.graph = self._exported.graph

    def _is_closed(self) -> bool:
        return super()._is_closed() if self._exported is None else self._exported.is_closed

    def _lacks_session(self) -> bool:
        return False

    def _start_queue_runners(self, predictors: Sequence[OnlinePredictor]) -> None:
        """Start those that predictors in this session need."""
        outputs, inputs = [_plain([getattr(predictor, attribute) for predictor in predictors])
                           for attribute in ("output_tensors", "input_tensors")]
        self._queue_runners = QueueRunners(self.sess, outputs, inputs)
        self._queue_runners.start()
        for predictor in predictors:
            predictor._queue_runners = self._queue_runners

    def __enter__(self) -> OfflinePredictor:
        return self

    def __exit__(self, *exc_info: Any) -> None:
        self.close()

    def close(self) -> None:
        """Close the session and free its memory; later calls raise RuntimeError. A session of the user's own stays open."""
        sess, self._sess = self._sess, None
        self._callable = None
        self._watch.end()
        if self._exported is not None:
            self._exported.close()
        if sess is not None:
            self._queue_runners.stop(sess.close if self._owns_session else lambda: None)

    def _make_callable(self) -> AnyFunction:
        if self._sess is None:
            raise RuntimeError("{}: must not be called after close(); build a new one".format(type(self).__name__))
        return super()._make_callable()


def _plain(tensors: Any) -> List[tf.Tensor]:
    """The tensors of a structure, those of which sparse ones consist included."""
    return tf.nest.flatten(tensors, expand_composites=True)


def _name(tensor: Any) -> str:
    return tensor if isinstance(tensor, str) else getattr(tensor, "name", str(tensor))
