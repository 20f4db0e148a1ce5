"""Stands for `horovod.tensorflow` and `byteps.tensorflow` where these are not installed; `install` writes it as such a package.

Processes exchange arrays by files in the directory STAND_IN_DIRECTORY; STAND_IN_RANK and STAND_IN_SIZE are in the environment.
`CALLS` has what was called, `RUNS` how often the operations ran.
"""
import collections
import itertools
import os
import shutil
import time

import numpy as np

from tensorpack.compat import tfv1 as tf

CALLS = []
RUNS = collections.Counter()

_numbers = itertools.count()
_last = {}  # graph -> its last allreduce


def install(directory, package="horovod", version="0.28.1"):
    os.makedirs(os.path.join(str(directory), package, "tensorflow"))
    with open(os.path.join(str(directory), package, "__init__.py"), "w") as f:
        f.write("__version__ = {!r}\n".format(version))
    shutil.copy(__file__, os.path.join(str(directory), package, "tensorflow", "__init__.py"))


def init():
    CALLS.append("init")


def shutdown():
    """The real ones do it at the end of the process."""
    open(os.path.join(os.environ["STAND_IN_DIRECTORY"], "gone-{}".format(rank())), "w").close()


def rank():
    return int(os.environ.get("STAND_IN_RANK", "0"))


def size():
    return int(os.environ.get("STAND_IN_SIZE", "1"))


def local_rank():
    return rank()


def local_size():
    return size()


def mpi_enabled():
    return True


def allreduce(tensor, average=True, **options):
    """The mean or sum over all processes; slices, as gradients of lookups, are gathered."""
    CALLS.append(("allreduce", tensor.name, average, options))
    return _combined(tensor, average)


def _combined(tensor, average):
    if isinstance(tensor, tf.IndexedSlices):
        values, indices = _py_func("allreduce", _concatenate, [tensor.values, tensor.indices])
        return tf.IndexedSlices(values / size() if average else values, indices, tensor.dense_shape)
    total, = _py_func("allreduce", _sum, [tensor], chained=tensor.dtype.is_floating)
    total.set_shape(tensor.shape)
    return total / size() if average else total


def push_pull(tensor, scope="", average=True):
    return _combined(tensor, average)


def broadcast(tensor, root_rank):
    CALLS.append(("broadcast", tensor.name, root_rank))
    return _py_func("broadcast", lambda arrays: _exchange(arrays)[root_rank], [tensor], chained=False)[0]


def broadcast_global_variables(root_rank):
    variables = tf.global_variables()
    CALLS.append(("broadcast_global_variables", root_rank, [variable.op.name for variable in variables]))
    values = _py_func("broadcast_global_variables", lambda arrays: _exchange(arrays)[root_rank],
                      [tf.convert_to_tensor(variable) for variable in variables], chained=False)
    return tf.group(*[tf.assign(variable, value) for variable, value in zip(variables, values)])


def _py_func(what, function, tensors, chained=True):
    """An operation that waits for the other processes, in the same order in each of them."""

    def call(*arrays):
        RUNS[what] += 1
        return function(arrays)

    graph = tf.get_default_graph()
    with tf.control_dependencies([_last[graph]] if chained and graph in _last else []):
        results = tf.py_func(call, tensors, [tensor.dtype for tensor in tensors])
    if chained:
        _last[graph] = results[0]
    return results


def _sum(arrays):
    return [np.sum([theirs[0] for theirs in _exchange(arrays)], axis=0, dtype=arrays[0].dtype)]


def _concatenate(arrays):
    return [np.concatenate(parts) for parts in zip(*_exchange(arrays))]


def _exchange(arrays):
    """The arrays of each process, by rank."""
    path = os.path.join(os.environ["STAND_IN_DIRECTORY"], "{}-{{}}.npz".format(next(_numbers)))
    np.savez(path.format(rank()) + ".new.npz", *arrays)
    os.rename(path.format(rank()) + ".new.npz", path.format(rank()))
    return [_wait_for(path.format(other), other) for other in range(size())]


def _wait_for(path, other):
    gone = os.path.join(os.path.dirname(path), "gone-{}".format(other))
    deadline = time.time() + 120
    while not os.path.exists(path):
        if time.time() > deadline or os.path.exists(gone):
            raise RuntimeError("rank {} is gone".format(other))
        time.sleep(0.001)
    with np.load(path) as content:
        return [content["arr_{}".format(i)] for i in range(len(content.files))]
