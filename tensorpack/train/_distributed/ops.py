"""Operations that take place on all workers of a cluster at once: averages of gradients, copies of variables, messages.

Each operation has a number, counted in the order in which a process makes them; workers that make the same operations in the
same order give them the same numbers. An operation waits until it runs on every worker.
"""
from __future__ import annotations

import itertools
import pickle
from typing import Any, Dict, List, Sequence, Tuple

import numpy as np

from ... import compat
from ...compat import tfv1 as tf
from ...graph_builder._gradients import dense_in_place
from ...utils import logger

__all__ = ["Gatherer", "WorkerGroup"]

# TensorFlow knows a set of devices by a number: the workers' CPUs, or their GPUs. Towers of one process have others.
_GROUP_KEYS = {"CPU": 44, "GPU": 45}
_instance_keys = itertools.count(1)

# What collectives do not take travels as another dtype that holds its values.
_CARRIERS = {tf.float16: tf.float32, tf.bfloat16: tf.float32, tf.bool: tf.int32, tf.int8: tf.int32, tf.uint8: tf.int32,
             tf.int16: tf.int32, tf.uint16: tf.int32}


def _carrier(dtype: Any) -> Any:
    """The dtype as which values of `dtype` travel; None if there is none."""
    return dtype if dtype in compat.collective_dtypes() else _CARRIERS.get(dtype)


class WorkerGroup:
    """The operations of one worker.

    Args:
        size: number of workers; with one, operations are left out.
        rank: of this worker.
        device: full name of the device on which its collectives are.
    """

    def __init__(self, size: int, rank: int, device: str):
        self.size, self.rank, self.device = size, rank, device
        self.device_type = tf.DeviceSpec.from_string(device).device_type
        self._key = _GROUP_KEYS[self.device_type]

    def sum(self, x: Any, average: bool = False) -> Any:
        """The sum or mean of `x` over all workers, in the dtype of `x`; it must not be empty.

        Its shape may be known at run time only. Half precision is summed in single precision.
        """
        with tf.device(self.device):
            carried = tf.cast(tf.identity(x), _carrier(x.dtype.base_dtype))
            total = compat.collective_all_reduce_sum(carried, self.size, self._key, next(_instance_keys))
            if average:
                total = total * tf.cast(1.0 / self.size, total.dtype)
            return tf.cast(total, x.dtype.base_dtype)

    def reduce_gradients(self, grads_and_vars: Sequence[Tuple[Any, Any]], average: bool,
                         bucket_bytes: int) -> List[Tuple[Any, Any]]:
        """The mean, or sum, of each gradient over all workers.

        Small gradients of one dtype travel together. What is computed last, the gradients of the first layers, is last in a
        bucket of its own, so that the others are on their way meanwhile. Sparse ones travel as dense ones, and become sparse
        again, with the rows that any worker has: optimizers do with rows that nobody has what they do in one process.
        Operations are made in the name scope `AllReduce`.

        Raises:
            ValueError: a gradient has a dtype that cannot be summed.
        """
        if self.size == 1:
            return list(grads_and_vars)
        for grad, variable in grads_and_vars:
            if _carrier(grad.dtype.base_dtype) is None:
                raise ValueError("CollectiveTrainer: gradients must be real numbers; got {} for {}".format(
                    grad.dtype.name, variable.op.name))
        with tf.name_scope("AllReduce"):
            parts = [_dense_parts(grad, variable) for grad, variable in grads_and_vars]
            flat = [part for parts_of_one in parts for part in parts_of_one]
            reduced: Dict[int, Any] = {}
            for bucket in plan_buckets([_static_bytes(part) for part in flat], [part.dtype for part in flat], bucket_bytes):
                reduced.update(zip(bucket, self._reduce_together([flat[k] for k in bucket], average)))
            results = iter([reduced[k] for k in range(len(flat))])
            return [(_from_dense_parts(grad, [next(results) for _ in parts_of_one]), variable)
                    for (grad, variable), parts_of_one in zip(grads_and_vars, parts)]

    def _reduce_together(self, grads: List[Any], average: bool) -> List[Any]:
        sizes = [grad.shape.num_elements() for grad in grads]
        if sizes == [0]:
            return grads  # TF 2.x: an empty collective kills the process
        with tf.device(self.device):
            flat = [tf.reshape(grad, [-1]) for grad in grads]
            if sizes == [None]:  # it may be empty, so one element more
                total = self.sum(tf.concat([flat[0], tf.zeros([1], grads[0].dtype)], 0), average)
                return [tf.reshape(total[:-1], tf.shape(grads[0]))]
            if len(grads) == 1:
                return [tf.reshape(self.sum(flat[0], average), grads[0].shape)]
            parts = tf.split(self.sum(tf.concat(flat, 0), average), sizes)
            return [tf.reshape(part, grad.shape) for part, grad in zip(parts, grads)]

    def copy_from_chief(self, variables: Sequence[Any]) -> Any:
        """An operation that gives the variables the values that they have on rank 0; in the name scope `BroadcastVariables`.

        Variables with unknown shapes, or of a dtype such as string, are left out; the log says so.
        """
        with tf.name_scope("BroadcastVariables"):
            copies = [self._copy_from_chief(variable) for variable in variables if _can_be_sent(variable)]
            return tf.group(*copies, name="broadcast")

    def _copy_from_chief(self, variable: Any) -> Any:
        with tf.device(self.device):
            value = tf.cast(tf.identity(compat.variable_value(variable)), _carrier(variable.dtype.base_dtype))
            copy = compat.collective_broadcast(value, self.rank == 0, self.size, self._key, next(_instance_keys))
            if self.rank == 0:
                return copy.op
            return tf.assign(variable, tf.cast(copy, variable.dtype.base_dtype)).op


def _dense_parts(grad: Any, variable: Any) -> List[Any]:
    """A gradient as dense tensors; of a sparse one the second tells, by numbers above zero, which rows it has."""
    if not isinstance(grad, tf.IndexedSlices):
        return [grad]
    dense = dense_in_place(grad)
    dense.set_shape(variable.shape)
    with tf.device(dense.device):
        rows = tf.unsorted_segment_max(tf.ones_like(grad.indices), grad.indices, tf.shape(dense)[0])
        rows = tf.cast(rows > 0, dense.dtype)  # the maximum of no element is the lowest number
        rows.set_shape(dense.shape[:1])
    return [dense, rows]


def _from_dense_parts(grad: Any, parts: List[Any]) -> Any:
    """A gradient like `grad` of such tensors."""
    if not isinstance(grad, tf.IndexedSlices):
        return parts[0]
    dense, rows = parts
    with tf.device(dense.device):
        indices = tf.boolean_mask(tf.range(tf.size(rows, out_type=grad.indices.dtype)), rows > 0)
        return tf.IndexedSlices(tf.gather(dense, indices), indices, grad.dense_shape)


def _can_be_sent(variable: Any) -> bool:
    known = variable.shape.is_fully_defined() and _carrier(variable.dtype.base_dtype) is not None
    if not known:
        logger.warning("Variable %s, %s of shape %s, cannot be sent: each worker keeps its own value.", variable.op.name,
                       variable.dtype.base_dtype.name, variable.shape)
    return known and variable.shape.num_elements() > 0


def _static_bytes(x: Any) -> int:
    """Number of bytes; -1 if the shape is not known when the graph is built."""
    return -1 if x.shape.num_elements() is None else x.shape.num_elements() * x.dtype.size


def plan_buckets(num_bytes: Sequence[int], dtypes: Sequence[Any], bucket_bytes: int) -> List[List[int]]:
    """Which gradients travel together: lists of positions, beginning with the last ones, which are computed first.

    Args:
        num_bytes: of each gradient; one of -1, unknown, or 0 bytes travels alone.
        bucket_bytes: a bucket gets no further gradient if it would become larger.
    """
    buckets: List[List[int]] = []
    open_buckets: Dict[Any, Tuple[List[int], int]] = {}
    for position in reversed(range(len(num_bytes))):
        size, dtype = num_bytes[position], dtypes[position]
        bucket, filled = open_buckets.get(dtype, ([], 0))
        if size <= 0 or size >= bucket_bytes:
            buckets.append([position])
        elif bucket and filled + size <= bucket_bytes:
            bucket.append(position)
            open_buckets[dtype] = (bucket, filled + size)
        else:
            buckets.append([position])
            open_buckets[dtype] = (buckets[-1], size)
    return buckets


class Gatherer:
    """Gives each worker what all workers have: any objects that can be pickled. Makes its operations in `Gather`."""

    def __init__(self, group: WorkerGroup):
        self._group = group
        if group.size == 1:
            return
        with tf.name_scope("Gather"), tf.device(group.device):
            self._sizes = tf.placeholder(tf.int32, [group.size], name="sizes")
            self._all_sizes = group.sum(self._sizes)
            self._words = tf.placeholder(tf.int32, [None], name="words")
            self._all_words = group.sum(self._words)

    def gather(self, sess: tf.Session, obj: Any) -> List[Any]:
        """The objects of all workers, by rank."""
        if self._group.size == 1:
            return [obj]
        content = pickle.dumps(obj, protocol=4)
        sizes = np.zeros(self._group.size, "int32")
        sizes[self._group.rank] = len(content)
        sizes = sess.run(self._all_sizes, {self._sizes: sizes})
        ends = np.cumsum(-(-sizes // 4))
        words = np.zeros(ends[-1], "int32")
        start = ends[self._group.rank] - -(-len(content) // 4)
        words[start:ends[self._group.rank]] = np.frombuffer(content + b"\0" * (-len(content) % 4), "int32")
        words = sess.run(self._all_words, {self._words: words})
        return [pickle.loads(words[end - -(-size // 4):end].tobytes()[:size]) for end, size in zip(ends, sizes)]
