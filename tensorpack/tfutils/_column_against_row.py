"""A column of shape (batch, 1) against a vector of shape (batch,), which makes a matrix of all pairs of samples."""
from __future__ import annotations

import re
from typing import Any, Iterator

from ..compat import tfv1 as tf
from ..utils import logger
from ._tower.contents import operations_of_model

__all__ = ["warn_of_columns_against_rows"]

_PAIRWISE = ("Add", "AddV2", "Sub", "Mul", "RealDiv", "SquaredDifference", "Maximum", "Minimum", "Pow", "Equal", "NotEqual",
             "Less", "LessEqual", "Greater", "GreaterEqual")
_GRADIENT = re.compile(r"(^|/)gradients(_\d+)?/")
# What gives each element a value of its own, so that a column stays what it was.
_EACH_ELEMENT = ("Identity", "StopGradient", "Cast", "Sigmoid", "Tanh", "Relu", "Elu", "Softplus", "Exp", "Log", "Neg", "Abs",
                 "Square", "Sqrt", "Round", "Rint", "Floor", "Sign", "BiasAdd", "LogicalNot") + _PAIRWISE
# What makes a column that nobody meant as an axis for pairs: layers, inputs, slices of both.
_MADE_BY = re.compile(r"MatMul|Placeholder|Dequeue|Unstage|IteratorGetNext|StridedSlice|^Slice$|Split|Conv")
# What is as long as it is, whatever the batch.
_NO_BATCH = ("Range", "Const", "Fill", "VariableV2", "VarHandleOp", "ReadVariableOp")


def warn_of_columns_against_rows() -> None:
    """Warn of each such operation of the model, which must be complete, but gradients.

    An axis that a program makes for it, as by `tf.expand_dims`, `x[:, None]`, `tf.reshape` or `keepdims=True`, is let be, and
    so is a vector whose length is known to be another one, or that is no data, as a `tf.range`.
    """
    for op in operations_of_model(tf.get_default_graph()):
        if op.type in _PAIRWISE and not _GRADIENT.search(op.name):
            for column, row in (op.inputs, tuple(op.inputs)[::-1]):
                if _is_column(column) and _may_be_batch(row, column) and _is_plain(column) and not _is_no_data(row):
                    logger.warning("'%s' has '%s', of shape %s, against '%s', of shape %s, so that each sample meets all "
                                   "others and the result has shape %s. Take tf.squeeze(x, axis=1) of the first one, unless "
                                   "this is meant; then tf.expand_dims says so.", op.name, column.op.name, column.shape,
                                   row.op.name, row.shape, op.outputs[0].shape)


def _is_column(x: Any) -> bool:
    return bool(x.shape.ndims == 2 and x.shape.as_list()[1] == 1 and x.shape.as_list()[0] != 1)


def _may_be_batch(row: Any, column: Any) -> bool:
    if row.shape.ndims != 1:
        return False
    length = row.shape.as_list()[0]
    return length is None or (length > 1 and length == column.shape.as_list()[0])


def _is_plain(column: Any) -> bool:
    return all(_MADE_BY.search(op.type) and not (op.type == "StridedSlice" and op.get_attr("new_axis_mask"))
               for op in _sources(column))


def _is_no_data(row: Any) -> bool:
    return all(op.type in _NO_BATCH for op in _sources(row))


def _sources(x: Any) -> Iterator[tf.Operation]:
    """What made the tensor, before all that was computed of it with its shape."""
    todo, seen = [x.op], set()
    while todo:
        op = todo.pop()
        if op in seen:
            continue
        seen.add(op)
        same = [each.op for each in op.inputs if each.shape.ndims is not None and each.shape.as_list() == x.shape.as_list()]
        if op.type in _EACH_ELEMENT and same:
            todo += same
        else:
            yield op
