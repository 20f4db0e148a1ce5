"""Which operations take the outputs of an operation: `tf.contrib.quantize.python.input_to_ops`."""
from __future__ import annotations

from collections import defaultdict
from typing import Any, DefaultDict, Set

from .common import SKIPPED_PREFIXES

__all__ = ["InputToOps"]


class InputToOps:
    """The consumers of all tensors of a graph as it is when this is made, but for those named with `SKIPPED_PREFIXES`."""

    def __init__(self, graph: Any):
        self.mapping: DefaultDict[Any, Set[Any]] = defaultdict(set)  # tensor -> operations
        for operation in graph.get_operations():
            if not operation.name.startswith(SKIPPED_PREFIXES):
                for tensor in operation.inputs:
                    self.mapping[tensor].add(operation)

    def ConsumerOperations(self, producer_op: Any) -> Set[Any]:
        """The operations that take an output of this one."""
        return {consumer for output in producer_op.outputs for consumer in self.mapping.get(output, ())}
