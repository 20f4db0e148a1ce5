"""A name that several tensors were given: TensorFlow numbers the later ones, so that it means the first alone."""
from __future__ import annotations

from typing import Any, List

from ...compat import tfv1 as tf
from ...utils.argtools import log_once
from .._restore.names import is_named_by_tensorflow, some
from .contents import is_variable_or_its_value

__all__ = ["tell_of_namesakes"]


def tell_of_namesakes(tensor: Any, prefix: str = "") -> None:
    """Warn, once, if the name under which a tensor was asked for was given to further ones.

    Args:
        tensor: what was found; anything but a tensor is let be.
        prefix: of the tower, with a slash at the end, which the warning leaves out.
    """
    if not isinstance(tensor, tf.Tensor) or is_variable_or_its_value(tensor):
        return
    if is_named_by_tensorflow(tensor.op):  # who asks for such a name has counted
        return
    others = _namesakes(tensor)
    if others:
        first, *names = [op.name[len(prefix) if op.name.startswith(prefix) else 0:] for op in [tensor.op] + others]
        log_once("The name '{}' was given to {} tensors and means the first of them; TensorFlow calls the {}. Give each a name "
                 "of its own, as by tf.name_scope, and ask for that.".format(
                     first, len(names) + 1, ("others " if len(names) > 1 else "other ") + some(names, limit=3)),
                 "warning")


def _namesakes(tensor: tf.Tensor) -> List[tf.Operation]:
    """The operations that were to have the name, and whose values somebody may have meant."""
    graph, name = tensor.graph, tensor.op.name
    times = getattr(graph, "_names_in_use", {}).get(name.lower(), 1)  # counts what was asked for, by scopes, too
    found = []
    for number in range(1, times):
        try:
            op = graph.get_operation_by_name("{}_{}".format(name, number))
        except KeyError:  # a scope, or a name of other letters' size
            continue
        if op.outputs and op.outputs[0].dtype == tensor.dtype and not _is_copy(op, tensor):
            found.append(op)
    return found


def _is_copy(op: tf.Operation, tensor: tf.Tensor) -> bool:
    return op.type in ("Identity", "StopGradient") and op.inputs[0] is tensor
