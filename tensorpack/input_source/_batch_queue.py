"""`BatchQueueInput`: datapoints are queued one by one, and each tower takes a batch of them."""
from __future__ import annotations

from typing import Any, List, Optional

from ..compat import tfv1 as tf
from ..dataflow.base import DataFlow
from ._queue import QueueInput

_QUEUE_CAPACITY = 3000


class BatchQueueInput(QueueInput):
    """Inputs from a queue of single datapoints, of which each step of a tower takes `batch_size` at once.

    It is a `QueueInput` whose placeholders are called `<input>-nobatch` and lack the first dimension, and whose queue holds
    3000 datapoints. Batching in the DataFlow (`BatchData`) is faster.

    Args:
        ds: the DataFlow, of datapoints that are not batched.
        batch_size: how many datapoints make a batch; the inputs get it as first dimension.
        queue: a TensorFlow queue to use instead, with a component of the right dtype and shape for each input.

    Raises:
        ValueError: `batch_size` is less than 1. At `setup`: an input has no batch dimension, another batch size, or another
            dimension that is unknown.
    """

    def __init__(self, ds: DataFlow, batch_size: int, queue: Optional[Any] = None):
        super().__init__(ds, queue)
        self.batch_size = int(batch_size)
        if self.batch_size < 1:
            raise ValueError("{}: batch_size must be at least 1; got {!r}".format(type(self).__name__, batch_size))

    def _size(self) -> int:
        return len(self.ds) // self.batch_size

    def _setup(self, input_signature: List[tf.TensorSpec]) -> None:
        super()._setup(input_signature)
        # from here on it is about what a tower gets
        self._signature = [tf.TensorSpec([self.batch_size] + spec.shape.as_list()[1:], spec.dtype, spec.name)
                           for spec in input_signature]

    def _fed_signature(self, input_signature: List[tf.TensorSpec]) -> List[tf.TensorSpec]:
        return [self._without_batch(spec) for spec in input_signature]

    def _without_batch(self, spec: tf.TensorSpec) -> tf.TensorSpec:
        shape = spec.shape
        if (not shape.ndims or shape.as_list()[0] not in (None, self.batch_size)
                or not shape[1:].is_fully_defined()):
            raise ValueError("{}: each input must have a batch dimension, which is unknown or batch_size={}, and no other "
                             "unknown one; got '{}' of shape {}; try BatchData and QueueInput".format(
                                 type(self).__name__, self.batch_size, spec.name, shape))
        return tf.TensorSpec(shape[1:], spec.dtype, spec.name + "-nobatch")

    def _make_queue(self, dtypes: List[tf.DType], shapes: List[tf.TensorShape]) -> Any:
        return tf.FIFOQueue(_QUEUE_CAPACITY, dtypes, shapes=shapes, name="input_queue")

    def _dequeue(self) -> Any:
        return self.queue.dequeue_many(self.batch_size, name="input_deque")
