"""A frozen inference graph with what its users must know of it; the exports that are one file start from it."""
from __future__ import annotations

import json
import os
from typing import Any, Dict, List, NamedTuple, Sequence

from ...compat import tfv1 as tf
from ...utils import logger
from ...utils.fs import mkdir_p
from .._engines.signature import checksum, description_file
from .._inference import InferenceGraph
from ..dependency import ancestors
from .freeze import check_size, drop_newer_attributes, freeze, optimize_graph, size_limit
from .graph_def import GraphEditor
from .large import LargeVariable, large_variables

_WITH_VALUE = ("Variable", "VariableV2", "VarHandleOp", "Const")


class FrozenModel(NamedTuple):
    """A GraphDef of constants; names of inputs and outputs are tensor names."""

    graph_def: Any
    inputs: List[Any]  # TensorSpecs
    outputs: List[Any]
    tables: List[str]  # operations that fill the lookup tables
    left_out: Sequence[LargeVariable] = ()  # variables that are placeholders


def frozen_model(who: str, built: InferenceGraph, optimize: bool, leaves_out: bool = False) -> FrozenModel:
    """Freeze the graph with the values of its session, and check that it can be loaded.

    Args:
        who: the function to name in errors.
        optimize: whether to make the graph smaller as `optimize_graph` does.
        leaves_out: whether placeholders may take the places of the largest variables, if all do not fit.

    Raises:
        ValueError: the graph cannot be frozen, or not be loaded.
    """
    tables = table_initializers(built.graph, built.outputs)
    outputs = [tensor.op.name for tensor in built.outputs]
    inputs = _specs(built.inputs)
    num_bytes = _needed_bytes(built.outputs)
    left_out = large_variables(built.inputs, built.outputs, num_bytes, size_limit()) if leaves_out else []
    check_size(who, num_bytes - sum(each.num_bytes for each in left_out))
    graph_def = freeze(who, built.sess, outputs, tables, left_out)
    _check_import(who, graph_def)
    if optimize:
        graph_def = optimize_graph(graph_def, [(spec.name, spec) for spec in inputs], outputs + tables)
        _check_import(who, graph_def)
    drop_newer_attributes(graph_def)  # at last: an import puts them into what it imports
    return FrozenModel(graph_def, inputs, _specs(built.outputs), tables, left_out)


_MADE_BY = {".onnx": "export_onnx", ".pb": "export_compact", ".tflite": "export_tflite"}


def warn_of_other_format(who: str, filename: str) -> None:
    """Warn of a file name that is usual for what another method of the exporter writes."""
    other = _MADE_BY.get(os.path.splitext(filename)[1].lower(), who)
    if other != who:
        logger.warning("%s does not write what the name %s promises; %s does.", who, os.path.basename(filename), other)


def check_target(who: str, filename: str, overwrite: bool) -> None:
    """Raise FileExistsError if the name is a directory's, or that of a file that must not be replaced."""
    if os.path.isdir(filename) or not os.path.basename(filename):
        raise FileExistsError("{}: the name must be that of a file; {} is a directory".format(who, filename))
    if not overwrite and os.path.exists(filename):
        raise FileExistsError("{}: {} must not exist; pass overwrite=True to replace it, or choose another name".format(
            who, filename))
    warn_of_other_format(who, filename)


class Converted(NamedTuple):
    """A file in memory."""

    content: bytes
    description: Dict[str, Any]  # of the JSON beside it; has at least the keys of `describe`
    title: str  # what the file holds, the beginning of a log line

    def write(self, path: str) -> None:
        """Write the file and its JSON."""
        with open(path, "wb") as f:
            f.write(self.content)
        self.description["file"] = checksum(path)
        write_description(path, self.description)


def write_description(path: str, description: Dict[str, Any]) -> None:
    """Write the JSON file of an exported file or SavedModel directory."""
    name = description_file(path)
    mkdir_p(os.path.dirname(name))
    with open(name, "w") as f:
        json.dump(description, f, indent=1)
        f.write("\n")


def log_written(filename: str, description: Dict[str, Any], title: str) -> None:
    """Log what was written; `title` says what the file holds, the beginning of a line."""
    for key in ("inputs", "outputs"):
        for each in description[key]:
            logger.info("%s: %s %s %s", key[:-1].capitalize(), each["name"], each["dtype"], each["shape"])
    logger.info("%s is exported to %s; names, dtypes and shapes are in %s.json.", title, filename, filename)


def describe(model: FrozenModel) -> Dict[str, Any]:
    """Names, dtypes and shapes of inputs and outputs, as plain lists and dicts."""
    return {"inputs": list(map(describe_spec, model.inputs)), "outputs": list(map(describe_spec, model.outputs))}


def _specs(tensors: Sequence[tf.Tensor]) -> List[Any]:
    return [tf.TensorSpec(tensor.shape, tensor.dtype.base_dtype, tensor.name) for tensor in tensors]


def describe_spec(spec: Any) -> Dict[str, Any]:
    """Name, dtype and shape of a TensorSpec, as a plain dict."""
    shape = None if spec.shape.ndims is None else spec.shape.as_list()
    return {"name": spec.name, "dtype": spec.dtype.base_dtype.name, "shape": shape}


def table_initializers(graph: tf.Graph, outputs: Sequence[tf.Tensor]) -> List[str]:
    """Names of the operations that fill the lookup tables on which the outputs depend."""
    initializers = graph.get_collection(tf.GraphKeys.TABLE_INITIALIZERS)
    if not initializers:
        return []
    needed = GraphEditor(graph.as_graph_def()).needed(tensor.op.name for tensor in outputs)
    return [op.name for op in initializers if op.inputs and op.inputs[0].op.name in needed]


def _needed_bytes(outputs: Sequence[tf.Tensor]) -> int:
    """Bytes of the variables and constants that the outputs need, as far as their sizes are known before they run."""
    total = 0
    for op in ancestors(outputs):
        if op.type in _WITH_VALUE:
            dtype, shape = tf.as_dtype(op.get_attr("dtype")), op.outputs[0].shape
            if op.type == "VarHandleOp":
                shape = tf.TensorShape(op.get_attr("shape"))
            total += (shape.num_elements() or 0) * dtype.size if shape.is_fully_defined() else 0
    return total


def _check_import(who: str, graph_def: Any) -> None:
    """Load the graph as its users will: freezing lets some graphs pass that cannot be loaded."""
    check_size(who, graph_def.ByteSize())
    try:
        with tf.Graph().as_default():
            tf.import_graph_def(graph_def, name="")
    except (TypeError, ValueError) as e:
        raise ValueError("{}: the outputs must not depend on operations that change variables; the frozen graph "
                         "cannot be loaded: {}".format(who, e)) from e
