"""A function that runs tensors of a session on numpy values, with as little work per call as TensorFlow allows."""
from __future__ import annotations

from typing import Any, Callable, List, Sequence

from ..compat import can_make_flat_callable, make_flat_callable
from ..compat import tfv1 as tf
from ..tfutils._session.calling_thread import suits_calling_thread
from ..tfutils._session.feed_value import can_be_fed_as_array, feed_converter


def make_prediction_callable(sess: tf.Session, inputs: Sequence[Any], outputs: Sequence[Any],
                             accept_options: bool = False) -> Callable[..., List[Any]]:
    """A thread-safe function from one value per input to the list of values of `outputs`, as `Session.run` gives them.

    Plain tensors take a path that skips what `Session.run` does on nested structures; anything else (sparse tensors, an
    output that is fed, run options, a debugger's session) goes through `Session.make_callable`.
    """
    converters = [feed_converter(tensor) if can_be_fed_as_array(tensor) else _as_it_is for tensor in inputs]
    if accept_options or not _is_plain(inputs, outputs) or not can_make_flat_callable(sess):
        unusual = sess.make_callable(list(outputs), feed_list=list(inputs), accept_options=accept_options)
        return lambda *values, **options: unusual(
            *[convert(value) for convert, value in zip(converters, values)], **options)
    run = make_flat_callable(sess, outputs, (), inputs, in_calling_thread=suits_calling_thread(inputs, outputs))
    if len(converters) == 1:
        convert = converters[0]
        return lambda value: run(convert(value))
    return lambda *values: run(*[convert(value) for convert, value in zip(converters, values)])


def _as_it_is(value: Any) -> Any:
    return value


def _is_plain(inputs: Sequence[Any], outputs: Sequence[Any]) -> bool:
    tensors = list(inputs) + list(outputs)
    if not all(can_be_fed_as_array(t) for t in tensors):
        return False
    return len({t.name for t in tensors}) == len(tensors)
