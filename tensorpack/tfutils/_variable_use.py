"""What a graph, which must be complete, does with its variables."""
from __future__ import annotations

import re
from typing import Any, Iterator, List

from ..compat import tfv1 as tf
from ..utils import logger
from .common import get_global_step_var

__all__ = ["is_used", "warn_of_standing_counters", "writers_of"]

# How the types begin of operations that save, restore and summarise.
_NO_USE = ("Identity", "ReadVariable", "Assign", "Save", "ScalarSummary", "HistogramSummary", "MergeSummary",
           "VarIsInitialized", "IsVariableInitialized")
_OF_SCHEDULE = re.compile(r"(^|/)(\w+Decay|PiecewiseConstant)(_\d+)?/")  # as tf.train.exponential_decay names them
_WRITE = ("Assign", "Scatter", "ResourceScatter", "CountUpTo", "ResourceCountUpTo")


def is_used(variable: Any) -> bool:
    """Whether it does more with the variable than to save, restore and summarise it."""
    return any(not op.type.startswith(_NO_USE) for op in _readers_of(variable))


def _readers_of(variable: Any) -> Iterator[tf.Operation]:
    """The operations that read the variable, and those that read what only saving, restoring and summaries make of it."""
    todo, seen = [variable.op], {variable.op}
    while todo:
        for tensor in todo.pop().outputs:
            for op in tensor.consumers():
                if op not in seen:
                    seen.add(op)
                    yield op
                    if op.type.startswith(_NO_USE):
                        todo.append(op)


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
    """Warn of a counter of steps of one's own in a schedule of TensorFlow: the training counts its own global step only."""
    for variable in tf.global_variables():
        if (variable is not get_global_step_var() and not variable.trainable and variable.dtype.is_integer
                and any(_OF_SCHEDULE.search(op.name) for op in _readers_of(variable)) and not writers_of(variable)):
            logger.warning("The variable '%s' counts the steps of a schedule, and nothing counts it up, so that the schedule "
                           "stands still. Write get_global_step_var() in its place, which the training counts up.",
                           variable.op.name)
