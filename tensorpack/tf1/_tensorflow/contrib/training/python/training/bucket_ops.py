"""Batches of samples of about the same length, by a queue for each range: `tf.contrib.training.bucket_by_sequence_length`."""
from __future__ import annotations

from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple, Union

from .......compat import tfv1 as tf

__all__ = ["bucket", "bucket_by_sequence_length"]

_CLOSED = (tf.errors.OutOfRangeError, tf.errors.CancelledError)
Tensors = Union[List[Any], Tuple[Any, ...], Dict[str, Any]]


def bucket(tensors: Tensors, which_bucket: Any, batch_size: Any, num_buckets: int, num_threads: int = 1, capacity: int = 32,
           bucket_capacities: Optional[Sequence[int]] = None, shapes: Optional[Sequence[Any]] = None, dynamic_pad: bool = False,
           allow_smaller_final_batch: bool = False, keep_input: Any = True, shared_name: Optional[str] = None,
           name: Optional[str] = None) -> Tuple[Any, Any]:
    """Put samples into the queue `which_bucket`, and take batches of one bucket each out of a queue of batches.

    Queue runners are added to the graph; something must start them.

    Args:
        tensors: list or dict of dense tensors, one sample.
        which_bucket: int32 scalar in [0, num_buckets).
        batch_size: int, or one for each bucket.
        bucket_capacities: one for each bucket; `capacity`, that of the queue of batches, by default.
        shapes: of the tensors, where they are not known.
        dynamic_pad: pad samples with zeros to the largest of their batch; else their shapes must be known.
        allow_smaller_final_batch: let out what is left in a bucket when the queues are closed.
        keep_input: bool scalar; samples are dropped where it is False.

    Returns:
        (int32 scalar: the bucket, batch like `tensors`).

    Raises:
        ValueError: there are no tensors, or a list has not one entry for each bucket.
    """
    sizes = list(batch_size) if isinstance(batch_size, (list, tuple)) else [batch_size] * num_buckets
    capacities = [capacity] * num_buckets if bucket_capacities is None else list(bucket_capacities)
    for argument, entries in (("batch_size", sizes), ("bucket_capacities", capacities)):
        if len(entries) != num_buckets:
            raise ValueError("bucket: {} must have an entry for each of {} buckets; got {}".format(
                argument, num_buckets, entries))
    names, values = _flat(tensors)
    if not values:
        raise ValueError("bucket: tensors must have at least one tensor; got none")
    with tf.name_scope(name, "bucket", values):
        values = [tf.convert_to_tensor(value) for value in values]
        shapes = [value.shape for value in values] if shapes is None else [tf.TensorShape(shape) for shape in shapes]
        make_queue = tf.PaddingFIFOQueue if dynamic_pad else tf.FIFOQueue
        queues = [make_queue(capacities[i], [value.dtype for value in values], shapes, name="bucket_queue_{}".format(i),
                             shared_name=None if shared_name is None else "{}_{}".format(shared_name, i))
                  for i in range(num_buckets)]
        known_size = None if allow_smaller_final_batch or isinstance(batch_size, (list, tuple)) else _constant(batch_size)
        top = tf.PaddingFIFOQueue(
            capacity, [tf.int32] + [value.dtype for value in values],
            [tf.TensorShape([])] + [tf.TensorShape([known_size]).concatenate(shape) for shape in shapes],
            shared_name=shared_name, name="top_queue")
        _fill_buckets(top, queues, values, which_bucket, keep_input, num_threads)
        _fill_top(top, queues, sizes, allow_smaller_final_batch)
        _summarize(top, queues, capacity)
        batch = top.dequeue(name="dequeue_top")
        return batch[0], batch[1:] if names is None else dict(zip(names, batch[1:]))


def _flat(tensors: Tensors) -> Tuple[Optional[List[str]], List[Any]]:
    """(sorted names of a dict, or None for a list; the tensors in this order)."""
    if not isinstance(tensors, dict):
        return None, list(tensors)
    names = sorted(tensors)
    return names, [tensors[name] for name in names]


def _constant(value: Any) -> Optional[int]:
    static = tf.get_static_value(tf.convert_to_tensor(value))
    return None if static is None else int(static)


def _fill_buckets(top: Any, queues: List[Any], values: List[Any], which_bucket: Any, keep_input: Any,
                  num_threads: int) -> None:
    which_bucket = tf.cast(which_bucket, tf.int32)

    def enqueue_into(i: int) -> Callable[[], Any]:
        return lambda: queues[i].enqueue(values)

    def enqueue() -> Any:
        chosen = [tf.cond(tf.equal(which_bucket, i), enqueue_into(i), tf.no_op) for i in range(len(queues))]
        return tf.group(*chosen, name="group_enqueues")

    operation = enqueue() if keep_input is True else tf.cond(tf.convert_to_tensor(keep_input), enqueue, tf.no_op)
    tf.train.add_queue_runner(tf.train.QueueRunner(
        top, [operation] * num_threads, close_op=tf.group(*[queue.close() for queue in queues]),
        cancel_op=tf.group(*[queue.close(cancel_pending_enqueues=True) for queue in queues]),
        queue_closed_exception_types=_CLOSED))


def _fill_top(top: Any, queues: List[Any], sizes: List[Any], allow_smaller_final_batch: bool) -> None:
    enqueues = []
    for i, (queue, size) in enumerate(zip(queues, sizes)):
        dequeue = queue.dequeue_up_to if allow_smaller_final_batch else queue.dequeue_many
        batch = dequeue(size, name="read_bucket_{}".format(i))
        batch = list(batch) if isinstance(batch, (list, tuple)) else [batch]
        enqueues.append(top.enqueue([tf.constant(i)] + batch, name="enqueue_from_bucket_{}".format(i)))
    tf.train.add_queue_runner(tf.train.QueueRunner(
        queues[0], enqueues, close_op=top.close(), cancel_op=top.close(cancel_pending_enqueues=True),
        queue_closed_exception_types=_CLOSED))


def _summarize(top: Any, queues: List[Any], capacity: int) -> None:
    size = tf.cast(top.size(), tf.float32)
    for queue in queues:
        tf.summary.scalar("bucket/{}/size".format(queue.name), tf.cast(queue.size(), tf.float32))
    tf.summary.scalar("bucket/{}/fraction_of_{}_full".format(top.name, capacity), size * (1. / capacity))


def bucket_by_sequence_length(input_length: Any, tensors: Tensors, batch_size: Any, bucket_boundaries: Sequence[int],
                              num_threads: int = 1, capacity: int = 32, bucket_capacities: Optional[Sequence[int]] = None,
                              shapes: Optional[Sequence[Any]] = None, dynamic_pad: bool = False,
                              allow_smaller_final_batch: bool = False, keep_input: Any = True,
                              shared_name: Optional[str] = None, name: Optional[str] = None) -> Tuple[Any, Any]:
    """Batches of sequences whose lengths lie between two boundaries: see `bucket`.

    Args:
        input_length: int32 scalar.
        bucket_boundaries: increasing ints; the first bucket has the lengths below the first, the last those from the last on.

    Returns:
        (int32 lengths [batch], batch like `tensors`).

    Raises:
        TypeError: the boundaries are no list of ints.
        ValueError: they are empty or do not increase.
    """
    if not isinstance(bucket_boundaries, (list, tuple)) or not all(isinstance(each, int) for each in bucket_boundaries):
        raise TypeError("bucket_by_sequence_length: bucket_boundaries must be a list of ints; got {!r}".format(
            bucket_boundaries))
    if not bucket_boundaries or any(a >= b for a, b in zip(bucket_boundaries, bucket_boundaries[1:])):
        raise ValueError("bucket_by_sequence_length: bucket_boundaries must be increasing ints, one or more; got {}".format(
            bucket_boundaries))
    names, values = _flat(tensors)
    with tf.name_scope(name, "bucket_by_sequence_length", [input_length] + values):
        input_length = tf.cast(input_length, tf.int32)
        which_bucket = tf.reduce_sum(tf.cast(tf.less_equal(list(bucket_boundaries), input_length), tf.int32))
        _, (lengths, *batch) = bucket(
            [input_length] + values, which_bucket, batch_size, len(bucket_boundaries) + 1, num_threads, capacity,
            bucket_capacities, None if shapes is None else [tf.TensorShape([])] + list(shapes), dynamic_pad,
            allow_smaller_final_batch, keep_input, shared_name)
        return lengths, batch if names is None else dict(zip(names, batch))
