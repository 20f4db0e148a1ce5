"""Names and connections of operations, for rewriting a graph: `tf.contrib.quantize.python.common`."""
from __future__ import annotations

import re
from typing import Any, Collection, List, Optional

from ......compat import tfv1 as tf

__all__ = ["BatchNormGroups", "CreateOrGetQuantizationStep", "DropStringPrefix", "GetEndpointActivationOp", "RerouteTensor",
           "SKIPPED_PREFIXES"]

# Beginnings of names of operations that are no part of a model
SKIPPED_PREFIXES = ("gradients/", "RMSProp/", "Adagrad/", "Const_", "HistogramSummary", "ScalarSummary")

_ACTIVATIONS = ("Relu6", "Relu", "Identity")
_STEP = "fake_quantization_step"


def BatchNormGroups(graph: Any) -> List[str]:
    """What stands before `BatchNorm/batchnorm` in names of operations, each once, in the order of the graph."""
    matches = [re.match("^(.*)BatchNorm/batchnorm", operation.name) for operation in graph.get_operations()]
    names = [match.group(1) for match in matches if match]
    return list(dict.fromkeys(name for name in names if not name.startswith(SKIPPED_PREFIXES)))


def GetEndpointActivationOp(graph: Any, prefix: str) -> Any:
    """The operation of this name followed by `Relu6`, `Relu` or `Identity`, the first that there is; None otherwise."""
    for activation in _ACTIVATIONS:
        try:
            return graph.get_operation_by_name(prefix + activation)
        except KeyError:
            continue
    return None


def CreateOrGetQuantizationStep() -> Any:
    """The int64 scalar tensor that counts its own evaluations, in the variable `fake_quantization_step`."""
    graph = tf.get_default_graph()
    try:
        return graph.get_tensor_by_name(_STEP + "/Identity:0")
    except KeyError:
        pass
    with graph.name_scope(None):
        step = tf.get_variable(_STEP, [], tf.int64, tf.zeros_initializer(), trainable=False,
                               collections=[tf.GraphKeys.GLOBAL_VARIABLES],
                               aggregation=tf.VariableAggregation.ONLY_FIRST_REPLICA)
        with graph.name_scope(step.op.name + "/"):
            return tf.identity(tf.assign_add(step, 1))


def DropStringPrefix(s: str, prefix: str) -> str:
    """The text without its beginning, if it begins so."""
    return s[len(prefix):] if s.startswith(prefix) else s


def RerouteTensor(t0: Any, t1: Any, can_modify: Optional[Collection[Any]] = None) -> int:
    """Give `t0` to the consumers of `t1` in its place; returns the number of inputs that changed.

    Args:
        can_modify: the operations that may change; all if None.
    """
    changes = [(consumer, index) for consumer in t1.consumers() if can_modify is None or consumer in can_modify
               for index, tensor in enumerate(consumer.inputs) if tensor is t1]
    for consumer, index in changes:
        consumer._update_input(index, t0)
    return len(changes)
