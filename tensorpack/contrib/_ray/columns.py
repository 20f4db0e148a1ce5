"""Which column of a batch an input reads and an output writes: the names of tensors, or what the user says instead."""
from __future__ import annotations

from typing import Any, Dict, List, Mapping, Optional

import numpy as np

from ...compat import tfv1 as tf
from ...tfutils._restore.names import near_names
from ...utils._text.spec import describe, shown

__all__ = ["InputColumns", "OutputColumns"]

Batch = Dict[str, np.ndarray]


class InputColumns:
    """From a batch to the values of the inputs.

    Args:
        who: the class to name in errors.
        specs: the inputs, in the order of calls.
        given: {name of an input: name of its column}.
    """

    def __init__(self, who: str, specs: List[tf.TensorSpec], given: Optional[Mapping[str, str]]):
        self._who = who
        self._names = [_plain(spec.name) for spec in specs]
        self._columns = _columns(who, "input_columns", self._names, given)

    def __call__(self, batch: Batch) -> List[np.ndarray]:
        for name, column in zip(self._names, self._columns):
            if column not in batch:
                raise ValueError("{}: a batch must have the column {!r} for the input of the model of that name; got {}; {} "
                                 "input_columns={{{!r}: ...}} takes another one".format(
                                     self._who, column, ", ".join(map(repr, batch)) or "no columns",
                                     near_names(column, batch), name))
        return [batch[column] for column in self._columns]


class OutputColumns:
    """From the outputs of a batch to its new columns.

    Args:
        who: the class to name in errors.
        specs: the outputs, in the order of calls.
        given: {name of an output: name of its column}.
    """

    def __init__(self, who: str, specs: List[tf.TensorSpec], given: Optional[Mapping[str, str]]):
        self._who = who
        self._specs = specs
        self._names = [_plain(spec.name) for spec in specs]
        self._columns = _columns(who, "output_columns", self._names, given)
        writers = dict(zip(self._names, self._columns))
        for name, column in writers.items():
            others = [other for other in writers if other != name and writers[other] == column]
            if others:
                raise ValueError("{}: output_columns must give each output a column of its own; got {!r} for {!r} and "
                                 "{!r}".format(who, column, name, others[0]))

    def require_new(self, batch: Batch) -> None:
        """Raise ValueError if one would take the place of what is in the batch."""
        for name, column in zip(self._names, self._columns):
            if column in batch:
                raise ValueError("{}: the columns of outputs must be new; got a batch with a column {!r} and an output of that "
                                 "name; output_columns={{{!r}: ...}} calls it otherwise, and so does "
                                 "Dataset.rename_columns the column".format(self._who, column, name))

    def empty(self) -> Batch:
        """Those of no rows."""
        return {column: np.zeros([0] + [size or 0 for size in _shape(spec)[1:]], _numpy_dtype(spec))
                for column, spec in zip(self._columns, self._specs)}

    def __call__(self, outputs: List[Any], num_rows: int) -> Batch:
        for name, value in zip(self._names, outputs):
            if not isinstance(value, np.ndarray) or value.shape[:1] != (num_rows,):
                raise ValueError("{}: the first dimension of each output must be the batch; the output {!r} of a batch of {} "
                                 "is {}; leave it out of the model".format(self._who, name, num_rows, describe(value)))
        return dict(zip(self._columns, outputs))


def _columns(who: str, argument: str, names: List[str], given: Optional[Mapping[str, str]]) -> List[str]:
    if given is None:
        return names
    if not isinstance(given, Mapping) or not all(isinstance(each, str) for pair in given.items() for each in pair):
        raise TypeError("{}: {} must be a dict from names of the model to names of columns; got {}".format(
            who, argument, shown(given)))
    columns = {_plain(name): column for name, column in given.items()}
    for name in columns:
        if name not in names:
            raise ValueError("{}: {} must name what the model has; got {!r}; {}".format(
                who, argument, name, near_names(name, names)))
    return [columns.get(name, name) for name in names]


def _plain(name: str) -> str:
    """`prob` for `prob:0`."""
    return name[:-len(":0")] if name.endswith(":0") else name


def _shape(spec: tf.TensorSpec) -> List[Optional[int]]:
    return [None] if spec.shape.ndims is None else spec.shape.as_list()


def _numpy_dtype(spec: tf.TensorSpec) -> Any:
    return object if spec.dtype == tf.string else spec.dtype.as_numpy_dtype
