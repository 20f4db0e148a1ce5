"""Frozen graphs and SavedModels in TensorFlow, each in a graph and session of its own."""
from __future__ import annotations

import glob
import os
import threading
from typing import Any, Callable, Dict, List, Optional, Sequence

import numpy as np

from ... import compat
from ...compat import tfv1 as tf
from ...utils._process.fork import NO_TENSORFLOW, is_forked_after_tensorflow, tensorflow_has_run
from .._session.calling_thread import suits_calling_thread
from ..common import get_default_sess_config
from .engine import Engine, num_cores
from .file_kind import file_kind
from .signature import Signature, TensorInfo

_FEW_CORES = 4
_SERVING = tf.saved_model.tag_constants.SERVING
_DEFAULT_SIGNATURE = tf.saved_model.signature_constants.DEFAULT_SERVING_SIGNATURE_DEF_KEY
_INPUTS = ("Placeholder", "PlaceholderV2", "PlaceholderWithDefault")


class TensorFlowEngine(Engine):
    """A session on the graph of the file.

    The graph is read at once. The session is made by the first call, since TensorFlow cannot be used in a process that was
    forked after that.
    """

    name = "tensorflow"
    title = "TensorFlow"
    formats = ("frozen", "savedmodel")
    modules = ("tensorflow",)
    pip = "tensorflow"
    _sess: Optional[tf.Session] = None
    _call: Optional[Callable[..., List[Any]]] = None

    def _load(self, told: Optional[Signature]) -> Signature:
        self.graph = tf.Graph()
        self._lock = threading.Lock()
        if file_kind(self.path) == "savedmodel":
            return self._load_saved_model()
        return self._load_frozen(told)

    def _load_frozen(self, told: Optional[Signature]) -> Signature:
        with open(self.path, "rb") as f:
            graph_def = tf.GraphDef.FromString(f.read())
        with self.graph.as_default():
            tf.import_graph_def(graph_def, name="")
        if told is None:
            inputs = [op.outputs[0] for op in self.graph.get_operations() if op.type in _INPUTS]
            outputs = [op.outputs[0] for op in self.graph.get_operations() if _is_end(op)]
        else:
            inputs, outputs = [[tensor for each in side for tensor in _found(self.graph, each)]
                               for side in (told.inputs, told.outputs)]
        self._tensors: Dict[str, tf.Tensor] = {tensor.name: tensor for tensor in inputs + outputs}
        return Signature(list(map(_info, inputs)), list(map(_info, outputs)), {})

    def _load_saved_model(self) -> Signature:
        self._loader = compat.saved_model_loader(self.path)
        self._tags, signatures = _served(self.path, self._loader)
        self._saver, _ = self._loader.load_graph(self.graph, self._tags)
        if self._saver is not None:
            _check_variables(self._loader.variables_path)
        sides = [sorted(side.items()) for side in (signatures.inputs, signatures.outputs)]
        self._tensors = {key: self.graph.get_tensor_by_name(info.name) for side in sides for key, info in side}
        inputs, outputs = [[_info(self._tensors[key], key) for key, _ in side] for side in sides]
        return Signature(inputs, outputs, {})

    def _run(self, inputs: Sequence[np.ndarray]) -> List[np.ndarray]:
        call = self._call
        if call is None:
            call = self._make_call()
        return [np.asarray(value) for value in call(*inputs)]

    def _make_call(self) -> Callable[..., List[Any]]:
        with self._lock:
            if self._call is None:
                self._sess = self._session()
                outputs = [self._tensors[each.name] for each in self.signature.outputs]
                self._call = _callable(self._sess, self.input_tensors, outputs)
            return self._call

    def _session(self) -> tf.Session:
        config = get_default_sess_config()
        config.experimental.disable_thread_spinning = num_cores() <= _FEW_CORES
        if self.threads is not None:
            config.intra_op_parallelism_threads = config.inter_op_parallelism_threads = self.threads
            config.use_per_session_threads = True
        sess = tf.Session(graph=self.graph, config=config)
        try:
            self._restore(sess)
        except BaseException:
            sess.close()
            raise
        return sess

    def _restore(self, sess: tf.Session) -> None:
        if file_kind(self.path) == "savedmodel":
            with compat.deprecation_silenced(), self.graph.as_default():
                self._loader.restore_variables(sess, self._saver)
                self._loader.run_init_ops(sess, self._tags)
        else:
            sess.run([self.graph.get_operation_by_name(name) for name in self.signature.description.get("run_first", [])])

    @property
    def works_after_fork(self) -> bool:
        """As long as there was no session, which has threads."""
        return not (tensorflow_has_run() or self._lock.locked())

    @classmethod
    def obstacle(cls) -> Optional[str]:
        """Threads of TensorFlow, which are for all sessions, are not there in a process that was forked after they started."""
        return NO_TENSORFLOW + ", predict first in the worker, or take another engine" if is_forked_after_tensorflow() else None

    @property
    def input_tensors(self) -> List[tf.Tensor]:
        """The tensors of the inputs, in their order."""
        return [self._tensors[each.name] for each in self.signature.inputs]

    def close(self) -> None:
        """Free the model; `run` must not be called any more. May be called again."""
        self._call = None
        if self._sess is not None:
            self._sess.close()


def _callable(sess: tf.Session, inputs: Sequence[tf.Tensor], outputs: Sequence[tf.Tensor]) -> Callable[..., List[Any]]:
    unique = list(dict.fromkeys(tensor.name for tensor in outputs))
    if len(unique) < len(outputs) or any(tensor.name in unique for tensor in inputs):
        return sess.make_callable(list(outputs), feed_list=list(inputs))
    return compat.make_flat_callable(sess, outputs, (), inputs, in_calling_thread=suits_calling_thread(inputs, outputs))


def _found(graph: tf.Graph, info: TensorInfo) -> List[tf.Tensor]:
    """The tensor of the name, or none."""
    try:
        return [graph.get_tensor_by_name(info.name)]
    except (KeyError, ValueError):
        return []


def _is_end(op: tf.Operation) -> bool:
    return bool(op.outputs) and not any(tensor.consumers() for tensor in op.outputs) and op.type not in _INPUTS


def _info(tensor: tf.Tensor, name: Optional[str] = None) -> TensorInfo:
    shape = None if tensor.shape.ndims is None else tensor.shape.as_list()
    return TensorInfo(name or tensor.name, tensor.dtype.base_dtype.name, shape)


def _served(path: str, loader: Any) -> Any:
    """(tags, default signature) of a SavedModel; the one signature that another program gave it, or an error."""
    found = [(list(graph.meta_info_def.tags), graph.signature_def) for graph in loader.saved_model.meta_graphs]
    tags, signatures = ([each for each in found if _SERVING in each[0]] or found)[0]
    if _DEFAULT_SIGNATURE in signatures:
        return tags, signatures[_DEFAULT_SIGNATURE]
    usable = sorted(name for name, each in signatures.items() if each.outputs)
    if len(usable) == 1:
        return tags, signatures[usable[0]]
    raise ValueError("{}: must have the signature {!r}; got {}; export it with one".format(path, _DEFAULT_SIGNATURE, usable))


def _check_variables(prefix: str) -> None:
    """Raise ValueError if the files of variables are shorter than what is said to be in them."""
    reader = compat.new_checkpoint_reader(prefix)
    dtypes = reader.get_variable_to_dtype_map()
    needed = sum(int(np.prod(shape)) * dtypes[name].size for name, shape in reader.get_variable_to_shape_map().items()
                 if dtypes[name] != tf.string)
    there = sum(map(os.path.getsize, glob.glob(glob.escape(prefix) + ".data-*")))
    if there < needed:
        raise ValueError("its variables need {} bytes, and their files have {}: some are missing or cut off".format(
            needed, there))
