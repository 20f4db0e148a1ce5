"""Models whose weights do not fit into a GraphDef: the largest variables stay out of it, and placeholders take their places."""
from __future__ import annotations

from typing import Any, Dict, List, NamedTuple, Sequence

import numpy as np

from ...compat import tfv1 as tf
from ..dependency import ancestors

_VARIABLES = ("VarHandleOp", "VariableV2", "Variable")


class LargeVariable(NamedTuple):
    """A variable that stays out of the graph."""

    name: str  # of its operation, and of the placeholder in its place
    dtype: Any
    shape: List[int]

    @property
    def num_bytes(self) -> int:
        """Of its value."""
        return int(np.prod(self.shape, dtype=np.int64)) * self.dtype.size


    @property
    def spec(self) -> Any:
        """Of the placeholder."""
        return tf.TensorSpec(self.shape, self.dtype, self.name + ":0")


def large_variables(inputs: Sequence[tf.Tensor], outputs: Sequence[tf.Tensor], num_bytes: int, limit: int
                    ) -> List[LargeVariable]:
    """The largest variables that the outputs need, so many that the others fit into a GraphDef easily; none if all fit.

    Args:
        num_bytes: of all variables and constants that the outputs need.
        limit: what is too many.
    """
    left = num_bytes
    if left < limit:
        return []
    found = []
    for op in ancestors(outputs, inputs):
        shape = tf.TensorShape(op.get_attr("shape")) if op.type in _VARIABLES else tf.TensorShape(None)
        if shape.is_fully_defined():
            found.append(LargeVariable(op.name, tf.as_dtype(op.get_attr("dtype")), shape.as_list()))
    found.sort(key=lambda each: (-each.num_bytes, each.name))
    chosen: List[LargeVariable] = []
    while found and left >= limit // 2:
        chosen.append(found.pop(0))
        left -= chosen[-1].num_bytes
    return chosen


def with_placeholders(graph_def: Any, variables: Sequence[LargeVariable]) -> Any:
    """The graph with a placeholder for each of the variables, and with reads of its value in place of those of a resource."""
    if not variables:
        return graph_def
    by_name = {each.name: each for each in variables}
    changed = tf.GraphDef(versions=graph_def.versions, library=graph_def.library)
    for node in graph_def.node:
        changed.node.extend(_changed(node, by_name))
    return changed


def _changed(node: Any, variables: Dict[str, LargeVariable]) -> List[Any]:
    variable = variables.get(node.name)
    if variable is not None:
        placeholder = tf.NodeDef(name=node.name, op="Placeholder")
        placeholder.attr["dtype"].type = variable.dtype.as_datatype_enum
        # converters allocate inputs of known sizes; those of kernels they have to know
        is_matrix = len(variable.shape) <= 2
        shape = [None if is_matrix and i == 0 else size for i, size in enumerate(variable.shape)]
        placeholder.attr["shape"].shape.CopyFrom(tf.TensorShape(shape).as_proto())
        return [placeholder]
    variable = variables.get(node.input[0].split(":")[0]) if node.input else None
    if variable is None or node.op not in ("ReadVariableOp", "ResourceGather"):
        return [node]
    if node.op == "ReadVariableOp":
        read = tf.NodeDef(name=node.name, op="Identity", input=node.input)
        read.attr["T"].type = variable.dtype.as_datatype_enum
        return [read]
    axis = tf.NodeDef(name=node.name + "/axis", op="Const")
    axis.attr["dtype"].type = tf.int32.as_datatype_enum
    axis.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(np.int32(0)))
    gather = tf.NodeDef(name=node.name, op="GatherV2", input=[node.input[0], node.input[1], axis.name, *node.input[2:]])
    gather.attr["Tparams"].type = variable.dtype.as_datatype_enum
    gather.attr["Tindices"].CopyFrom(node.attr["Tindices"])
    gather.attr["Taxis"].type = tf.int32.as_datatype_enum
    return [axis, gather]

