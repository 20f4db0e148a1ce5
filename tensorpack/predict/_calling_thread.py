"""Which predictions are best computed by the calling thread alone, without a hand-over to TensorFlow's threads.

Two changes of threads are most of the time that a small model takes. They are worth it when operations can run side by side;
threads within one operation (a large convolution) are there in either case.
"""
from __future__ import annotations

from typing import Any, Dict, List, Optional, Sequence, Set

from .. import compat
from ..compat import tfv1 as tf

# Multiply-adds (or elements that other operations make) for one example, which other threads might take over. These are
# about as many as one thread does during the change of threads.
_SMALL_WORK = 1 << 18
# In the calling thread TensorFlow calls itself at each fork of the graph, with 3 KB of stack on TF 1.15.
_MAX_DEPTH = 1000
_MAX_OPERATIONS = 2000  # in larger graphs a change of threads does not count
_UNKNOWN_SIZE = 1 << 20

_CONTRACTIONS = frozenset(["Conv2D", "DepthwiseConv2dNative", "Conv2DBackpropInput", "Conv3D", "Conv3DBackpropInputV2",
                           "MatMul", "BatchMatMul", "BatchMatMulV2"])
# Operations that take no time whatever the size of their output.
_FREE = frozenset(["Const", "Placeholder", "PlaceholderWithDefault", "Variable", "VariableV2", "VarHandleOp", "ReadVariableOp",
                   "Identity", "Reshape", "Squeeze", "ExpandDims", "StopGradient"])
_LOOPS = frozenset(["Enter", "RefEnter", "NextIteration", "RefNextIteration"])


def suits_calling_thread(inputs: Sequence[tf.Tensor], outputs: Sequence[tf.Tensor]) -> bool:
    """Whether the work between the tensors is nearly one sequence, and no danger to the stack; no loops or functions."""
    fed = {tensor.name for tensor in inputs}
    operations = None if compat.has_gpu() else _in_order(outputs, fed)
    if operations is None:
        return False
    depth: Dict[Any, int] = {}
    work: Dict[Any, int] = {}  # of the longest sequence that ends with the operation
    total = 0
    for op in operations:
        own, sources = _work(op), _sources(op, fed)
        depth[op] = 1 + max([depth[source] for source in sources] or [0])
        work[op] = own + max([work[source] for source in sources] or [0])
        total += own
    return not operations or (max(depth.values()) <= _MAX_DEPTH and total - max(work.values()) <= _SMALL_WORK)


def _in_order(outputs: Sequence[tf.Tensor], fed: Set[str]) -> Optional[List[Any]]:
    """The operations that run, each after those that it needs; None if one runs others, or if there are too many."""
    ordered: List[Any] = []
    done: Dict[Any, bool] = {}  # False: what it needs is being visited
    stack = [tensor.op for tensor in outputs if tensor.name not in fed]
    while stack:
        op = stack[-1]
        if op not in done:
            if op.type in _LOOPS or _runs_functions(op.type) or len(done) >= _MAX_OPERATIONS:
                return None
            done[op] = False
            stack.extend(source for source in _sources(op, fed) if source not in done)
        else:
            stack.pop()
            if not done[op]:
                done[op] = True
                ordered.append(op)
    return ordered


def _sources(op: Any, fed: Set[str]) -> List[Any]:
    return [tensor.op for tensor in op.inputs if tensor.name not in fed] + list(op.control_inputs)


def _runs_functions(op_type: str) -> bool:
    definition = compat.op_definition(op_type)
    return definition is None or any(attribute.type in ("func", "list(func)") for attribute in definition.attr)


def _work(op: Any) -> int:
    if op.type in _FREE:
        return 0
    elements = sum(_size(tensor.shape) for tensor in op.outputs)
    if op.type not in _CONTRACTIONS:
        return elements
    weight = op.inputs[1].shape
    if weight.ndims is None:
        return elements * _UNKNOWN_SIZE
    return elements * _size(weight[:-1], 0)  # for each element of the output, one weight of each input channel and position


def _size(shape: tf.TensorShape, first: int = 1) -> int:
    """The number of elements of one example: an unknown first dimension counts as 1."""
    if shape.ndims is None:
        return _UNKNOWN_SIZE
    size = 1
    for i, dimension in enumerate(shape.as_list()):
        size *= dimension if dimension is not None else 1 if i < first else _UNKNOWN_SIZE
    return size
