"""Descriptions of the model's variables and tensors for logs."""
from __future__ import annotations

import re
from typing import Any, List

from tabulate import tabulate

from .. import compat
from ..compat import tfv1 as tf
from ..utils import logger
from ..utils._text.colour import colored
from ..utils._text.counted import counted
from ._optimizer.gradient import frozen_variables

__all__ = ["describe_trainable_vars", "get_shape_str"]

_TOWER_COPY = re.compile(r"tower\d+/")


def describe_trainable_vars() -> None:
    """Log a table of the trainable variables, without the copies of towers (`tower1/...`) and those that are frozen.

    The column `dtype` is left out when all are float32, `device` when all are on one device.
    """
    variables = [v for v in tf.trainable_variables() if not _TOWER_COPY.match(v.op.name)]
    if not variables:
        logger.warning("No trainable variables in the graph!")
        return
    frozen = [v for v in variables if v.op.name in frozen_variables()]
    variables = [v for v in variables if v.op.name not in frozen_variables()]
    rows = [[v.op.name, _shape_of(v), _num_elements(v), v.device, v.dtype.base_dtype.name] for v in variables]
    headers = ["name", "shape", "#elements", "device", "dtype"]
    if all(row[4] == "float32" for row in rows):
        _drop_column(4, headers, rows)
    if len({row[3] for row in rows}) == 1:
        _drop_column(3, headers, rows)
    total = sum(_num_elements(v) for v in variables)
    megabytes = sum(_num_elements(v) * v.dtype.base_dtype.size for v in variables) / 1024.0 ** 2
    summary = "\n".join([
        "", "Number of trainable variables: {}".format(len(variables)), "Number of parameters (elements): {}".format(total),
        "Storage space needed for all trainable variables: {:.2f}MB".format(megabytes)])
    if frozen:
        summary += "\nFrozen, so not among them: {} with {}: {}".format(
            counted(len(frozen), "variable"), counted(sum(_num_elements(v) for v in frozen), "element"),
            ", ".join(v.op.name for v in frozen))
    logger.info("%s%s%s", colored("List of Trainable Variables: \n", "cyan"), tabulate(rows, headers=headers),
                colored(summary, "cyan"))


def get_shape_str(tensors: Any) -> str:
    """Static shapes as text: `"[?, 8, 8, 6]"` for a tensor or variable; joined by ", " for a list or tuple of them.

    Raises:
        TypeError: something else was given.
        ValueError: a tensor has an unknown rank.
    """
    if isinstance(tensors, (list, tuple)):
        return ", ".join(get_shape_str(tensor) for tensor in tensors)
    if not compat.is_tensor_like(tensors):
        raise TypeError("get_shape_str(tensors): must be tensors or variables; got {!r}".format(tensors))
    if tensors.shape.ndims is None:
        raise ValueError("get_shape_str(tensors): the rank must be known; got {} without one; call set_shape on it".format(
            tensors.name))
    return "[{}]".format(", ".join("?" if size is None else str(size) for size in tensors.shape.as_list()))


def _drop_column(index: int, headers: List[str], rows: List[List[Any]]) -> None:
    for row in [headers] + rows:
        del row[index]


def _shape_of(variable: Any) -> Any:
    return variable.shape.as_list() if variable.shape.ndims is not None else "?"


def _num_elements(variable: Any) -> int:
    return variable.shape.num_elements() or 0
