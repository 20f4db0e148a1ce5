"""`as_tf_dataset`: a flow as a `tf.data.Dataset`, for eager TensorFlow and for Keras."""
from __future__ import annotations

import inspect
from typing import Any

from ..base import DataFlow
from ._passes import Passes


def as_tf_dataset(df: DataFlow, signature: Any, *, size: int = 1, rank: int = 0, equal: bool = True) -> Any:
    """A `tf.data.Dataset` of the datapoints of a flow, for eager TensorFlow and the `fit` of Keras; each iteration is a pass.

    Large batches of BatchData become tensors without a copy. One iterator at a time. The flow is reset by the first pass. Work
    in processes is done by the flow, e.g. by MultiProcessRunnerZMQ; `.prefetch(2)` behind this lets it go on during a step.
    TensorFlow is imported here. For graphs of tensorpack's own trainers use QueueInput or TFDatasetInput instead.

    The dataset tells no length, since `len` of a flow need not be exact: in the first epoch Keras warns that the input ran out.
    `.apply(tf.data.experimental.assert_cardinality(len(df)))` tells it, if it is exact.

    Args:
        df: the flow, whose datapoints are lists, tuples or dicts. Lists become tuples, such as the `(x, y)` of Keras.
        signature: a `tf.TensorSpec` for each component, in a list, tuple or dict, e.g.
            `(tf.TensorSpec((None, 28, 28), "float32"), tf.TensorSpec((None,), "int32"))`.
        size, rank: number of processes that train together, and which of them this is. Each gets its part of the datapoints, as
            far down in the flow as possible: see ShardData.
        equal: whether all ranks get equally many datapoints, and so steps.

    Raises:
        ImportError: TensorFlow is not installed.
        TypeError: `df` is no DataFlow, or a datapoint does not match the signature; TensorFlow reports the latter as one of its
            own errors, as it does all errors of a flow.
        ValueError: there are fewer datapoints than ranks, or the flow cannot be divided.
        RuntimeError: (in an error of TensorFlow) it is iterated already.
    """
    try:
        import tensorflow as tf
    except ModuleNotFoundError as e:
        if e.name != "tensorflow":
            raise
        raise ImportError("as_tf_dataset needs the package 'tensorflow', which is not installed; pip install tensorflow",
                          name="tensorflow") from e
    passes = Passes("as_tf_dataset", df, size, rank, equal)
    spec = _with_tuples(signature)
    flat = tf.nest.flatten(spec)
    if not flat or not all(isinstance(each, tf.TensorSpec) for each in flat):
        raise TypeError("as_tf_dataset: signature must have a tf.TensorSpec for each component; got {!r}".format(signature))
    if "output_signature" in inspect.signature(tf.data.Dataset.from_generator).parameters:
        return tf.data.Dataset.from_generator(lambda: map(_with_tuples, passes), output_signature=spec)
    return tf.data.Dataset.from_generator(  # before TensorFlow 2.4
        lambda: map(_with_tuples, passes), output_types=tf.nest.map_structure(lambda each: each.dtype, spec),
        output_shapes=tf.nest.map_structure(lambda each: each.shape, spec))


def _with_tuples(value: Any) -> Any:
    """Lists as tuples: to tf.data a list is a tensor."""
    if isinstance(value, dict):
        return {key: _with_tuples(each) for key, each in value.items()}
    return tuple(_with_tuples(each) for each in value) if isinstance(value, (list, tuple)) else value
