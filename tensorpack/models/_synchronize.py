"""Averages over devices with gradients, for the statistics of BatchNorm: by NCCL within a process, by Horovod across them."""
from __future__ import annotations

import re
from typing import Any, Callable, Tuple

from .. import compat
from ..compat import tfv1 as tf
from ..tfutils.tower import get_current_tower_context
from ..utils.argtools import log_once
from ..utils.optional import optional_import

__all__ = ["mean_over_devices"]

_MIN_HOROVOD = (0, 13, 6)

_horovod = optional_import("horovod", needed_by="BatchNorm(sync_statistics='horovod')", pip="horovod")
_hvd = optional_import("horovod.tensorflow", needed_by="BatchNorm(sync_statistics='horovod')", pip="horovod")


def mean_over_devices(mean: Any, mean_square: Any, method: str) -> Tuple[Any, Any]:
    """Both tensors averaged over all devices; as they are, with a warning, if there is one device."""
    average = _nccl_average if method == "nccl" else _horovod_average
    return average(mean, mean_square)


def _nccl_average(mean: Any, mean_square: Any) -> Tuple[Any, Any]:
    context = get_current_tower_context()
    total = getattr(context, "total", None)
    if total is None:
        raise RuntimeError("BatchNorm(sync_statistics='nccl'): statistics are averaged over training towers; got {}; "
                           "use training=False here".format(context))
    if total == 1:
        _warn_single("nccl")
        return mean, mean_square
    log_once("BatchNorm(sync_statistics='nccl'): TensorFlow's NCCL operations since 1.15 may give wrong results "
             "(https://github.com/tensorflow/tensorflow/issues/41539)", func="warning")
    scope = re.sub("tower[0-9]+/", "", tf.get_variable_scope().name)
    return (_nccl_sum(scope + "_NCCL_mean", total)(mean) / total,
            _nccl_sum(scope + "_NCCL_mean_square", total)(mean_square) / total)


def _nccl_sum(shared_name: str, total: int) -> Callable[[Any], Any]:
    # TensorFlow's own gradient insists on explicit devices
    @tf.custom_gradient
    def all_sum(x):
        def gradient(dy):
            return compat.nccl_all_reduce_sum(dy, total, shared_name + "_grad")

        return compat.nccl_all_reduce_sum(x, total, shared_name), gradient

    return all_sum


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
