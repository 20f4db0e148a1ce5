"""What is best computed by the calling thread alone, without a hand-over to TensorFlow's threads.

Two changes of threads are most of the time that a small model takes. They are worth it when operations can run side by side;
threads within one operation (a large convolution) are there in either case.
"""
from __future__ import annotations

import re
from typing import Any, Callable, Dict, List, Optional, Sequence, Set

from ... import compat
from ...compat import tfv1 as tf

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
# Queues that give an element whenever they have one.
_QUEUES = frozenset(["FIFOQueueV2", "PaddingFIFOQueueV2"])
QUEUE_SIZE = "QueueSizeV2"
# Parts of the names of operations that wait for another operation or thread, another process or a disk.
_WAITING = re.compile("Queue|Barrier|[Ss]tage|Peek|Reader|RecordInput|Iterator|Dataset|Accumulator|Mutex|Send|Recv|Collective|"
                      "Nccl|Rpc")
_PYTHON = "PyFunc"


def suits_calling_thread(inputs: Sequence[tf.Tensor], outputs: Sequence[tf.Tensor]) -> bool:
    """Whether the work between the tensors is nearly one sequence, and no danger to the stack; no loops or functions.

    Nor may it wait: what it waits for may be an operation of the same call, for which the thread that waits is needed.
    """
    fed = {tensor.name for tensor in inputs}
    operations = _in_order([tensor.op for tensor in outputs if tensor.name not in fed], fed)
    if not operations:
        return operations is not None
    if any(_WAITING.search(op.type) for op in operations):
        return False
    longest = _longest_sequence(operations, fed, _work)
    return sum(map(_work, operations)) - longest <= _SMALL_WORK


def elements_to_take(feeds: Sequence[tf.Tensor], operations: Sequence[Any]) -> Optional[Dict[tf.Operation, int]]:
    """What the calling thread would need if it computed the operations: how many elements of which queues.

    None if it should not, whatever is in the queues: for the danger to the stack, for loops or functions, or since something
    else can wait for another thread. Queues are told by the operations that make them.
    """
    ordered = _in_order(operations, {tensor.name for tensor in feeds})
    if ordered is None:
        return None
    elements: Dict[tf.Operation, int] = {}
    for op in ordered:
        if op.type == "QueueDequeueV2" and op.inputs[0].op.type in _QUEUES:
            queue = op.inputs[0].op
            elements[queue] = elements.get(queue, 0) + 1
        elif op.type not in _QUEUES and op.type != QUEUE_SIZE and may_wait(op.type):
            return None
    return elements


def may_wait(op_type: str) -> bool:
    """Whether operations of this type may wait for others, or run Python, which may.

    Those of TensorFlow's own are known by their names, those of other libraries (Horovod) may do anything.
    """
    return not hasattr(tf.raw_ops, op_type) or _PYTHON in op_type or _WAITING.search(op_type) is not None


def _in_order(operations: Sequence[Any], fed: Set[str]) -> Optional[List[Any]]:
    """The operations that run, each after those that it needs; None if one runs others, if there are too many, if they form
    too long a sequence, or if there is a GPU."""
    if compat.has_gpu():
        return None
    ordered: List[Any] = []
    done: Dict[Any, bool] = {}  # False: what it needs is being visited
    stack = list(operations)
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
    return ordered if _longest_sequence(ordered, fed, lambda op: 1) <= _MAX_DEPTH else None


def _longest_sequence(ordered: Sequence[Any], fed: Set[str], weight: Callable[[Any], int]) -> int:
    """The largest sum of weights of operations of which each needs the one before; 0 if there are none."""
    sums: Dict[Any, int] = {}
    for op in ordered:
        sums[op] = weight(op) + max([sums[source] for source in _sources(op, fed)] or [0])
    return max(sums.values()) if sums else 0


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
