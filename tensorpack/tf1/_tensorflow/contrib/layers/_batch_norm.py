"""Batch normalization whose averages move in UPDATE_OPS, in another collection, or at once."""
from __future__ import annotations

from typing import Any, Callable, Dict, NamedTuple, Optional

from .....compat import tfv1 as tf
from .....models._normalization.batch_statistics import normalize_fused, normalize_with
from .....models._normalization.moving_statistics import move_average
from ...layers.normalization import BatchNormalization
from ..framework._arg_scope import add_arg_scope
from ..framework._variables import model_variable
from ._averages import move_average_from_zero
from ._utils import (
    add_variable_to_collections,
    collect_named_outputs,
    constant_value,
    get_variable_collections,
    layer_data_format,
    smart_cond,
)
from ._variables import affine_parameters, model_variable_getter

__all__ = ["batch_norm"]


@add_arg_scope
def batch_norm(inputs: Any, decay: Any = 0.999, center: bool = True, scale: bool = False, epsilon: float = 0.001,
               activation_fn: Optional[Callable[..., Any]] = None, param_initializers: Optional[Dict[str, Any]] = None,
               param_regularizers: Optional[Dict[str, Any]] = None,
               updates_collections: Any = tf.GraphKeys.UPDATE_OPS, is_training: Any = True, reuse: Any = None,
               variables_collections: Any = None, outputs_collections: Any = None, trainable: bool = True,
               batch_weights: Any = None, fused: Optional[bool] = None, data_format: str = "NHWC",
               zero_debias_moving_mean: bool = False, scope: Any = None, renorm: bool = False,
               renorm_clipping: Optional[Dict[str, Any]] = None, renorm_decay: float = 0.99,
               adjustment: Optional[Callable[[Any], Any]] = None) -> Any:
    """Batch normalization (Ioffe and Szegedy 2015) over all axes but the channels; a normalizer for other layers.

    Variables: `beta` if `center`, `gamma` if `scale`, `moving_mean` and `moving_variance`; in MODEL_VARIABLES. Scope:
    `BatchNorm`.

    Args:
        decay: of the averages: average * decay + statistic * (1 - decay).
        param_initializers: 'beta', 'gamma', 'moving_mean', 'moving_variance' -> initializer.
        param_regularizers: 'beta', 'gamma' -> regularizer.
        updates_collections: where the operations go that move the averages; None moves them whenever the output is computed.
        is_training: normalise by the batch's statistics and move the averages; may be a boolean tensor.
        batch_weights: [N] weights of the samples in the statistics.
        fused: False for the slower operations in any case.
        data_format: 'NHWC' (channels last, any rank) or 'NCHW' (channels on axis 1).
        zero_debias_moving_mean: correct the moving mean for its start at 0; variables `biased` and `local_step` below its name.
        renorm, renorm_clipping, renorm_decay, adjustment: see `tf.layers.BatchNormalization`.

    Raises:
        ValueError: the rank or the number of channels is unknown, or options do not go together.
    """
    df = layer_data_format(data_format, "NCHW", "NHWC")
    inputs = tf.convert_to_tensor(inputs)
    rank = inputs.shape.ndims
    if rank is None:
        raise ValueError("batch_norm: the rank of the input must be known; got {}".format(inputs))
    by_layer = batch_weights is None and updates_collections == tf.GraphKeys.UPDATE_OPS and not zero_debias_moving_mean
    plain = batch_weights is None and not renorm and adjustment is None
    options = _Options(decay, center, scale, epsilon, param_initializers or {}, param_regularizers or {}, updates_collections,
                       is_training, variables_collections, trainable, df, zero_debias_moving_mean)
    in_4d = fused is not False and plain and rank in (2, 4) and (rank == 2 or not by_layer)
    # the layer and the slower operations make their variables as the custom getters around say, in the collections of a model
    getter = None if in_4d else model_variable_getter()
    with tf.variable_scope(scope, "BatchNorm", [inputs], reuse=reuse, custom_getter=getter) as sc:
        if in_4d:
            outputs = _normalize_in_4d(inputs, options)
        elif by_layer:
            outputs = _normalize_by_layer(inputs, options, sc, reuse, fused, renorm, renorm_clipping, renorm_decay, adjustment)
        elif renorm:
            raise ValueError("batch_norm: renorm goes without batch_weights, updates_collections and zero_debias_moving_mean")
        else:
            outputs = _normalize_by_moments(inputs, batch_weights, options)
        if activation_fn is not None:
            outputs = activation_fn(outputs)
        return collect_named_outputs(outputs_collections, sc.name, outputs)


class _Options(NamedTuple):
    decay: Any
    center: bool
    scale: bool
    epsilon: float
    initializers: Dict[str, Any]
    regularizers: Dict[str, Any]
    updates_collections: Any
    is_training: Any
    variables_collections: Any
    trainable: bool
    data_format: str
    zero_debias: bool

    def initializer(self, name: str) -> Any:
        one = name in ("gamma", "moving_variance")
        return self.initializers.get(name, tf.ones_initializer() if one else tf.zeros_initializer())

    @property
    def may_train(self) -> bool:
        value = constant_value(self.is_training)
        return value is None or bool(value)


def _normalize_by_layer(inputs: Any, options: Any, scope: Any, reuse: Any, fused: Any, renorm: Any, renorm_clipping: Any,
                        renorm_decay: Any, adjustment: Any) -> Any:
    layer = BatchNormalization(
        1 if options.data_format == "channels_first" else -1, options.decay, options.epsilon, options.center, options.scale,
        options.initializer("beta"), options.initializer("gamma"), options.initializer("moving_mean"),
        options.initializer("moving_variance"), options.regularizers.get("beta"), options.regularizers.get("gamma"),
        renorm=renorm, renorm_clipping=renorm_clipping, renorm_momentum=renorm_decay, fused=fused, trainable=options.trainable,
        adjustment=adjustment, name=scope.name, _scope=scope, _reuse=reuse)
    outputs = layer.apply(inputs, training=options.is_training)
    for name in ("moving_mean", "moving_variance", "beta", "gamma"):
        variable = getattr(layer, name)
        if variable is not None:
            add_variable_to_collections(variable, options.variables_collections, name)
    return outputs


def _channels(inputs: Any, data_format: Any) -> Any:
    size = inputs.shape.as_list()[1 if data_format == "channels_first" else -1]
    if size is None:
        raise ValueError("batch_norm: the number of channels must be known when the graph is built; got shape {}; "
                         "use set_shape on the input".format(inputs.shape))
    return size


def _parameters(options: Any, channels: Any, dtype: Any, regularizers: Any) -> Any:
    beta, gamma = affine_parameters([channels], dtype, options.center, options.scale, options.trainable,
                                    options.variables_collections, options.initializers, regularizers)
    with tf.variable_scope(tf.get_variable_scope()) as scope:
        scope.set_partitioner(None)  # averages are moved as a whole
        averages = [model_variable(name, [channels], dtype, options.initializer(name), trainable=False,
                                   collections=get_variable_collections(options.variables_collections, name))
                    for name in ("moving_mean", "moving_variance")]
    return beta, gamma, averages


def _normalize_in_4d(inputs: Any, options: Any) -> Any:
    """By the fused kernel, a matrix as images of one pixel; the variables are float32."""
    channels, first = _channels(inputs, options.data_format), options.data_format == "channels_first"
    beta, gamma, averages = _parameters(options, channels, tf.float32, options.regularizers)
    images = inputs
    if inputs.shape.ndims == 2:
        images = tf.reshape(inputs, [-1, channels, 1, 1] if first else [-1, 1, 1, channels])
    beta = tf.zeros([channels]) if beta is None else tf.convert_to_tensor(beta)
    gamma = tf.ones([channels]) if gamma is None else tf.convert_to_tensor(gamma)
    axis = 1 if first else 3
    outputs, mean, variance = smart_cond(
        options.is_training, lambda: normalize_fused(images, gamma, beta, options.epsilon, axis),
        lambda: (normalize_with(images, averages[0], averages[1], gamma, beta, options.epsilon, axis),
                 tf.convert_to_tensor(averages[0]), tf.convert_to_tensor(averages[1])))
    if options.may_train:
        if options.updates_collections is None:
            outputs = smart_cond(options.is_training,
                                 lambda: _after(_move(options, averages, mean, variance), outputs), lambda: outputs)
        else:
            _collect_updates(options, averages, mean, variance)
    outputs.set_shape(images.shape)
    return outputs if images is inputs else tf.reshape(outputs, tf.shape(inputs))


def _normalize_by_moments(inputs: Any, batch_weights: Any, options: Any) -> Any:
    channels, first = _channels(inputs, options.data_format), options.data_format == "channels_first"
    # as TensorFlow's: without regularizers
    beta, gamma, averages = _parameters(options, channels, inputs.dtype.base_dtype, {})
    mean, variance = averages
    if options.may_train:
        mean, variance = _moments(inputs, batch_weights, first)
        if options.updates_collections is None:
            mean, variance = smart_cond(options.is_training, lambda: _after_both(_move(options, averages, mean, variance),
                                                                                 mean, variance), lambda: tuple(averages))
        else:
            _collect_updates(options, averages, mean, variance)
            mean, variance = smart_cond(options.is_training, lambda: (mean, variance), lambda: tuple(averages))
    if first:
        spread = [1, channels] + [1] * (inputs.shape.ndims - 2)
        mean, variance, beta, gamma = [each if each is None else tf.reshape(each, spread)
                                       for each in (mean, variance, beta, gamma)]
    outputs = tf.nn.batch_normalization(inputs, mean, variance, beta, gamma, options.epsilon)
    outputs.set_shape(inputs.shape)
    return outputs


def _moments(inputs: Any, batch_weights: Any, channels_first: Any) -> Any:
    rank = inputs.shape.ndims
    axes = [axis for axis in range(rank) if axis != (1 if channels_first else rank - 1)]
    if batch_weights is None:
        return tf.nn.moments(inputs, axes)
    weights = tf.convert_to_tensor(batch_weights)
    inputs.shape[0:1].assert_is_compatible_with(weights.shape)
    return tf.nn.weighted_moments(inputs, axes, tf.reshape(weights, [-1] + [1] * (rank - 1)))


def _move(options: Any, averages: Any, mean: Any, variance: Any) -> Any:
    move_mean = move_average_from_zero if options.zero_debias else move_average
    return move_mean(averages[0], mean, options.decay), move_average(averages[1], variance, options.decay)


def _after_both(updates: Any, mean: Any, variance: Any) -> Any:
    return _after(updates, mean), _after(updates, variance)


def _after(updates: Any, tensor: Any) -> Any:
    with tf.control_dependencies(list(updates)):
        return tf.identity(tensor)


def _collect_updates(options: Any, averages: Any, mean: Any, variance: Any) -> None:
    updates = smart_cond(options.is_training, lambda: _move(options, averages, mean, variance),
                         lambda: tuple(tf.convert_to_tensor(each) for each in averages))
    for update in updates:
        tf.add_to_collections(options.updates_collections, update)
