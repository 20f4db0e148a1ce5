"""Editing a GraphDef: its nodes by name, who consumes whom, bypassing, replacing and pruning."""
from __future__ import annotations

from typing import Any, Dict, Iterable, List, Mapping, Optional, Set

import numpy as np

from ...compat import tfv1 as tf


def is_control(name: str) -> bool:
    """Whether the input is a control edge."""
    return name.startswith("^")


def input_op(name: str) -> str:
    """The operation that the input comes from."""
    return name.lstrip("^").split(":")[0]


def attribute(node: Any, name: str) -> Any:
    """The attribute's value, an empty one if the node lacks it; indexing `node.attr` would add it."""
    return node.attr[name] if name in node.attr else tf.AttrValue()


class GraphEditor:
    """The nodes of a GraphDef, copied, with operations on them; function library and versions are kept.

    Args:
        graph_def: the graph; it is not changed.
    """

    def __init__(self, graph_def: Any):
        self._frame = tf.GraphDef()
        self._frame.versions.CopyFrom(graph_def.versions)
        self._frame.library.CopyFrom(graph_def.library)
        self.nodes: Dict[str, Any] = {}
        for node in graph_def.node:
            copy = tf.NodeDef()
            copy.CopyFrom(node)
            # "x:0" and "x" are the same input
            copy.input[:] = [i[:-2] if i.endswith(":0") else i for i in node.input]
            self.nodes[copy.name] = copy
        self._consumers: Optional[Dict[str, List[str]]] = None

    def graph_def(self) -> Any:
        """The edited graph."""
        result = tf.GraphDef()
        result.CopyFrom(self._frame)
        result.node.extend(self.nodes.values())
        return result

    def consumers(self, name: str) -> List[str]:
        """Names of operations that have an output of this one, or a control edge from it, as input; one entry per input."""
        if self._consumers is None:
            self._consumers = {}
            for node in self.nodes.values():
                for i in node.input:
                    self._consumers.setdefault(input_op(i), []).append(node.name)
        return self._consumers.get(name, [])

    def max_output(self, name: str) -> int:
        """The highest output index of the operation that something uses, 0 if nothing does."""
        used = [i for consumer in self.consumers(name) for i in self.nodes[consumer].input if input_op(i) == name]
        return max([int(i.split(":")[1]) for i in used if ":" in i] or [0])

    def constant(self, name: str) -> Optional[np.ndarray]:
        """The value of the constant with this name, None if the operation is something else."""
        node = self.nodes.get(name)
        if node is None or node.op != "Const":
            return None
        return tf.make_ndarray(node.attr["value"].tensor)

    def new_constant(self, name: str, value: np.ndarray) -> Any:
        """A Const node, not yet in the graph."""
        node = tf.NodeDef(name=name, op="Const")
        value = np.asarray(value)
        node.attr["dtype"].type = tf.as_dtype(value.dtype).as_datatype_enum
        node.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(value))
        return node

    def unused_name(self, name: str) -> str:
        """The name itself or with a number, so that no operation has it."""
        candidate, number = name, 0
        while candidate in self.nodes:
            number += 1
            candidate = "{}_{}".format(name, number)
        return candidate

    def replace(self, node: Any) -> None:
        """Put the node in the graph, in place of the one of this name if there is one."""
        self.nodes[node.name] = node
        self._consumers = None

    def remove(self, name: str) -> None:
        """Drop an operation whose consumers are about to be replaced."""
        del self.nodes[name]
        self._consumers = None

    def rewire(self, replacement: Mapping[str, str]) -> None:
        """Drop operations and give their consumers, through any number of them, what replaces their output 0."""
        def final(name: str) -> str:
            while name in replacement:
                name = replacement[name]
            return name

        for name in replacement:
            del self.nodes[name]
        for node in self.nodes.values():
            node.input[:] = [final(i) for i in node.input]
        self._consumers = None

    def needed(self, names: Iterable[str]) -> Set[str]:
        """Names of the operations that these depend on, with themselves."""
        found: Set[str] = set()
        pending = list(names)
        while pending:
            name = pending.pop()
            if name not in found:
                found.add(name)
                pending.extend(input_op(i) for i in self.nodes[name].input)
        return found

    def prune(self, kept: Iterable[str]) -> None:
        """Drop all operations that these do not depend on."""
        needed = self.needed(kept)
        self.nodes = {name: node for name, node in self.nodes.items() if name in needed}
        self._consumers = None

    def subgraph(self, names: Iterable[str]) -> GraphEditor:
        """A copy with only what these operations depend on."""
        copy = GraphEditor(self.graph_def())
        copy.prune(names)
        return copy

    def constant_bytes(self, name: str) -> int:
        """Bytes of all constants that the operation depends on."""
        return sum(self.nodes[n].attr["value"].tensor.ByteSize() for n in self.needed([name]) if self.nodes[n].op == "Const")

    def in_order(self) -> List[Any]:
        """The nodes, each after its inputs; those on a loop's back edge after the rest of their inputs."""
        ordered: List[Any] = []
        state: Dict[str, bool] = {}  # False: its inputs are being visited; True: done
        for root in self.nodes:
            stack = [root]
            while stack:
                name = stack[-1]
                if name not in state:
                    state[name] = False
                    stack.extend(op for op in map(input_op, self.nodes[name].input) if op not in state)
                else:
                    stack.pop()
                    if not state[name]:
                        state[name] = True
                        ordered.append(self.nodes[name])
        return ordered
