"""Update operations that nothing runs: BatchNorm's statistics would keep their initial values without a word."""
from __future__ import annotations

import re
from typing import Any, List, Sequence

from ..callbacks.base import Callback, ProxyCallback
from ..callbacks.graph import RunOp
from ..compat import tfv1 as tf
from ..tfutils._tower.contents import operations_of_model
from ..tfutils.collection import names_left_out
from ..tfutils.dependency import dependency_of_targets
from ..utils import logger
from ..utils._text.counted import counted

__all__ = ["warn_of_idle_updates"]


def warn_of_idle_updates(train_op: Any, callbacks: Sequence[Callback]) -> None:
    """Warn of operations in UPDATE_OPS that neither `train_op` nor a RunOp callback runs; for a graph that is complete."""
    updates = [getattr(x, "op", x) for x in tf.get_collection(tf.GraphKeys.UPDATE_OPS)]
    targets = tuple([train_op] + _operations_of(callbacks))
    idle = [op.name for op in updates if not dependency_of_targets(targets, op)]
    if idle:
        logger.warning("Nothing runs %s in UPDATE_OPS, such as those for the statistics of BatchNorm: %s%s; add "
                       "RunUpdateOps() to the callbacks.", counted(len(idle), "operation"),
                       ", ".join(idle[:3]), ", ..." if len(idle) > 3 else "")
    known = names_left_out().union(op.name for op in updates)
    idle = [op.name for op in _moving_averages() if op.name not in known and not dependency_of_targets(targets, op)
            and not any(name.startswith(op.name.rsplit("/", 1)[0] + "/") for name in known)]
    if idle:
        logger.warning("Nothing runs %s that move averages, as of a BatchNormalization of tf.keras: %s%s. Inference would "
                       "use averages that stay as they began; take BatchNorm, or add the layer's updates to UPDATE_OPS.",
                       counted(len(idle), "operation"), ", ".join(idle[:3]), ", ..." if len(idle) > 3 else "")


def _moving_averages() -> List[tf.Operation]:
    """What layers of normalization make in the first tower, in whatever collection."""
    return [op for op in operations_of_model(tf.get_default_graph())
            if op.type.startswith("AssignSub") and re.search(r"/AssignMovingAvg(_\d+)?(/|$)", op.name)
            and "ExponentialMovingAverage" not in op.name]


def _operations_of(callbacks: Sequence[Callback]) -> List[tf.Operation]:
    operations = []
    for cb in callbacks:
        while isinstance(cb, ProxyCallback):
            cb = cb.cb
        if isinstance(cb, RunOp):
            operations.append(cb.op)
    return operations
