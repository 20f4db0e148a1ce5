"""Averages over devices with gradients, for the statistics of BatchNorm: over towers of a process, or by Horovod over many."""
from __future__ import annotations

import collections
import itertools
import re
from typing import Any, Callable, Tuple

from ... import compat
from ...compat import tfv1 as tf
from ...tfutils._graph_state import graph_state
from ...tfutils.tower import TrainTowerContext, get_current_tower_context
from ...utils.argtools import log_once
from ...utils.optional import optional_import

__all__ = ["mean_over_devices"]

_MIN_HOROVOD = (0, 13, 6)

# For towers on CPU devices. All of them form one group; each sum of a process has a key of its own, far from those that the
# sums of gradients count up from below.
_GROUP_KEY = 43
_instance_keys = itertools.count(1 << 30)

_horovod = optional_import("horovod", needed_by="BatchNorm(sync_statistics='horovod')", pip="horovod")
_hvd = optional_import("horovod.tensorflow", needed_by="BatchNorm(sync_statistics='horovod')", pip="horovod")


def mean_over_devices(mean: Any, mean_square: Any, method: str) -> Tuple[Any, Any]:
    """Both tensors averaged over all devices; as they are, with a warning, if there is one device."""
    average = _tower_average if method == "nccl" else _horovod_average
    return average(mean, mean_square)


def _tower_average(mean: Any, mean_square: Any) -> Tuple[Any, Any]:
    context = get_current_tower_context()
    if not isinstance(context, TrainTowerContext):
        raise RuntimeError("BatchNorm(sync_statistics='nccl'): statistics are averaged over training towers; got {}; "
                           "use training=False here".format(context))
    total = context.total
    if total == 1:
        _warn_single("nccl")
        return mean, mean_square
    scope = re.sub("tower[0-9]+/", "", tf.get_variable_scope().name)
    return (_sum_over_towers(mean, scope + "_NCCL_mean", context) / total,
            _sum_over_towers(mean_square, scope + "_NCCL_mean_square", context) / total)


def _sum_over_towers(x: Any, name: str, context: TrainTowerContext) -> Any:
    device = x.device

    def all_sum(x: Any) -> Tuple[Any, Callable[[Any], Any]]:
        def gradient(dy: Any) -> Any:
            return _all_reduce(dy, name + "_grad", context, device)

        return _all_reduce(x, name, context, device), gradient

    return tf.custom_gradient(all_sum)(x)  # TensorFlow's own gradient insists on explicit devices


def _all_reduce(x: Any, name: str, context: TrainTowerContext, device: str) -> Any:
    """The sum over those operations, one of each tower, that get the same name: NCCL's where `device` is not a CPU."""
    name = _name_of_use(name, context.index)
    if "CPU" not in device.upper():
        log_once("BatchNorm(sync_statistics='nccl'): TensorFlow's NCCL operations since 1.15 may give wrong results "
                 "(https://github.com/tensorflow/tensorflow/issues/41539)", func="warning")
        return compat.nccl_all_reduce_sum(x, context.total, name)
    keys = graph_state("collective_keys")
    if name not in keys:
        keys[name] = next(_instance_keys)
    with tf.device(device):
        x = tf.identity(x)  # a gradient may come without a device, which TF 1.15 asks for
        return compat.collective_all_reduce_sum(x, context.total, _GROUP_KEY, keys[name])


def _name_of_use(name: str, tower: int) -> str:
    """`name`, then `name_1`, ... in each tower: a layer that is shared within a tower, or has two gradients, is no partner of
    itself."""
    uses = graph_state("synchronized_statistics", collections.Counter)
    count = uses[tower, name]
    uses[tower, name] += 1
    return "{}_{}".format(name, count) if count else name


def _horovod_average(mean: Any, mean_square: Any) -> Tuple[Any, Any]:
    if _hvd.size() == 1:
        _warn_single("horovod")
        return mean, mean_square
    version = tuple(int(part) for part in re.findall(r"\d+", _horovod.__version__)[:3])
    if version < _MIN_HOROVOD:
        raise RuntimeError("BatchNorm(sync_statistics='horovod'): horovod must be at least 0.13.6; got {}; "
                           "pip install -U horovod".format(_horovod.__version__))
    return _hvd.allreduce(mean, average=True), _hvd.allreduce(mean_square, average=True)


def _warn_single(method: str) -> None:
    log_once("BatchNorm(sync_statistics='{}') uses local statistics, since there is one device".format(method),
             func="warning")
