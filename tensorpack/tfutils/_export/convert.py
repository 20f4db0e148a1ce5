"""From a frozen graph to the formats of other runtimes: TFLite by TensorFlow's converter, ONNX by tf2onnx."""
from __future__ import annotations

import re
from typing import Any, Iterator, List, Mapping, Optional, Sequence

from ... import compat
from ...compat import tfv1 as tf
from ...utils.optional import optional_import
from ._onnx.choice import check_opset, choose_by_where
from ._onnx.dimensions import name_dimensions
from ._proof.examples import Example
from ._rewrite import ONNX, TFLITE, rewritten
from ._smaller.ways import Smaller
from .frozen_model import FrozenModel
from .graph_def import GraphEditor

_PIP_ONNX = "tf2onnx (or tensorpack[onnx])"
tf2onnx = optional_import("tf2onnx.convert", needed_by="ModelExporter.export_onnx", pip=_PIP_ONNX)
onnx = optional_import("onnx.checker", needed_by="ModelExporter.export_onnx", pip=_PIP_ONNX)
onnx_operations = optional_import("onnx.defs", needed_by="ModelExporter.export_onnx", pip=_PIP_ONNX)

_REASON_LENGTH = 600  # of what a converter says; what follows is its stack


def to_tflite(model: FrozenModel, way: Optional[Smaller] = None, examples: Sequence[Example] = ()) -> bytes:
    """The flatbuffer that computes the model.

    Args:
        way: how to make it smaller.
        examples: rows for calibration.

    Raises:
        ValueError: the model holds what TensorFlow Lite or its converter cannot do.
    """
    graph_def = _prepared("export_tflite", model._replace(graph_def=rewritten(model, TFLITE)))
    with tf.Graph().as_default() as graph:
        tf.import_graph_def(graph_def, name="")
    inputs, outputs = [[graph.get_tensor_by_name(spec.name) for spec in specs] for specs in (model.inputs, model.outputs)]
    try:
        if way is None:
            return compat.convert_to_tflite(graph_def, inputs, outputs)
        return compat.convert_to_tflite(graph_def, inputs, outputs, way.weights, examples, way.integer_only)
    except ValueError as e:
        refused = _refused_operations(str(e))
        reason = "got none for " + ", ".join(refused) if refused else "the converter says: " + _reason(str(e))
        raise ValueError("export_tflite: the model must have a counterpart in TensorFlow Lite; {}; use export_compact or "
                         "export_serving".format(reason)) from e


def check_onnx(opset: Optional[int]) -> None:
    """Raise, before any work, ImportError if tf2onnx is not installed, and TypeError if the opset is not a number or None."""
    if opset is not None and (not isinstance(opset, int) or isinstance(opset, bool)):
        raise TypeError("export_onnx: opset must be an int or None; got {!r}".format(opset))
    tf2onnx.from_graph_def  # noqa: B018


def to_onnx(model: FrozenModel, opset: Optional[int]) -> Any:
    """The ONNX ModelProto that computes the model.

    Args:
        opset: version of the set of operations; default: that of tf2onnx.

    Raises:
        ValueError: the model holds what ONNX cannot do, or tf2onnx does not know the opset.
    """
    graph_def = _prepared("export_onnx", model._replace(graph_def=rewritten(model, ONNX)))
    check_opset(graph_def, opset)
    names = [spec.name for spec in model.inputs] + [each.spec.name for each in model.left_out]
    try:
        with compat.deprecation_silenced():
            converted, _ = tf2onnx.from_graph_def(graph_def, input_names=names,
                                                  output_names=[spec.name for spec in model.outputs], opset=opset,
                                                  custom_rewriter=[choose_by_where])
    except ValueError as e:
        raise ValueError("export_onnx: tf2onnx must know the opset and the operations; it refused the model: {}".format(
            _reason(str(e)))) from e
    _check_operations(converted)
    _set_shapes(converted, {each.spec.name: each.shape for each in model.left_out})
    name_dimensions(converted)
    return converted


def onnx_opset(converted: Any) -> int:
    """The version of ONNX's set of operations that the model uses."""
    return next(each.version for each in converted.opset_import if each.domain in ("", "ai.onnx"))


def _prepared(who: str, model: FrozenModel) -> Any:
    """The graph with what neither format has taken out or refused."""
    if model.tables:
        raise ValueError("{}: the outputs must not depend on lookup tables, which this format cannot hold; got tables filled "
                         "by {}; use export_serving".format(who, model.tables))
    if not model.inputs:
        raise ValueError("{}: the outputs must depend on an input; got none of {}".format(
            who, [spec.name for spec in model.outputs]))
    return _without_defaults(model)


def _without_defaults(model: FrozenModel) -> Any:
    """Placeholders with default values become plain ones if they are inputs, else their default values."""
    editor = GraphEditor(model.graph_def)
    fed = {spec.name for spec in model.inputs}
    for node in list(editor.nodes.values()):
        if node.op == "PlaceholderWithDefault":
            replaced = tf.NodeDef(name=node.name, op="Placeholder" if node.name + ":0" in fed else "Identity")
            if replaced.op == "Placeholder":
                replaced.attr["dtype"].CopyFrom(node.attr["dtype"])
                replaced.attr["shape"].CopyFrom(node.attr["shape"])
            else:
                replaced.input.extend(node.input)
                replaced.attr["T"].CopyFrom(node.attr["dtype"])
            editor.replace(replaced)
    return editor.graph_def()


def _check_operations(converted: Any) -> None:
    """tf2onnx leaves operations that it does not know in the model, which no runtime then loads."""
    unknown = sorted({node.op_type for node in _nodes(converted.graph)
                      if not onnx_operations.has(node.op_type, node.domain)})
    if unknown:
        raise ValueError("export_onnx: each operation must have a counterpart in ONNX (opset {}); got none for {}; try another "
                         "opset, or use export_serving".format(onnx_opset(converted), ", ".join(unknown)))
    try:
        onnx.check_model(converted)
    except onnx.ValidationError as e:
        raise ValueError("export_onnx: tf2onnx must make a valid model of it; got one that ONNX refuses: {}; try another "
                         "opset".format(_reason(str(e)))) from e


def _set_shapes(converted: Any, shapes: Mapping[str, Sequence[int]]) -> None:
    for tensor in converted.graph.input:
        for dimension, size in zip(tensor.type.tensor_type.shape.dim, shapes.get(tensor.name, ())):
            dimension.dim_value = size


def _nodes(graph: Any) -> Iterator[Any]:
    """The nodes of an ONNX graph and of the bodies of its loops and conditions."""
    for node in graph.node:
        yield node
        for attribute in node.attribute:
            for body in [attribute.g] + list(attribute.graphs):
                yield from _nodes(body)


def _refused_operations(message: str) -> List[str]:
    """Types of the operations that TensorFlow's converter says it has no counterpart for."""
    found = set(re.findall(r"'tf\.(\w+)' op is neither", message))  # TF 2.x
    for listed in re.findall(r"(?:control flow ops|custom implementations): ([\w, ]+)", message):  # TF 1.15
        found.update(listed.split(", "))
    return sorted(found)


def _reason(message: str) -> str:
    """What matters of a converter's message, in one line: TF 1.15 puts the output of a whole program into it."""
    fatal = re.search(r"Check failed: .*", message)
    words = " ".join((fatal.group() if fatal else message).split())
    return words if len(words) <= _REASON_LENGTH else words[:_REASON_LENGTH] + " ..."
