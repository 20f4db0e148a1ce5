"""What `OfflinePredictor(config, engine=...)` predicts with: the graph with constants for variables, or an export of it."""
from __future__ import annotations

import os
import shutil
import tempfile
import weakref
from typing import Any, List, NamedTuple, Optional

from ..compat import tfv1 as tf
from ..tfutils._engines.choose import NAMES
from ..tfutils._export.frozen_model import frozen_model
from ..tfutils._inference import build_inference_graph
from ..tfutils.export import ModelExporter
from ..tfutils.sesscreate import NewSessionCreator
from ._choose_engine import difference_to_tensorflow
from ._loaded_model import LoadedModel
from .config import PredictConfig, quick_session_creator

__all__ = ["FROZEN", "FrozenSession", "TemporaryModel", "check_engine", "frozen_session"]

FROZEN = "frozen"
# Engine -> (format to export, how the file is called)
_FORMATS = {
    "tensorflow": ("compact", "model.pb"),
    "openvino": ("compact", "model.pb"),
    "onnxruntime": ("onnx", "model.onnx"),
    "opencv": ("onnx", "model.onnx"),
    "litert": ("tflite", "model.tflite"),
}


def check_engine(who: str, engine: Any) -> None:
    """Raise ValueError if `engine` is neither None nor what can compute the model of a config."""
    if engine is not None and engine not in (FROZEN, *NAMES):
        raise ValueError("{}: engine must be None, {!r} or one of {}; got {!r}".format(
            who, FROZEN, ", ".join(map(repr, NAMES)), engine))


class FrozenSession(NamedTuple):
    """A session on a graph without variables."""

    graph: tf.Graph
    sess: tf.Session
    inputs: List[tf.Tensor]
    outputs: List[tf.Tensor]


def frozen_session(who: str, config: PredictConfig) -> FrozenSession:
    """The model of the config with constants for variables, in a graph and session of its own.

    Raises:
        ValueError: the graph cannot be frozen, or is too large for that.
    """
    built = build_inference_graph(config, NewSessionCreator())
    try:
        model = frozen_model("{}(engine={!r})".format(who, FROZEN), built, optimize=True)
    finally:
        built.sess.close()
    with tf.Graph().as_default() as graph:
        tf.import_graph_def(model.graph_def, name="")
        inputs, outputs = [[graph.get_tensor_by_name(spec.name) for spec in side] for side in (model.inputs, model.outputs)]
        sess = _session_of(config)
        sess.run(list(map(graph.get_operation_by_name, model.tables)))
    return FrozenSession(graph, sess, inputs, outputs)


def _session_of(config: PredictConfig) -> tf.Session:
    """With the options of the config's creator, which, when it is of another kind, may give a session on another graph."""
    creator = config.session_creator
    if type(creator) is NewSessionCreator and creator.user_provided_config:
        return creator.create_session()
    creator = quick_session_creator()
    # Freezing did the rest. Each pass of TensorFlow's optimizer copies all weights, which takes a second for 100 MB of them;
    # this one joins convolutions with what follows them.
    rewriting = creator.config.graph_options.rewrite_options
    rewriting.optimizers.append("remap")
    rewriting.meta_optimizer_iterations = rewriting.ONE
    creator.config.graph_options.optimizer_options.opt_level = tf.OptimizerOptions.L0
    return creator.create_session()


class TemporaryModel:
    """A model exported for an engine to a folder that goes with this object; it computes what the model computes, or raises.

    Args:
        who: the predictor to name in errors.
        config: the model.
        engine: name of the engine.

    Attributes:
        graph: the graph that was exported.

    Raises:
        ImportError: the engine, or what the export needs, is not installed.
        ValueError: the model cannot be exported for the engine, or the engine computes something else (`ExportMismatch`).
    """

    def __init__(self, who: str, config: PredictConfig, engine: str):
        kind, name = _FORMATS[engine]
        folder = tempfile.mkdtemp(prefix="tensorpack-predictor-")
        self._remove = weakref.finalize(self, _remove_in, os.getpid(), folder)
        try:
            self._exporter = ModelExporter(config)
            path = os.path.join(folder, name)
            getattr(self._exporter, "export_" + kind)(path)
            self._prove(who, engine, kind, path)
            self._model = LoadedModel(who, path, engine, None)
        except BaseException:
            self._remove()
            raise
        self.graph: Optional[tf.Graph] = self._exporter.graph
        used = [config.input_names.index(name) for name in self._exporter.input_names]
        self._used = None if used == list(range(len(config.input_names))) else used

    def _prove(self, who: str, engine: str, kind: str, path: str) -> None:
        """Exports are verified in the engine of their format; another one is compared here."""
        if engine not in ("openvino", "opencv"):
            return
        reference = path
        if kind != "compact":
            reference = os.path.join(os.path.dirname(path), "reference.pb")
            self._exporter.export_compact(reference, verify=False)
        words = difference_to_tensorflow(who, engine, path, reference)
        if words is not None:
            raise ValueError("{}(engine={!r}): the engine must compute what the model computes; {}; take another engine".format(
                who, engine, words))

    def __call__(self, *dp: Any) -> List[Any]:
        """The outputs for one value per input of the config; those that no output needs are not looked at."""
        return self._model.call(dp if self._used is None else [dp[i] for i in self._used])

    @property
    def is_closed(self) -> bool:
        """Whether `close` was called."""
        return self._model.is_closed

    def close(self) -> None:
        """Free the model and remove its file."""
        self._model.close()
        self._remove()


def _remove_in(pid: int, folder: str) -> None:
    if os.getpid() == pid:  # a forked process has the object, too, and the file is not its own
        shutil.rmtree(folder, ignore_errors=True)
