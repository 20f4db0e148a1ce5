"""What each tower of a graph has made: operations and items of collections. So one tower gives nothing of another."""
from __future__ import annotations

from typing import Any, Dict, FrozenSet, List, Optional

from ...compat import tfv1 as tf
from .._graph_state import graph_state
from ..collection import backup_collection

_VARIABLES = ("Variable", "VariableV2", "VarHandleOp")
_READS = ("Identity", "ReadVariableOp")


class TowerContents:
    """What is added to the default graph from now until `close`.

    Args:
        name: of the tower.
        is_training: whether it is a training tower.
    """

    def __init__(self, name: str, is_training: bool):
        self.name = name
        self.is_training = is_training
        self._graph = tf.get_default_graph()
        self._first = len(self._graph.get_operations())
        self._before = backup_collection()
        self._last: Optional[int] = None
        self._after: Dict[str, List[Any]] = {}
        self._operations: Optional[FrozenSet[str]] = None
        graph_state("towers", list).append(self)

    def close(self) -> None:
        """The tower is complete."""
        with self._graph.as_default():
            self._last = len(self._graph.get_operations())
            self._after = backup_collection()

    def operations(self) -> List[tf.Operation]:
        """What was added to the graph, so far or until `close`."""
        return self._graph.get_operations()[self._first:self._last]

    def has_made(self, op: tf.Operation) -> bool:
        """Whether the operation is one of the tower's."""
        made = self._operations
        if made is None:
            made = frozenset(each.name for each in self.operations())
            if self._last is not None:  # else it may grow
                self._operations = made
        return op.name in made

    def collection(self, key: str) -> List[Any]:
        """The items of the collection that are no older than the tower and that no other tower has added."""
        foreign = {id(item) for item in self._before.get(key, ())}  # the copy keeps the items alive, so ids stay theirs
        for other in towers_in(self._graph):
            if other is not self:
                foreign.update(id(item) for item in other._added(key))
        return [item for item in self._graph.get_collection(key) if id(item) not in foreign]

    def _added(self, key: str) -> List[Any]:
        before = {id(item) for item in self._before.get(key, ())}
        return [item for item in self._after.get(key, ()) if id(item) not in before]


def towers_in(graph: tf.Graph) -> List[TowerContents]:
    """All towers of the graph, in the order in which they were begun."""
    with graph.as_default():
        return graph_state("towers", list)


def operations_of_model(graph: tf.Graph) -> List[tf.Operation]:
    """Those of the first training tower, of which others are copies; those of the whole graph where there is none."""
    first = next((tower for tower in towers_in(graph) if tower.is_training), None)
    return first.operations() if first else graph.get_operations()


def is_variable_or_its_value(tensor: Any) -> bool:
    """Whether the tensor is a variable, its handle, or the read that belongs to the variable (`a/read:0`)."""
    op = tensor.op
    if op.type in _READS and op.inputs and op.name.startswith(op.inputs[0].op.name + "/"):
        op = op.inputs[0].op
    return op.type in _VARIABLES


def training_tower_of(tensor: Any) -> Optional[TowerContents]:
    """The training tower that has made this tensor; None if none has, and for variables, which belong to all towers."""
    return _maker(tensor, is_training=True)


def inference_tower_of(tensor: Any) -> Optional[TowerContents]:
    """The same for towers in which the model is in inference mode."""
    return _maker(tensor, is_training=False)


def _maker(tensor: Any, is_training: bool) -> Optional[TowerContents]:
    if not isinstance(tensor, tf.Tensor) or is_variable_or_its_value(tensor):
        return None
    return next((tower for tower in towers_in(tensor.graph) if tower.is_training == is_training and tower.has_made(tensor.op)),
                None)
