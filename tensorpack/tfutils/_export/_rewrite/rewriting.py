"""Replacing an operation of a frozen graph by what a function of TensorFlow operations builds."""
from __future__ import annotations

from typing import Any, Callable, List, Optional, Sequence, Set

import numpy as np

from ....compat import tfv1 as tf
from ..frozen_model import FrozenModel
from ..graph_def import GraphEditor, input_op, is_control


class Rewriting:
    """A frozen graph under change.

    Args:
        model: the graph; it is not changed.

    Attributes:
        kept: names of operations that have to stay: inputs and outputs.
        changed: whether something was replaced.
    """

    def __init__(self, model: FrozenModel):
        self._model = model
        self._editor: Optional[GraphEditor] = None
        self.kept: Set[str] = {input_op(spec.name) for spec in model.inputs + model.outputs}
        self.changed = False
        self._graph: Optional[tf.Graph] = None

    @property
    def editor(self) -> GraphEditor:
        """The nodes."""
        if self._editor is None:
            self._editor = GraphEditor(self._model.graph_def)
        return self._editor

    def of_type(self, *types: str) -> List[Any]:
        """The nodes of these types."""
        if self._editor is None and not any(node.op in types for node in self._model.graph_def.node):
            return []  # without a copy of the graph
        return [node for node in list(self.editor.nodes.values()) if node.op in types]

    def tensor(self, name: str) -> tf.Tensor:
        """The tensor that an input of a node names, with its shape as far as it is known."""
        if self._graph is None:
            with tf.Graph().as_default() as self._graph:
                tf.import_graph_def(self.editor.graph_def(), name="")
        return self._graph.get_tensor_by_name(name if ":" in name else name + ":0")

    def shape(self, name: str) -> Optional[List[Optional[int]]]:
        """The sizes of a tensor, None for those that are open; None if their number is."""
        shape = self.tensor(name).shape
        return None if shape.ndims is None else shape.as_list()

    def constant(self, name: str) -> Optional[np.ndarray]:
        """The value of a constant, None if it is something else."""
        return self.editor.constant(name)

    def replace(self, node: Any, function: Callable[..., tf.Tensor], inputs: Optional[Sequence[str]] = None) -> None:
        """Put the operations that the function makes in the place of a node, whose name the result has.

        Args:
            function: from placeholders for the inputs to a tensor of the same dtype and shape as the node's output 0.
            inputs: names of tensors of the graph; default: the inputs of the node.
        """
        names = [each for each in node.input if not is_control(each)] if inputs is None else list(inputs)
        tensors = [self.tensor(name) for name in names]
        with tf.Graph().as_default() as graph:
            placeholders = [tf.placeholder(tensor.dtype.base_dtype, tensor.shape, "input_{}".format(i))
                            for i, tensor in enumerate(tensors)]
            result = function(*placeholders)
        self._insert(node, graph.as_graph_def(), names, result.op.name)

    def _insert(self, node: Any, made: Any, names: Sequence[str], result: str) -> None:
        outside = {"input_{}".format(i): name for i, name in enumerate(names)}
        new_names = {each.name: self.editor.unused_name("{}/{}".format(node.name, each.name)) for each in made.node}
        new_names[result] = node.name
        for each in made.node:
            if each.name in outside:
                continue
            copy = tf.NodeDef()
            copy.CopyFrom(each)
            copy.name = new_names[each.name]
            copy.input[:] = [_renamed(i, outside, new_names) for i in each.input]
            if each.name == result:
                copy.input.extend(i for i in node.input if is_control(i))
            self.editor.replace(copy)
        self.has_changed()

    def rename(self, old: str, new: str) -> None:
        """Let all that takes something from the operation `old` take it from `new`."""
        for node in self.editor.nodes.values():
            node.input[:] = [each.replace(old, new, 1) if input_op(each) == old and node.name != new else each
                             for each in node.input]
        self.has_changed()

    def reconnect(self, tensor: str, replacement: str) -> None:
        """Let all that takes the tensor take another one."""
        for node in self.editor.nodes.values():
            node.input[:] = [replacement if each == tensor else each for each in node.input]
        self.has_changed()

    def has_changed(self) -> None:
        """To be called after changes of `editor`."""
        self.changed = True
        self._graph = None


def _renamed(name: str, outside: Any, new_names: Any) -> str:
    if is_control(name):
        return "^" + new_names[input_op(name)]
    op, _, index = name.partition(":")
    if op in outside:
        return str(outside[op])
    return new_names[op] + (":" + index if index and index != "0" else "")
