"""After what the global step may change in a step, so that a schedule in the graph sees the steps before this one.

TensorFlow runs what has no order in any order. A resource variable that has been read makes a copy when it changes; what is
read from a reference variable is its own memory, which must not change until something has been computed from it.
"""
from __future__ import annotations

from typing import Any, List

from ..compat import tfv1 as tf

__all__ = ["users_of_value"]

# They give their input's own memory to those that come after.
_SAME_MEMORY = ("Identity", "StopGradient", "PreventGradient", "ExpandDims", "Squeeze", "Reshape", "Bitcast", "Merge")
_IN_LOOPS = ("Enter", "NextIteration", "LoopCond")


def users_of_value(variable: Any) -> List[tf.Operation]:
    """The operations after which the variable may change without harm to those that use its value.

    They are such as can run in every step: outside of loops and of conditions, though these may be on the way to them, with
    nothing before them but constants, the variable and what is computed of both.
    """
    users: List[tf.Operation] = []
    todo, seen = [variable.op], {variable.op}
    while todo:
        for tensor in todo.pop().outputs:
            for op in tensor.consumers():
                if op in seen:
                    continue
                seen.add(op)
                context = op._get_control_flow_context()
                if context is not None:
                    if context.IsCondContext():  # what it computes there comes out of the condition by a Merge
                        todo.append(op)
                    continue
                if _can_run(op, variable):
                    users.append(op)
                if op.type in _SAME_MEMORY:
                    todo.append(op)
    return users


def _can_run(op: tf.Operation, variable: Any) -> bool:
    """Whether it and all that comes before it need no data and have no effect."""
    todo, seen = [op], {op, variable.op}
    while todo:
        op = todo.pop()
        if not _is_computation(op):
            return False
        before = {x.op for x in op.inputs}.union(op.control_inputs) - seen
        seen |= before
        todo += before
    return True


def _is_computation(op: tf.Operation) -> bool:
    if op.type.startswith("Placeholder") or op.type in _IN_LOOPS:
        return False
    if op.op_def.is_stateful and op.type not in ("ReadVariableOp", "Assert"):
        return False
    return op.type == "Identity" or not any(x.dtype._is_ref_dtype for x in op.inputs)  # the others change the variable
