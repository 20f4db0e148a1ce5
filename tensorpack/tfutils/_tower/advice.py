"""What to write instead of habits of TensorFlow 2 that fail while a graph is built; TensorFlow advises for eager code."""
from __future__ import annotations

import re
from contextlib import contextmanager
from typing import Any, Iterator, Optional, Sequence

from ...utils._text.note import add_note
from .comparisons import comparisons_told

# Text of an error -> what to do
_ADVICE = (
    (r"in (user|converted) code:",
     "leave out tf.function: what builds the graph is called once for each tower, and runs in graph mode as it is"),
    (r"Python .?bool",
     "write tf.cond or tf.where for an `if` about values, and tf.while_loop for a loop; tf.function does not help here"),
    (r"[Ii]terating over",
     "write tf.unstack(x) for the parts along a dimension of known size, or tf.map_fn; tf.function does not help here"),
    (r"no attribute 'numpy'|(float|int)\(\) argument .*Tensor'|Cannot convert a symbolic",
     "tensors have no values while the graph is built: compute with functions of tf, as tf.log(x) for np.log(x), and see "
     "values by tf.print, by a summary, or in a callback"),
    (r"'\w*Variable' object has no attribute '_id'", "write tf.gradients(y, xs) for a tf.GradientTape"),
    (r"module '(tensorflow|keras)\S*' has no attribute",
     "write `from tensorpack import *; tf = tfv1`: that module has the names of TensorFlow 1"),
    (r"is not available with Keras 3",
     "write a layer of tensorpack.models, as FullyConnected for tf.layers.dense; the notes on migration have a table"),
    (r"Tensor' object does not support item assignment",
     "tensors do not change: write tf.where, tf.concat or tf.tensor_scatter_nd_update for a new one"),
)


@contextmanager
def habits_told(who: str, input_signature: Sequence[Any] = ()) -> Iterator[None]:
    """Around a function of a user that builds a graph: errors of such habits say what to do, `==` of tensors is warned of.

    Args:
        who: the name of the function.
        input_signature: list of TensorSpec, of its arguments.
    """
    try:
        with comparisons_told():
            yield
    except Exception as e:
        words = next((words for pattern, words in _ADVICE if re.search(pattern, str(e))), None)
        words = words or _on_batches(input_signature, e)
        if words is not None:
            add_note(e, "{}: {}".format(who, words))
        raise


def _on_batches(input_signature: Sequence[Any], error: Exception) -> Optional[str]:
    """Words on inputs of the shape of one sample, where an operation has wanted more dimensions."""
    if not isinstance(error, ValueError) or not re.search(r"\b[Rr]ank\b", str(error)):
        return None
    scalars = [spec.name for spec in input_signature if spec.shape.ndims == 0]
    if not scalars:
        return None
    return ("the signature says that {} {} a scalar; inputs are batches, with an axis for the samples before the others, as in "
            "tf.TensorSpec((None,), tf.int32, {!r})".format(" and ".join(map(repr, scalars)),
                                                            "is" if len(scalars) == 1 else "are each", scalars[0]))
