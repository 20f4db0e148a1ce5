"""Copies of variables in towers that have their own ones: finding them, and the operation that makes them equal."""
from __future__ import annotations

import re
from typing import Any, Dict, List, Optional, Tuple

from ..compat import tfv1 as tf
from ..utils import logger
from ..utils._text.counted import counted

__all__ = ["copies_and_originals", "sync_from_main_tower"]

_COPY = re.compile(r"tower[1-9]\d*/(.+)")


def copies_and_originals() -> List[Tuple[Any, Any]]:
    """Pairs of a variable `tower<i>/name`, i > 0, and the variable `name`, of all global and local ones in the graph.

    Raises:
        ValueError: a trainable variable of a tower has no original.
    """
    variables: Dict[str, Any] = {v.op.name: v for v in tf.global_variables() + tf.local_variables()}
    trainable = {v.op.name for v in tf.trainable_variables()}
    pairs = []
    for name, variable in variables.items():
        if not name.startswith("tower") or name.startswith("tower0/"):
            continue
        original = _original(name, variables)
        if original is not None:
            pairs.append((variable, original))
        elif name in trainable:
            raise ValueError("Trainable variable {} belongs to a tower but not to the main one, so the towers cannot be kept "
                             "equal; variable names must not depend on the tower, nor contain 'tower'".format(name))
        else:
            logger.warning("Variable %s is not kept equal over the towers: the main tower has no variable of that name.", name)
    return pairs


def _original(name: str, variables: Dict[str, Any]) -> Optional[Any]:
    match = _COPY.match(name)
    return variables.get(match.group(1)) if match else None


def sync_from_main_tower() -> tf.Operation:
    """The operation `sync_variables_from_main_tower`, which gives all copies the values of their originals."""
    pairs = copies_and_originals()
    assigns = []
    for copy, original in pairs:
        with tf.device(copy.device):
            assigns.append(copy.assign(original.read_value(), read_value=False))
    logger.info("'sync_variables_from_main_tower' includes %s.", counted(len(assigns), "operation"))
    return tf.group(*assigns, name="sync_variables_from_main_tower")
