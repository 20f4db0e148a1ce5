"""Examples from a DataFlow, from which ranges for integers are measured; they have to be what a predictor would take."""
from __future__ import annotations

from contextlib import contextmanager
from typing import Any, Dict, Iterator, List, NamedTuple, Sequence

import numpy as np

from ....compat import tfv1 as tf
from ....dataflow._passes import whole_pass
from ....dataflow.base import DataFlow
from ....utils._text.spec import describe
from ..._session.feed_value import feed_converter
from .._proof.examples import Example


class Inputs(NamedTuple):
    """What an export takes."""

    names: Sequence[str]  # of all inputs of the config
    needed: Sequence[str]  # of those that the export has
    tensors: Sequence[tf.Tensor]  # of `needed`


def calibration_examples(who: str, flow: DataFlow, num_samples: int, inputs: Inputs) -> List[Example]:
    """The first rows of the flow's datapoints, in the order of the inputs; a batch is taken apart into batches of one.

    Args:
        who: function and argument to name in errors.
        flow: its datapoints are what a predictor takes: lists that begin with a value for each input, or dicts by name.
        num_samples: how many rows at most; no more datapoints are asked for than that takes.

    Raises:
        TypeError: a datapoint is no list, tuple or dict, or a value is a tensor.
        ValueError: there is no datapoint; it has not a value for each input, or one whose dtype or shape does not fit, that is
            empty, NaN or infinite.
    """
    converters = list(map(feed_converter, inputs.tensors))
    found: List[Example] = []
    with _datapoints(flow) as datapoints:
        for number, dp in enumerate(datapoints):
            try:
                values = [convert(value) for convert, value in zip(converters, _values(dp, inputs))]
                _check_values(values, inputs)
            except (TypeError, ValueError) as e:
                raise type(e)("{}: datapoint {}: {}".format(who, number, e)) from e
            found.extend(_rows(values, inputs.tensors)[:num_samples - len(found)])
            if len(found) == num_samples:
                break
    if not found:
        raise ValueError("{}: the DataFlow must have datapoints, from which ranges are measured; got none from {!r}".format(
            who, flow))
    return found


@contextmanager
def _datapoints(flow: DataFlow) -> Iterator[Iterator[Any]]:
    """A pass over the flow, which may be left before its end."""
    flow.reset_state()
    iterator = whole_pass(flow)
    try:
        yield iterator
    finally:
        close = getattr(iterator, "close", None)
        if close is not None:
            close()


def _values(dp: Any, inputs: Inputs) -> List[Any]:
    if isinstance(dp, dict):
        by_name: Dict[str, Any] = dp
    elif isinstance(dp, (list, tuple)):
        names = inputs.names if len(dp) >= len(inputs.names) else inputs.needed
        by_name = dict(zip(names, dp))
    else:
        raise TypeError("it must be a list that begins with a value for each input, {}, or a dict by name; got {}".format(
            ", ".join(map(repr, inputs.needed)), describe(dp)))
    missing = [name for name in inputs.needed if name not in by_name]
    if missing:
        raise ValueError("it must have a value for each input, {}; got none for {}".format(
            ", ".join(map(repr, inputs.needed)), ", ".join(map(repr, missing))))
    return [by_name[name] for name in inputs.needed]


def _check_values(values: Sequence[np.ndarray], inputs: Inputs) -> None:
    for name, value in zip(inputs.needed, values):
        if not value.size:
            raise ValueError("input {!r}: it must have elements; got the shape {}".format(name, value.shape))
        bad = 0 if value.dtype.kind not in "fc" else int((~np.isfinite(value)).sum())
        if bad:
            raise ValueError("input {!r}: it must be finite, as ranges are measured from it; got {} values that are NaN or "
                             "infinite".format(name, bad))


def _rows(values: Example, tensors: Sequence[tf.Tensor]) -> List[Example]:
    """Batches of one, if all open first dimensions are of one size; else there is no telling what a row is."""
    batched = [bool(tensor.shape.ndims) and tensor.shape.as_list()[0] is None for tensor in tensors]
    sizes = {len(value) for value, is_batched in zip(values, batched) if is_batched}
    if len(sizes) != 1:
        return [values]
    return [[value[i:i + 1] if is_batched else value for value, is_batched in zip(values, batched)] for i in range(sizes.pop())]
