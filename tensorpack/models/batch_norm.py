"""BatchNorm and BatchRenorm: normalised by statistics of the batch in training, and by their moving averages at inference."""
from __future__ import annotations

from typing import Any, Optional, Tuple

import numpy as np

from ..compat import is_tensor_like
from ..compat import tfv1 as tf
from ..tfutils.tower import BaseTowerContext, get_current_tower_context
from ..tfutils.varreplace import statistics_are_frozen
from ..utils._arguments.numbers import whole_number
from ..utils._types import AnyFunction
from ..utils.argtools import log_once
from ._by_name import initializer_of
from ._layout import channel_axis, float_tensor
from ._normalization.batch_statistics import (
    FUSED_TYPES,
    affine,
    moments,
    normalize_by_moments,
    normalize_fused,
    normalize_synchronized,
    normalize_virtual_batches,
    normalize_with,
)
from ._normalization.moving_statistics import MovingStatistics, check_ema_update
from ._normalization.renorm_statistics import RenormStatistics
from ._types import Initializer
from .registry import layer_register
from .tflayer import convert_to_tflayer_args
from .utils import VariableHolder

__all__ = ["BatchNorm", "BatchRenorm"]

_OLD_NAMES = {"use_bias": "center", "use_scale": "scale", "gamma_init": "gamma_initializer", "decay": "momentum",
              "use_local_stat": "training"}


@layer_register()
@convert_to_tflayer_args(args_names=[], name_mapping=_OLD_NAMES)
def BatchNorm(
        inputs: Any,
        axis: Optional[int] = None,
        training: Optional[bool] = None,
        momentum: float = 0.9,
        epsilon: float = 1e-5,
        center: bool = True,
        scale: bool = True,
        beta_initializer: Initializer = tf.zeros_initializer(),
        gamma_initializer: Initializer = tf.ones_initializer(),
        virtual_batch_size: Optional[int] = None,
        data_format: str = "channels_last",
        ema_update: str = "default",
        sync_statistics: Optional[str] = None) -> Any:
    """Batch normalisation (Ioffe and Szegedy 2015, https://arxiv.org/abs/1502.03167) of a 2-D or 4-D tensor, as
    `BatchNorm("name", x, ...)` inside a tower context; all other arguments are given by keyword.

    Variables, float32 [C] (float64 for float64 input): `name/gamma` (if `scale`), `name/beta` (if `center`), and the
    untrained `name/mean/EMA`, `name/variance/EMA`, which the main training tower adds to MODEL_VARIABLES.
    Output tensor: `name/output`, in the dtype of the input.

    In training the averages move by `average * momentum + batch * (1 - momentum)`, in the main training tower only. The batch
    variance in that formula is the unbiased one for 4-D input and the biased one for 2-D input and for virtual or
    synchronised batches; normalisation always uses the biased one. For 4-D float32 and float16 input epsilon is at least
    1.001e-5, the least that fused kernels take.

    Args:
        axis: of the channels; None: 1 for 2-D input, by `data_format` for 4-D input.
        training: whether to use the statistics of the batch; None: as the tower context says, and not where
            `freeze_variables` freezes statistics.
        virtual_batch_size: in training, normalise every so many samples by their own statistics; the averages follow the
            first group.
        ema_update: when the averages move. 'default' or 'collection': by two operations in UPDATE_OPS; 'internal': whenever
            the output is computed; 'skip': never. Virtual and synchronised batches know only 'internal' and 'skip'. Each
            call of a layer that is re-used moves the averages towards the statistics of its own input, in no fixed order.
        sync_statistics: in training, average the statistics over 'nccl': the towers of a multi-GPU trainer, by NCCL, or by
            TensorFlow's collectives if they are on CPU devices; 'horovod': all processes. Batches must be equally large. All
            towers must run in each step.

    Raises:
        ValueError: an argument or the shape of the input is not one of the above.
        RuntimeError: there is no tower context, or 'nccl' is used outside a training tower.
    """
    x = float_tensor("BatchNorm", inputs)
    axis, channels = _find_channels("BatchNorm", x, axis, data_format)
    check_ema_update(ema_update)
    if virtual_batch_size is not None:
        virtual_batch_size = whole_number("BatchNorm", "virtual_batch_size", virtual_batch_size, minimum=1)
    sync = _check_sync(sync_statistics, virtual_batch_size)
    is_asked_for = training is not None
    context = _tower_context("BatchNorm")
    training = _resolve_training(training, context)
    if training and statistics_are_frozen("BatchNorm"):
        training, ema_update = is_asked_for, "skip"
    grouped = training and (sync is not None or virtual_batch_size is not None)

    dtype = _parameter_type(x)
    variables = VariableHolder()
    parameters = {"gamma": (scale, gamma_initializer, tf.ones), "beta": (center, beta_initializer, tf.zeros)}
    # the order in which variables are created is the order in which old checkpoints list them
    values = {name: _affine_parameter(name, channels, dtype, variables, *parameters[name])
              for name in (("beta", "gamma") if grouped else ("gamma", "beta"))}
    gamma, beta = values["gamma"], values["beta"]
    moving = MovingStatistics(channels, dtype, variables, context)

    if not training:
        y = normalize_with(x, moving.mean, moving.variance, gamma, beta, epsilon, axis)
    else:
        if sync is not None:
            y, mean, variance = normalize_synchronized(x, gamma, beta, epsilon, axis, sync)
        elif virtual_batch_size is not None:
            y, mean, variance = normalize_virtual_batches(x, gamma, beta, epsilon, axis, virtual_batch_size)
        elif x.shape.ndims == 4 and x.dtype.base_dtype in FUSED_TYPES:
            y, mean, variance = normalize_fused(x, gamma, beta, epsilon, axis)
        else:
            y, mean, variance = normalize_by_moments(x, gamma, beta, epsilon, axis)
        y = moving.update(y, mean, variance, momentum, "internal" if grouped and ema_update != "skip" else ema_update)
    output = tf.identity(y, name="output")
    output.variables = variables
    return output


@layer_register()
@convert_to_tflayer_args(args_names=[], name_mapping=_OLD_NAMES)
def BatchRenorm(
        x: Any,
        rmax: Any,
        dmax: Any,
        momentum: float = 0.9,
        epsilon: float = 1e-5,
        center: bool = True,
        scale: bool = True,
        gamma_initializer: Optional[Initializer] = None,
        data_format: str = "channels_last") -> Any:
    """Batch renormalisation (Ioffe 2017, https://arxiv.org/abs/1702.03275) of a 2-D or 4-D tensor, as
    `BatchRenorm("name", x, rmax=..., dmax=..., ...)` inside a tower context; all other arguments are given by keyword.

    In training the batch is normalised by its own statistics, times r, plus d: these bring it near to what averages of the
    statistics (of momentum 0.99) would give. At inference it is normalised by moving averages, as in `BatchNorm`.

    Variables, float32 [C] (float64 for float64 input): `name/gamma` (if `scale`), `name/beta` (if `center`), and the
    untrained `name/moving_mean`, `name/moving_variance`, `name/moving_stddev`, `name/renorm_mean`, `name/renorm_stddev`,
    which the main training tower adds to MODEL_VARIABLES. Each call there adds two operations to UPDATE_OPS, which
    move all averages. Output tensor: `name/output`, in the dtype of the input.

    Args:
        rmax: r is clipped to [1 / rmax, rmax]; a number, or a scalar tensor to change it while training goes on.
        dmax: d is clipped to [-dmax, dmax]; a number or a scalar tensor. With rmax=1, dmax=0 this is batch normalisation.
        momentum: of the averages for inference: `average * momentum + batch * (1 - momentum)`.
        gamma_initializer: ones if None.

    Raises:
        ValueError: the input is neither 2-D nor 4-D, its channels are unknown, or rmax < 1 or dmax < 0.
        RuntimeError: there is no tower context.
    """
    x = float_tensor("BatchRenorm", x)
    axis, channels = _find_channels("BatchRenorm", x, None, data_format)
    context = _tower_context("BatchRenorm")
    _check_at_least("rmax", rmax, 1)
    _check_at_least("dmax", dmax, 0)

    dtype = _parameter_type(x)
    variables = VariableHolder()
    gamma = _affine_parameter("gamma", channels, dtype, variables, scale, gamma_initializer or tf.ones_initializer(), tf.ones)
    beta = _affine_parameter("beta", channels, dtype, variables, center, tf.zeros_initializer(), tf.zeros)
    statistics = RenormStatistics(channels, dtype, context)
    mean, variance = statistics.moving_mean, statistics.moving_variance
    if context.is_training and not statistics_are_frozen("BatchRenorm"):
        mean, variance = moments(x, dtype, axis)
        stddev = tf.sqrt(variance + epsilon)
        r, d = statistics.corrections(mean, stddev, epsilon, rmax, dmax)
        with tf.control_dependencies([r, d]):  # they are made of the averages before the update
            statistics.update(mean, stddev, momentum, epsilon)
        gamma, beta = gamma * r, gamma * d + beta
    output = tf.identity(affine(x, mean, variance, gamma, beta, epsilon, axis), name="output")
    output.variables = variables
    return output


def _find_channels(who: str, x: Any, axis: Optional[int], data_format: str) -> Tuple[int, int]:
    """The axis of the channels, and their number."""
    ndims = x.shape.ndims
    if ndims not in (2, 4):
        raise ValueError("{}: the input must be 2-D or 4-D; got shape {}".format(who, x.shape))
    if axis is None:
        axis = 1 if ndims == 2 else channel_axis(data_format)
    axis = whole_number(who, "axis", axis)
    if axis not in ((1,) if ndims == 2 else (1, 3)):
        raise ValueError("{}: axis must be 1 for 2-D input, 1 or 3 for 4-D input; got {} for shape {}".format(
            who, axis, x.shape))
    channels = x.shape.as_list()[axis]
    if channels is None:
        raise ValueError("{}: the number of channels must be known when the graph is built; got shape {} with "
                         "channels on axis {}; use set_shape on the input".format(who, x.shape, axis))
    return axis, channels


def _check_sync(sync_statistics: Optional[str], virtual_batch_size: Optional[int]) -> Optional[str]:
    if sync_statistics is None:
        return None
    if not isinstance(sync_statistics, str) or sync_statistics.lower() not in ("nccl", "horovod"):
        raise ValueError("BatchNorm: sync_statistics must be None, 'nccl' or 'horovod'; got {!r}".format(sync_statistics))
    if virtual_batch_size is not None:
        raise ValueError("BatchNorm: virtual_batch_size splits a batch and sync_statistics joins batches; got both; "
                         "give one of them")
    return sync_statistics.lower()


def _tower_context(who: str) -> BaseTowerContext:
    context = get_current_tower_context()
    if context is None:
        raise RuntimeError("{}: it must be called inside a tower context, which says what is training; got none; "
                           "use `with TowerContext('', is_training=...):`".format(who))
    return context


def _resolve_training(training: Optional[bool], context: BaseTowerContext) -> bool:
    if training is None:
        return context.is_training
    if not isinstance(training, (bool, np.bool_)):
        raise ValueError("BatchNorm: training must be None or a Python bool; got {!r}; build the layer once for each mode, "
                         "with shared variables".format(training))
    if not training and context.is_main_training_tower:
        log_once("BatchNorm(training=False) in a training tower uses the moving averages as they are and does not update them",
                 func="warning")
    return bool(training)


def _check_at_least(name: str, value: Any, least: float) -> None:
    if not is_tensor_like(value) and value < least:
        raise ValueError("BatchRenorm: {0} must be at least {1}; got {0}={2}".format(name, least, value))


def _parameter_type(x: Any) -> Any:
    return tf.float64 if x.dtype.base_dtype == tf.float64 else tf.float32


def _affine_parameter(name: str, channels: int, dtype: Any, variables: VariableHolder, enabled: bool, initializer: Initializer,
                      constant: AnyFunction) -> Any:
    if not enabled:
        return constant([channels], dtype=dtype, name=name)
    variable = tf.get_variable(name, [channels], dtype, initializer=initializer_of(initializer, name + "_initializer"))
    setattr(variables, name, variable)
    return variable
