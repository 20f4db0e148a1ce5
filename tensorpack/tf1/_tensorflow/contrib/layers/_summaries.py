"""Summaries of tensors and of collections of them."""
from __future__ import annotations

import functools
import re
from typing import Any, Callable, List, Optional, Sequence

from .....compat import tfv1 as tf

__all__ = ["summarize_activation", "summarize_activations", "summarize_biases", "summarize_collection", "summarize_tensor",
           "summarize_tensors", "summarize_variables", "summarize_weights"]

Summarizer = Callable[[Any], Any]


def summarize_activation(op: Any) -> Any:
    """A histogram of a tensor, `NAME/activation`; of a ReLU's also the fractions `NAME/zeros` and `NAME/sixes` at its ends."""
    name = op.op.name
    if op.op.type in ("Relu", "Softplus", "Relu6"):
        _summarize_fraction(tf.less(op.op.inputs[0], tf.cast(0.0, op.op.inputs[0].dtype)), name + "/zeros")
    if op.op.type == "Relu6":
        _summarize_fraction(tf.greater(op.op.inputs[0], tf.cast(6.0, op.op.inputs[0].dtype)), name + "/sixes")
    return tf.summary.histogram(name + "/activation", op)


def _summarize_fraction(condition: Any, tag: str) -> None:
    tf.summary.scalar(tag, tf.reduce_mean(tf.cast(condition, tf.float32)))


def summarize_tensor(tensor: Any, tag: Optional[str] = None) -> Optional[Any]:
    """A scalar summary of a scalar, a histogram of another tensor, None of strings and booleans; by default `NAME_summary`."""
    if tensor.dtype.base_dtype in (tf.string, tf.bool):
        return None
    summary = tf.summary.scalar if tensor.shape.ndims == 0 else tf.summary.histogram
    return summary(tag or "{}_summary".format(tensor.op.name), tensor)


def summarize_tensors(tensors: Sequence[Any], summarizer: Summarizer = summarize_tensor) -> List[Any]:
    """The summaries of tensors."""
    return [summarizer(tensor) for tensor in tensors]


def summarize_collection(collection: str, name_filter: Optional[str] = None,
                         summarizer: Summarizer = summarize_tensor) -> List[Any]:
    """The summaries of those tensors in a collection whose names begin with the regular expression `name_filter`."""
    return summarize_tensors([each for each in tf.get_collection(collection)
                              if name_filter is None or re.match(name_filter, each.op.name)], summarizer)


summarize_variables = functools.partial(summarize_collection, tf.GraphKeys.GLOBAL_VARIABLES)
summarize_weights = functools.partial(summarize_collection, tf.GraphKeys.WEIGHTS)
summarize_biases = functools.partial(summarize_collection, tf.GraphKeys.BIASES)


def summarize_activations(name_filter: Optional[str] = None, summarizer: Summarizer = summarize_activation) -> List[Any]:
    """`summarize_collection` of ACTIVATIONS."""
    return summarize_collection(tf.GraphKeys.ACTIVATIONS, name_filter, summarizer)
