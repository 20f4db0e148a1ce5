"""Whether one operation of a graph must run for another to run."""
from __future__ import annotations

from typing import Any, Iterable, Set, Tuple, Union

from ..compat import fetched_elements
from ..compat import tfv1 as tf
from ..utils.argtools import graph_memoized

__all__ = ["dependency_of_fetches", "dependency_of_targets"]

Element = Union[tf.Operation, tf.Tensor]


def dependency_of_targets(targets: Tuple[Element, ...], op: Element) -> bool:
    """Whether `op` is one of `targets` or an ancestor of one, control edges included.

    The answer is remembered with the default graph, so the graph above `targets` must not change later.

    Args:
        targets: a tuple of operations and tensors.
        op: an operation or tensor.
    """
    for x in targets + (op,) if isinstance(targets, tuple) else (targets,):
        if not isinstance(x, (tf.Operation, tf.Tensor)):
            raise TypeError("dependency_of_targets: targets must be a tuple of operations and tensors, op one of these; "
                            "got {!r}".format(x))
    return _operation(op) in _ancestors(targets)


def dependency_of_fetches(fetches: Any, op: Element) -> bool:
    """Whether `session.run(fetches)` runs `op`; `fetches` is any structure that `Session.run` takes, in the graph of `op`."""
    graph = op.graph
    with graph.as_default():
        return dependency_of_targets(tuple(fetched_elements(graph, fetches)), op)


def _operation(x: Element) -> tf.Operation:
    return x.op if isinstance(x, tf.Tensor) else x


@graph_memoized
def _ancestors(targets: Tuple[Element, ...]) -> Set[tf.Operation]:
    return ancestors(targets)


def ancestors(targets: Iterable[Element], feeds: Iterable[tf.Tensor] = ()) -> Set[tf.Operation]:
    """The operations that run when `targets` are computed and `feeds` are fed: those of `targets` and all that they need."""
    fed = {tensor.name for tensor in feeds}
    seen: Set[tf.Operation] = set()
    todo = [_operation(x) for x in targets if x.name not in fed]
    while todo:
        op = todo.pop()
        if op not in seen:
            seen.add(op)
            todo.extend(x.op for x in op.inputs if x.name not in fed)
            todo.extend(op.control_inputs)
    return seen
