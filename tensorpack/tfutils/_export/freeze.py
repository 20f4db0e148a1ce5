"""From an inference graph with a session to a GraphDef of constants that computes the same with fewer operations.

Everything works on GraphDefs: variables become constants, the part that outputs do not need goes, then (`optimize_graph`)
forwarding operations are bypassed, constant subgraphs are computed, and batch normalisation is folded into convolutions.
"""
from __future__ import annotations

from typing import Any, Dict, List, Sequence, Set, Tuple

import numpy as np

from ... import compat
from ...compat import tfv1 as tf
from .fold_batch_norm import fold_batch_norms
from .graph_def import GraphEditor, attribute, input_op, is_control
from .large import LargeVariable, with_placeholders

# Operations that hand on their first input; CheckNumerics is a guard of training.
_FORWARDING = ("Identity", "StopGradient", "PreventGradient", "CheckNumerics")
_PLACEHOLDERS = ("Placeholder", "PlaceholderV2", "PlaceholderWithDefault")
_NEVER_CONSTANT = _PLACEHOLDERS + ("Enter", "Exit", "NextIteration")
# A folded constant may be this much larger than what it was computed from (it replaces the operations, too).
_GROWTH_LIMIT = 64 << 10
# Bytes that Protocol Buffers, the format of a GraphDef, can hold.
_GRAPH_DEF_LIMIT = 1 << 31


def freeze(who: str, sess: tf.Session, outputs: Sequence[str], table_initializers: Sequence[str] = (),
           left_out: Sequence[LargeVariable] = ()) -> Any:
    """The GraphDef that computes the outputs, with constants for variables and without devices.

    Args:
        who: the function to name in errors.
        sess: session in which the variables have their values.
        outputs: names of operations.
        table_initializers: names of operations to keep as well.
        left_out: variables that become placeholders instead.

    Raises:
        ValueError: a variable cannot be turned into a constant, or the graph would be too large.
    """
    try:
        graph_def = with_placeholders(sess.graph.as_graph_def(), left_out)
        clear_placement(graph_def)
        return compat.freeze_variables(sess, graph_def, list(outputs) + list(table_initializers))
    except (TypeError, ValueError) as e:
        if "2GB" in str(e):  # of variables whose size is known only now, or of a single constant
            raise _too_large(who, "more") from e
        raise ValueError("{}: variables must be replaceable by constants; TensorFlow refused: {}; variables "
                         "inside control flow must be reference variables on TF 1.15".format(who, e)) from e


def size_limit() -> int:
    """Bytes of which a GraphDef must have fewer."""
    return _GRAPH_DEF_LIMIT


def check_size(who: str, num_bytes: int) -> None:
    """Refuse what does not fit into a GraphDef.

    Raises:
        ValueError: there are 2 GB or more.
    """
    if num_bytes >= _GRAPH_DEF_LIMIT:
        raise _too_large(who, "{:.2f} GB".format(num_bytes / (1 << 30)))


def _too_large(who: str, got: str) -> ValueError:
    return ValueError("{}: the weights and constants of a graph in one file must be smaller than 2 GB, the limit of GraphDef; "
                      "got {}; use export_serving or export_onnx, which keep weights in files of their own".format(who, got))


def clear_placement(graph_def: Any) -> None:
    """Remove devices, and colocation with operations that may be pruned."""
    for node in _all_nodes(graph_def):
        node.device = ""
        node.attr.pop("_class", None)


def _all_nodes(graph_def: Any) -> List[Any]:
    return list(graph_def.node) + [node for function in graph_def.library.function for node in function.node_def]


def drop_newer_attributes(graph_def: Any) -> None:
    """Remove what older TensorFlows refuse as unknown and what, with its default value, says nothing."""
    for node in _all_nodes(graph_def):
        for name in compat.NEWER_ATTRIBUTES.intersection(node.attr):
            defaults = [each.default_value for each in compat.op_definition(node.op).attr if each.name == name]
            if defaults == [node.attr[name]]:
                del node.attr[name]


def optimize_graph(graph_def: Any, inputs: Sequence[Tuple[str, Any]], outputs: Sequence[str]) -> Any:
    """A GraphDef whose outputs are equal and keep their names, with fewer operations.

    Args:
        graph_def: a frozen graph without devices.
        inputs: (tensor name, TensorSpec) of what will be fed. An inner tensor becomes a placeholder, and what computed it
            goes.
        outputs: names of operations that stay.
    """
    editor = GraphEditor(graph_def)
    kept = set(outputs)
    for name, spec in inputs:
        kept.update(_cut_at_input(editor, name, spec))
    editor.prune(kept)
    _bypass_forwarding(editor, kept)
    _fold_constants(editor, kept)
    fold_batch_norms(editor, kept)
    editor.prune(kept)
    return editor.graph_def()


def _cut_at_input(editor: GraphEditor, name: str, spec: Any) -> Set[str]:
    """Make the input a placeholder; returns the names of operations to keep for it."""
    op_name, index = name.rsplit(":", 1)
    node = editor.nodes.get(op_name)
    if node is not None and node.op in _PLACEHOLDERS:
        return {op_name}
    if index != "0" or editor.max_output(op_name) > 0:
        return {op_name} & set(editor.nodes)  # a placeholder has one output; this operation's tensor can be fed as it is
    placeholder = tf.NodeDef(name=op_name, op="Placeholder")
    placeholder.attr["dtype"].type = spec.dtype.base_dtype.as_datatype_enum
    placeholder.attr["shape"].shape.CopyFrom(spec.shape.as_proto())
    editor.replace(placeholder)
    return {op_name}


def _bypass_forwarding(editor: GraphEditor, kept: Set[str]) -> None:
    """Connect consumers of Identity and the like with what it forwards, except where control edges make it matter."""
    anchors = {input_op(i) for node in editor.nodes.values() for i in node.input if is_control(i)}
    replacement: Dict[str, str] = {}
    for name, node in editor.nodes.items():
        if node.op in _FORWARDING and name not in kept and name not in anchors and len(node.input) == 1:
            replacement[name] = node.input[0]
    editor.rewire(replacement)


def _fold_constants(editor: GraphEditor, kept: Set[str]) -> None:
    """Replace operations whose inputs are all constant by constants that hold their values."""
    constant = _constant_operations(editor)
    wanted = {name for name in constant if editor.nodes[name].op != "Const"
              and (name in kept or any(c not in constant for c in editor.consumers(name)))}
    if not wanted:
        return
    part = editor.subgraph(wanted)
    names = sorted(wanted)
    with tf.Graph().as_default():
        tf.import_graph_def(part.graph_def(), name="")
        with tf.Session(config=tf.ConfigProto(device_count={"GPU": 0})) as sess:
            values = sess.run([name + ":0" for name in names])
    for name, value in zip(names, values):
        if np.asarray(value).nbytes <= part.constant_bytes(name) + _GROWTH_LIMIT:
            editor.replace(editor.new_constant(name, value))


def _constant_operations(editor: GraphEditor) -> Set[str]:
    """Names of operations with one output that depend on nothing but constants."""
    constant: Set[str] = set()
    for node in editor.in_order():
        if node.op == "Const":
            if not node.input:
                constant.add(node.name)
        elif node.input and all(i in constant for i in node.input) and _is_foldable(node):
            constant.add(node.name)
    return constant


def _is_foldable(node: Any) -> bool:
    definition = compat.op_definition(node.op)
    if definition is None or definition.is_stateful or node.op in _NEVER_CONSTANT or len(definition.output_arg) != 1:
        return False
    if any(argument.is_ref for argument in list(definition.input_arg) + list(definition.output_arg)):
        return False  # changes a variable, without being declared stateful
    output = definition.output_arg[0]
    if output.number_attr or output.type_list_attr or any(a.HasField("func") for a in node.attr.values()):
        return False
    dtype = tf.as_dtype(attribute(node, output.type_attr).type if output.type_attr else output.type)
    return dtype.is_floating or dtype.is_integer or dtype.is_bool
