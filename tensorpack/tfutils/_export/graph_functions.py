"""What the functions of a graph hold: the bodies of loops and conditions, and `Defun`s."""
from __future__ import annotations

from typing import Any, List, Set

from ... import compat
from ...compat import tfv1 as tf


def types_in_functions(op: tf.Operation) -> List[str]:
    """Types of the operations in the functions that this one calls, and in those that they call."""
    definition = compat.op_definition(op.type)
    if definition is None:
        names = [op.type]  # the operation is itself called as a function
    elif any(each.type in ("func", "list(func)") for each in definition.attr):
        names = _called(op.node_def)
    else:
        return []
    library = {each.signature.name: each for each in op.graph.as_graph_def().library.function}
    seen: Set[str] = set()
    types: List[str] = []
    while names:
        name = names.pop()
        if name in library and name not in seen:
            seen.add(name)
            types.extend(node.op for node in library[name].node_def)
            names.extend(node.op for node in library[name].node_def)
            names.extend(each for node in library[name].node_def for each in _called(node))
    return types


def _called(node: Any) -> List[str]:
    functions = [value.func for value in node.attr.values() if value.HasField("func")]
    functions += [each for value in node.attr.values() for each in value.list.func]
    return [each.name for each in functions]
