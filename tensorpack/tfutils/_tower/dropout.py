"""Dropout that an inference tower still has: each prediction is then another one, which nobody sees in a mean."""
from __future__ import annotations

from typing import Iterable, Iterator, List

from ...compat import tfv1 as tf
from ...utils import logger
from .._graph_state import graph_state

_SCALED = ("Add", "AddV2", "Mul")  # between numbers from 0 to 1 and those of another range


def warn_of_dropout(name: str, operations: Iterable[tf.Operation]) -> None:
    """Tell, once for each name scope and graph, of `tf.nn.dropout` among the operations of an inference tower."""
    known = graph_state("dropout at inference", set)
    new = [scope for scope in dict.fromkeys(_scopes(operations)) if _within(name, scope) not in known]
    if new:
        known.update(_within(name, scope) for scope in new)
        logger.warning("Dropout is at work in the inference tower '%s', so that each prediction is another one: %s. "
                       "tf.nn.dropout is never switched off; Dropout(x, rate=...) acts in training towers only, as "
                       "what is built below `if get_current_tower_context().is_training:` does. If it is meant, let it be.",
                       name, ", ".join(new[:3]))


def _within(tower: str, scope: str) -> str:
    return scope[len(tower) + 1:] if tower and scope.startswith(tower + "/") else scope


def _scopes(operations: Iterable[tf.Operation]) -> Iterator[str]:
    """The name scopes of random numbers from 0 to 1 that are compared with a rate there."""
    for op in operations:
        scope, _, last = op.name.rpartition("/random_uniform/")
        # what is in a branch may be switched by what is fed
        if op.type == "RandomUniform" and last and op._get_control_flow_context() is None and any(
                each.type == "GreaterEqual" and each.name.startswith(scope + "/") for each in _readers(op)):
            yield scope


def _readers(op: tf.Operation) -> List[tf.Operation]:
    """The operations that take its output, scaled or as it is."""
    found: List[tf.Operation] = []
    waiting = [op]
    while waiting:
        for reader in [reader for output in waiting.pop().outputs for reader in output.consumers()]:
            (waiting if reader.type in _SCALED and "/random_uniform" in reader.name else found).append(reader)
    return found
