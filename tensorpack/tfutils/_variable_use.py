"""What a graph, which must be complete, does with its variables."""
from __future__ import annotations

from typing import Any, List

from ..compat import tfv1 as tf
from ..utils import logger
from .common import get_global_step_var

__all__ = ["is_used", "warn_of_standing_counters", "writers_of"]

# How the types begin of operations that save, restore and summarise.
_NO_USE = ("Identity", "ReadVariable", "Assign", "Save", "ScalarSummary", "HistogramSummary", "MergeSummary",
           "VarIsInitialized", "IsVariableInitialized")
_WRITE = ("Assign", "Scatter", "ResourceScatter", "CountUpTo", "ResourceCountUpTo")


def is_used(variable: Any) -> bool:
    """Whether it does more with the variable than to save, restore and summarise it."""
    todo, seen = [variable.op], {variable.op}
    while todo:
        for tensor in todo.pop().outputs:
            for op in tensor.consumers():
                if not op.type.startswith(_NO_USE):
                    return True
                if op not in seen:
                    seen.add(op)
                    todo.append(op)
    return False


def writers_of(variable: Any) -> List[tf.Operation]:
    """The operations that give it a value, other than the first one and those of checkpoints."""
    return [op for tensor in variable.op.outputs for op in tensor.consumers()
            if op.type.startswith(_WRITE) and op.inputs[0] is tensor and op is not variable.initializer and not _restores(op)]


def _restores(op: tf.Operation) -> bool:
    value = op.inputs[1].op if len(op.inputs) > 1 else op
    while value.type == "Identity":
        value = value.inputs[0].op
    return bool(value.type.startswith("Restore"))


def warn_of_standing_counters() -> None:
    """Warn of variables that look like a counter of steps of one's own: the training counts its own global step only."""
    for variable in tf.global_variables():
        if (variable is not get_global_step_var() and not variable.trainable and variable.dtype.is_integer
                and variable.shape.rank == 0 and is_used(variable) and not writers_of(variable)):
            logger.warning("The variable '%s', a whole number, is used, and nothing changes it. If it is to count steps, as "
                           "for a schedule, write get_global_step_var() in its place, which the training counts up.",
                           variable.op.name)
