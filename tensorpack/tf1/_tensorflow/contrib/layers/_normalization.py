"""Normalization by statistics of single samples: of layers, instances and groups of channels, and of single vectors."""
from __future__ import annotations

from typing import Any, Callable, Dict, Optional, Sequence

from .....compat import tfv1 as tf
from ..framework._arg_scope import add_arg_scope
from ._utils import collect_named_outputs, layer_data_format
from ._variables import affine_parameters

__all__ = ["group_norm", "instance_norm", "layer_norm", "poincare_normalize", "unit_norm"]


@add_arg_scope
def layer_norm(inputs: Any, center: bool = True, scale: bool = True, activation_fn: Optional[Callable[..., Any]] = None,
               reuse: Any = None, variables_collections: Any = None, outputs_collections: Any = None, trainable: bool = True,
               begin_norm_axis: int = 1, begin_params_axis: int = -1, scope: Any = None) -> Any:
    """Normalise each sample by mean and variance over the axes from `begin_norm_axis` on (Ba et al. 2016).

    Variables `beta` and `gamma`, in the input's dtype, of the sizes of the axes from `begin_params_axis` on, which must be
    known; in MODEL_VARIABLES. Scope: `LayerNorm`.
    """
    with tf.variable_scope(scope, "LayerNorm", [inputs], reuse=reuse) as sc:
        inputs = tf.convert_to_tensor(inputs)
        rank = _known_rank("layer_norm", inputs)
        begin_norm_axis += rank if begin_norm_axis < 0 else 0
        if begin_params_axis >= rank or begin_norm_axis >= rank:
            raise ValueError("layer_norm: begin_params_axis and begin_norm_axis must be below rank {}; got {} and {}".format(
                rank, begin_params_axis, begin_norm_axis))
        sizes = _known_sizes("layer_norm", inputs, inputs.shape[begin_params_axis:])
        dtype = inputs.dtype.base_dtype
        beta, gamma = affine_parameters(sizes, dtype, center, scale, trainable, variables_collections)
        mean, variance = tf.nn.moments(inputs, list(range(begin_norm_axis, rank)), keep_dims=True)
        # float16 cannot hold the smaller one
        epsilon = 1e-3 if dtype == tf.float16 else 1e-12
        outputs = tf.nn.batch_normalization(inputs, mean, variance, beta, gamma, epsilon)
        outputs.set_shape(inputs.shape)
        return _finish(outputs, activation_fn, outputs_collections, sc)


@add_arg_scope
def instance_norm(inputs: Any, center: bool = True, scale: bool = True, epsilon: float = 1e-6,
                  activation_fn: Optional[Callable[..., Any]] = None, param_initializers: Optional[Dict[str, Any]] = None,
                  reuse: Any = None, variables_collections: Any = None, outputs_collections: Any = None, trainable: bool = True,
                  data_format: str = "NHWC", scope: Any = None) -> Any:
    """Normalise each channel of each sample by its mean and variance (Ulyanov et al. 2016).

    Variables `beta` and `gamma` [C], in the input's dtype; in MODEL_VARIABLES. Scope: `InstanceNorm`.
    """
    first = layer_data_format(data_format, "NCHW", "NHWC") == "channels_first"
    inputs = tf.convert_to_tensor(inputs)
    rank = _known_rank("instance_norm", inputs)
    with tf.variable_scope(scope, "InstanceNorm", [inputs], reuse=reuse) as sc:
        axis = 1 if first else rank - 1
        channels = _known_sizes("instance_norm", inputs, inputs.shape[axis:axis + 1])
        parameters = affine_parameters(channels, inputs.dtype.base_dtype, center, scale, trainable, variables_collections,
                                       param_initializers)
        if first:
            parameters = [each if each is None else tf.reshape(each, [1] + channels + [1] * (rank - 2)) for each in parameters]
        mean, variance = tf.nn.moments(inputs, [each for each in range(1, rank) if each != axis], keep_dims=True)
        outputs = tf.nn.batch_normalization(inputs, mean, variance, parameters[0], parameters[1], epsilon, name="instancenorm")
        return _finish(outputs, activation_fn, outputs_collections, sc)


@add_arg_scope
def group_norm(inputs: Any, groups: int = 32, channels_axis: int = -1, reduction_axes: Sequence[int] = (-3, -2),
               center: bool = True, scale: bool = True, epsilon: float = 1e-6,
               activation_fn: Optional[Callable[..., Any]] = None, param_initializers: Optional[Dict[str, Any]] = None,
               reuse: Any = None, variables_collections: Any = None, outputs_collections: Any = None, trainable: bool = True,
               scope: Any = None, mean_close_to_zero: bool = False) -> Any:
    """Normalise groups of channels by mean and variance over them and `reduction_axes` (Wu and He 2018).

    Variables `beta` and `gamma` [C], in the input's dtype; in MODEL_VARIABLES. Scope: `GroupNorm`.

    Args:
        mean_close_to_zero: take the variance as mean square minus squared mean, in one pass.

    Raises:
        ValueError: C is unknown or no multiple of `groups`, or an axis is unknown, the channels' or beyond the rank.
    """
    inputs = tf.convert_to_tensor(inputs)
    rank = _known_rank("group_norm", inputs)
    axis, axes = _checked_axes(inputs, rank, channels_axis, reduction_axes)
    channels = _known_sizes("group_norm", inputs, inputs.shape[axis:axis + 1])[0]
    if groups > channels or channels % groups:
        raise ValueError("group_norm: the number of channels must be a multiple of groups; got {} and {}".format(
            channels, groups))
    dynamic = tf.shape(inputs)
    sizes = [dynamic[i] if size is None else size for i, size in enumerate(inputs.shape.as_list())]
    grouped = tf.reshape(inputs, sizes[:axis] + [groups, channels // groups] + sizes[axis + 1:])
    with tf.variable_scope(scope, "GroupNorm", [grouped], reuse=reuse) as sc:
        beta, gamma = affine_parameters([channels], inputs.dtype.base_dtype, center, scale, trainable, variables_collections,
                                        param_initializers)
        spread = [1] * axis + [groups, channels // groups] + [1] * (rank - axis - 1)
        moments = _moments_in_one_pass if mean_close_to_zero else tf.nn.moments
        mean, variance = moments(grouped, [axis + 1] + [each + 1 if each > axis else each for each in axes], keep_dims=True)
        gain = tf.rsqrt(variance + epsilon)
        offset = -mean * gain
        if gamma is not None:
            gamma = tf.reshape(gamma, spread)
            gain, offset = gain * gamma, offset * gamma
        if beta is not None:
            offset += tf.reshape(beta, spread)
        return _finish(tf.reshape(grouped * gain + offset, sizes), activation_fn, outputs_collections, sc)


def _checked_axes(inputs: Any, rank: Any, channels_axis: Any, reduction_axes: Any) -> Any:
    axis, *axes = [each + rank if each < 0 else each for each in [channels_axis] + list(reduction_axes)]
    if axis in axes or any(not 0 <= each < rank for each in [axis] + axes):
        raise ValueError("group_norm: channels_axis and reduction_axes must be different axes of a tensor of rank {}; "
                         "got {} and {}".format(rank, channels_axis, list(reduction_axes)))
    _known_sizes("group_norm", inputs, tf.TensorShape([inputs.shape.as_list()[each] for each in axes]))
    return axis, axes


def _moments_in_one_pass(x: Any, axes: Any, keep_dims: Any) -> Any:
    counts, means, variances, _ = tf.nn.sufficient_statistics(x, axes, keep_dims=keep_dims)
    return tf.nn.normalize_moments(counts, means, variances, shift=None)


def _known_rank(who: Any, inputs: Any) -> Any:
    if inputs.shape.ndims is None:
        raise ValueError("{}: the rank of the input must be known; got {}".format(who, inputs))
    return inputs.shape.ndims


def _known_sizes(who: Any, inputs: Any, shape: Any) -> Any:
    if not shape.is_fully_defined():
        raise ValueError("{}: the sizes of channels and of the axes that are reduced must be known when the graph is built; "
                         "got shape {}; use set_shape on the input".format(who, inputs.shape))
    return shape.as_list()


def _finish(outputs: Any, activation_fn: Any, outputs_collections: Any, scope: Any) -> Any:
    outputs = outputs if activation_fn is None else activation_fn(outputs)
    return collect_named_outputs(outputs_collections, scope.name, outputs)


@add_arg_scope
def unit_norm(inputs: Any, dim: int, epsilon: float = 1e-7, scope: Any = None) -> Any:
    """inputs / sqrt(epsilon + the sum of squares along axis `dim`), which must not be negative."""
    with tf.variable_scope(scope, "UnitNorm", [inputs]):
        inputs = tf.convert_to_tensor(inputs)
        rank = _known_rank("unit_norm", inputs)
        if not 0 <= dim < rank:
            raise ValueError("unit_norm: dim must not be negative and below the rank {}; got {}".format(rank, dim))
        lengths = tf.sqrt(epsilon + tf.reduce_sum(tf.square(inputs), dim, keepdims=True))
        return tf.truediv(inputs, lengths, name="div")


def poincare_normalize(x: Any, axis: int = 1, epsilon: float = 1e-5, name: Optional[str] = None) -> Any:
    """x, shortened where its length along `axis` is above 1 - epsilon (Nickel and Kiela 2017)."""
    with tf.name_scope(name, "poincare_normalize", [x]) as name:
        x = tf.convert_to_tensor(x, name="x")
        factor = (1.0 - epsilon) * tf.rsqrt(tf.reduce_sum(tf.square(x), axis, keepdims=True))
        return tf.multiply(x, tf.minimum(factor, 1.0), name=name)
