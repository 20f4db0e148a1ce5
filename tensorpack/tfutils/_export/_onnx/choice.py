"""`tf.where` with three arguments as ONNX's `Where`; tf2onnx prefers a sum of both branches, each times 0 or 1."""
from __future__ import annotations

from typing import Any, List, Optional

from ....compat import tfv1 as tf
from ....utils.optional import optional_import

onnx = optional_import("onnx", needed_by="ModelExporter.export_onnx", pip="tf2onnx (or tensorpack[onnx])")

_CHOICES = ("Select", "SelectV2")
_LEAST_OPSET = 9
_EXACT_AS_PRODUCTS = ("BOOL", "INT8", "INT16", "UINT16", "UINT32", "UINT64")  # ONNX Runtime has no Where of these


def check_opset(graph_def: Any, opset: Optional[int]) -> None:
    """Raise ValueError if the graph chooses between floating-point numbers, and the opset has no `Where`."""
    if opset is None or opset >= _LEAST_OPSET:
        return
    bodies = [graph_def.node, *(function.node_def for function in graph_def.library.function)]
    for node in (node for body in bodies for node in body):
        if node.op in _CHOICES and tf.as_dtype(node.attr["T"].type).is_floating:
            raise ValueError("export_onnx: {} {!r} needs an opset of at least {}; got {}".format(
                node.op, node.name, _LEAST_OPSET, opset))


def choose_by_where(graph: Any, nodes: List[Any]) -> List[Any]:
    """A rewriter for tf2onnx: NaN and infinity of what is not chosen must not come through, as they do through products.

    It runs behind tf2onnx's own rewriters, which look for choices to recognise recurrent layers, also for bodies of loops.
    """
    exact = [getattr(onnx.TensorProto, name) for name in _EXACT_AS_PRODUCTS]
    for node in nodes:
        if node.type in _CHOICES and graph.get_dtype(node.output[0]) not in exact:
            node.set_attr("handles_nan", True)
    return nodes
