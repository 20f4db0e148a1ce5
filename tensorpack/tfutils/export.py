"""Exporting a model for programs without this library: a frozen GraphDef, or a SavedModel."""
from __future__ import annotations

import json
import os
from typing import Any, Dict, List, Optional, Sequence

from .. import compat
from ..compat import tfv1 as tf
from ..utils import logger
from ..utils.fs import atomic_directory, atomic_write, mkdir_p
from ._freeze import freeze, optimize_graph
from ._graph_def import GraphEditor
from ._inference import InferenceGraph, build_inference_graph
from .sesscreate import NewSessionCreator

__all__ = ["ModelExporter"]

_DEFAULT_SIGNATURE = tf.saved_model.signature_constants.DEFAULT_SERVING_SIGNATURE_DEF_KEY


class ModelExporter:
    """Builds the inference graph of a PredictConfig, loads the model, and writes it in a format that others read.

    The session_creator of the config is not used. Variables that `session_init` does not set are exported with their initial
    values. Nothing written holds a device.

    Args:
        config: a `PredictConfig`.

    Attributes:
        graph: the inference graph of the last export.
    """

    def __init__(self, config: Any):
        if not hasattr(config, "session_init") or not hasattr(config, "output_names"):
            raise TypeError("ModelExporter: config must be a PredictConfig; got {!r}".format(config))
        self.config = config
        self.graph: Optional[tf.Graph] = None

    def export_compact(self, filename: str, optimize: bool = True, toco_compatible: bool = False, *,
                       overwrite: bool = True) -> None:
        """Write one file: a serialized GraphDef with constants for variables and only what the outputs need.

        Tensor names of inputs and outputs stay. `<filename>.json` tells their names, dtypes and shapes.

        Args:
            filename: the file; missing directories are made.
            optimize: also remove forwarding operations, compute constant parts, and fold batch normalisation into
                convolutions. An inner tensor that is an input becomes a placeholder.
            toco_compatible: use only what the TFLite converter takes, which is always so; needs `optimize`.
            overwrite: whether an existing file may be replaced.

        Raises:
            FileExistsError: the file exists and must not be replaced.
            ValueError: the graph cannot be frozen, for example because an output changes a variable.
        """
        if toco_compatible and not optimize:
            raise ValueError("export_compact: toco_compatible=True must come with optimize=True; got optimize=False")
        if os.path.isdir(filename):
            raise FileExistsError("export_compact: the name must be that of a file; {} is a directory".format(filename))
        if not overwrite and os.path.exists(filename):
            raise FileExistsError("export_compact: {} must not exist; pass overwrite=True to replace it, "
                                  "or choose another name".format(filename))
        built = self._build()
        try:
            tables = _table_initializers(built.graph, built.outputs)
            outputs = [tensor.op.name for tensor in built.outputs]
            graph_def = freeze(built.sess, outputs, tables)
        finally:
            built.sess.close()
        _check_import(graph_def)
        if optimize:
            specs = [tf.TensorSpec(t.shape, t.dtype.base_dtype) for t in built.inputs]
            graph_def = optimize_graph(graph_def, list(zip(built.input_names, specs)), outputs + tables)
            _check_import(graph_def)
        _write_compact(filename, graph_def, _description(built, graph_def, tables))

    def export_serving(self, filename: str, tags: Optional[Sequence[str]] = None,
                       signature_name: str = "prediction_pipeline", *, overwrite: bool = False) -> None:
        """Write a SavedModel directory.

        It has the signature `signature_name`, whose keys are tensor names (`image:0`), and the same as `serving_default`
        with keys without `:0` (output 1 of operation `x` is `x_1`). Files of lookup tables are copied into it.

        Args:
            filename: the directory.
            tags: default: `serve`.
            signature_name: name of the first signature.
            overwrite: whether an existing directory that is not empty may be replaced.

        Raises:
            FileExistsError: the directory is not empty and must not be replaced, or the name is a file's.
        """
        if os.path.exists(filename) and not (os.path.isdir(filename) and (overwrite or not os.listdir(filename))):
            raise FileExistsError("export_serving: {} must be a new or empty directory; got {}; choose another name".format(
                filename, "one with content (overwrite=True replaces it)" if os.path.isdir(filename) else "a file"))
        if isinstance(tags, str):
            tags = [tags]
        tags = list(tags or [tf.saved_model.tag_constants.SERVING])
        built = self._build()
        try:
            signatures = _signatures(built, signature_name)
            with atomic_directory(filename) as directory:
                compat.write_saved_model(directory, built.sess, tags, signatures)
        finally:
            built.sess.close()
        for name, signature in sorted(signatures.items()):
            logger.info("Signature %r: %s", name, _in_words(signature))
        logger.info("Model is exported to the SavedModel %s, tags %s.", filename, tags)

    def _build(self) -> InferenceGraph:
        built = build_inference_graph(self.config, NewSessionCreator())
        self.graph = built.graph
        return built


def _table_initializers(graph: tf.Graph, outputs: Sequence[tf.Tensor]) -> List[str]:
    """Names of the operations that fill the lookup tables on which the outputs depend."""
    initializers = graph.get_collection(tf.GraphKeys.TABLE_INITIALIZERS)
    if not initializers:
        return []
    needed = GraphEditor(graph.as_graph_def()).needed(tensor.op.name for tensor in outputs)
    return [op.name for op in initializers if op.inputs and op.inputs[0].op.name in needed]


def _check_import(graph_def: Any) -> None:
    """Load the graph as its users will: freezing lets some graphs pass that cannot be loaded."""
    if graph_def.ByteSize() >= 1 << 31:
        raise ValueError("export_compact: a GraphDef must be smaller than 2 GB; got {} bytes; use export_serving".format(
            graph_def.ByteSize()))
    try:
        with tf.Graph().as_default():
            tf.import_graph_def(graph_def, name="")
    except (TypeError, ValueError) as e:
        raise ValueError("export_compact: the outputs must not depend on operations that change variables; the frozen graph "
                         "cannot be loaded: {}".format(e)) from e


def _description(built: InferenceGraph, graph_def: Any, tables: Sequence[str]) -> Dict[str, Any]:
    present = {node.name for node in graph_def.node}
    description: Dict[str, Any] = {
        "inputs": [_describe(tensor) for tensor in built.inputs if tensor.op.name in present],
        "outputs": [_describe(tensor) for tensor in built.outputs],
    }
    if tables:
        description["run_first"] = list(tables)
    return description


def _describe(tensor: tf.Tensor) -> Dict[str, Any]:
    shape = None if tensor.shape.ndims is None else tensor.shape.as_list()
    return {"name": tensor.name, "dtype": tensor.dtype.base_dtype.name, "shape": shape}


def _write_compact(filename: str, graph_def: Any, description: Dict[str, Any]) -> None:
    names = {key: ",".join(each["name"] for each in description[key]) for key in ("inputs", "outputs")}
    description["onnx"] = "python -m tf2onnx.convert --graphdef {} --inputs {} --outputs {} --output model.onnx".format(
        os.path.basename(filename), names["inputs"], names["outputs"])
    mkdir_p(os.path.dirname(filename))
    with atomic_write(filename, "wb") as f:
        f.write(graph_def.SerializeToString())
    with atomic_write(filename + ".json") as f:
        json.dump(description, f, indent=1)
        f.write("\n")
    for key in ("inputs", "outputs"):
        for each in description[key]:
            logger.info("%s: %s %s %s", key[:-1].capitalize(), each["name"], each["dtype"], each["shape"])
    if "run_first" in description:
        logger.warning("The graph has lookup tables: after loading it, run the operations %s once. Vocabulary files are "
                       "read from where they were at the export; export_serving copies them.", description["run_first"])
    logger.info("Model with %d operations is exported to %s; names, dtypes and shapes are in %s.json. To ONNX: %s",
                len(graph_def.node), filename, filename, description["onnx"])


def _signatures(built: InferenceGraph, signature_name: str) -> Dict[str, Any]:
    signatures = {signature_name: compat.predict_signature(dict(zip(built.input_names, built.inputs)),
                                                           dict(zip(built.output_names, built.outputs)))}
    if signature_name != _DEFAULT_SIGNATURE:
        signatures[_DEFAULT_SIGNATURE] = compat.predict_signature(_plain_keys(built.inputs), _plain_keys(built.outputs))
    return signatures


def _plain_keys(tensors: Sequence[tf.Tensor]) -> Dict[str, tf.Tensor]:
    """`x` for the tensor `x:0`, `x_1` for `x:1`; a number more where this is taken."""
    unique = list({tensor.name: tensor for tensor in tensors}.values())
    keys: Dict[str, tf.Tensor] = {}
    for tensor in sorted(unique, key=lambda t: t.value_index != 0):  # output 0 has the first claim to the plain name
        base = tensor.op.name if tensor.value_index == 0 else "{}_{}".format(tensor.op.name, tensor.value_index)
        key, number = base, 0
        while key in keys:
            number += 1
            key = "{}_{}".format(base, number)
        keys[key] = tensor
    return keys


def _in_words(signature: Any) -> str:
    def side(infos: Any) -> str:
        return ", ".join("{} = {} {}".format(key, tf.as_dtype(info.dtype).name, tf.TensorShape(info.tensor_shape))
                         for key, info in sorted(infos.items()))

    return "{} -> {}".format(side(signature.inputs), side(signature.outputs))
