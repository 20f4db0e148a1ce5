"""A queue of batches that are made ahead of time: `slim.prefetch_queue.prefetch_queue`."""
from __future__ import annotations

from typing import Any, Dict, Optional, Sequence, Union

from ........compat import tfv1 as tf

__all__ = ["prefetch_queue"]


def prefetch_queue(tensors: Union[Sequence[Any], Dict[str, Any]], capacity: int = 8, num_threads: int = 1,
                   dynamic_pad: bool = False, shared_name: Optional[str] = None, name: Optional[str] = None) -> Any:
    """A queue that holds up to `capacity` values of a list or dict of tensors; adds a queue runner and a scalar summary.

    Args:
        dynamic_pad: whether the queue is a `tf.PaddingFIFOQueue`, for `dequeue_many` of tensors of unknown shapes.
    """
    names = sorted(tensors) if isinstance(tensors, dict) else None
    values = [tensors[each] for each in sorted(tensors)] if isinstance(tensors, dict) else list(tensors)
    make_queue = tf.PaddingFIFOQueue if dynamic_pad else tf.FIFOQueue
    with tf.name_scope(name, "prefetch_queue", values):
        queue = make_queue(capacity=capacity, dtypes=[each.dtype for each in values], shapes=[each.shape for each in values],
                           names=names, shared_name=shared_name)
        tf.train.add_queue_runner(tf.train.QueueRunner(queue, [queue.enqueue(tensors)] * num_threads))
        tf.summary.scalar("fraction_of_{}_full".format(capacity), tf.cast(queue.size(), tf.float32) * (1. / capacity))
        return queue
