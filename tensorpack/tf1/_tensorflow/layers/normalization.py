"""Batch normalization (Ioffe and Szegedy 2015, https://arxiv.org/abs/1502.03167)."""
from __future__ import annotations

import contextlib
from typing import Any, Callable, Dict, Iterator, List, Optional, Union

from ....compat import tfv1 as tf
from ....models._normalization.batch_statistics import FUSED_TYPES, normalize_fused, normalize_with
from ....models._normalization.moving_statistics import move_average
from ._core.branches import constant_value, smart_cond
from ._core.renorm import check_clipping, correct
from ._core.shapes import channels
from ._core.spellings import ONES, ZEROS
from .base import InputSpec, Layer

__all__ = ["BatchNorm", "BatchNormalization", "batch_norm", "batch_normalization"]


class BatchNormalization(Layer):
    """(inputs - mean) / sqrt(variance + epsilon) * gamma + beta, by statistics of the batch while training, else by averages.

    Variables: `gamma` if `scale`, `beta` if `center`, and not trainable `moving_mean` and `moving_variance`, all of the size of
    `axis`; float32 for float16 input. With `renorm` also `moving_stddev`, `renorm_mean` and `renorm_stddev`. While training
    each call adds the operations that move the averages to UPDATE_OPS, unless the layer is not trainable.

    Args:
        axis: the axis that keeps statistics of its own (the channels), or a list of them.
        momentum: of the averages: average * momentum + statistic * (1 - momentum).
        fused: False for the slower operations in any case; otherwise one kernel does it for 4-D input, where it can.
        renorm: correct the batch's statistics towards their averages (Ioffe 2017).
        renorm_clipping: limits of the correction: 'rmin', 'rmax', 'dmax', scalars or scalar tensors.
        virtual_batch_size: split the batch into as many samples and normalise each such batch by itself.
        adjustment: a function from the input's shape tensor to (scale, bias) of the normalised input, while training.

    Raises:
        ValueError: an axis is unknown, there twice or beyond the rank; options do not go together.
    """

    def __init__(self, axis: Union[int, List[int]] = -1, momentum: Any = 0.99, epsilon: float = 1e-3, center: bool = True,
                 scale: bool = True, beta_initializer: Any = ZEROS,
                 gamma_initializer: Any = ONES, moving_mean_initializer: Any = ZEROS,
                 moving_variance_initializer: Any = ONES, beta_regularizer: Any = None,
                 gamma_regularizer: Any = None, beta_constraint: Any = None, gamma_constraint: Any = None, renorm: bool = False,
                 renorm_clipping: Optional[Dict[str, Any]] = None, renorm_momentum: float = 0.99, fused: Optional[bool] = None,
                 trainable: bool = True, virtual_batch_size: Optional[int] = None,
                 adjustment: Optional[Callable[[Any], Any]] = None, name: Optional[str] = None, **kwargs: Any) -> None:
        super().__init__(trainable=trainable, name=name, **kwargs)
        if not isinstance(axis, (int, list, tuple)):
            raise TypeError("BatchNormalization: axis must be a whole number or a list of them; got {!r}".format(axis))
        self.axis: Any = axis if isinstance(axis, int) else list(axis)  # a list of axes once built
        self.momentum, self.epsilon, self.center, self.scale = momentum, epsilon, center, scale
        self.beta_initializer, self.gamma_initializer = beta_initializer, gamma_initializer
        self.moving_mean_initializer = moving_mean_initializer
        self.moving_variance_initializer = moving_variance_initializer
        self.beta_regularizer, self.gamma_regularizer = beta_regularizer, gamma_regularizer
        self.beta_constraint, self.gamma_constraint = beta_constraint, gamma_constraint
        self.renorm, self.renorm_momentum = renorm, renorm_momentum
        self.renorm_clipping = renorm_clipping or {}
        check_clipping(self.renorm_clipping)
        self.fused = True if fused is None else fused
        self.virtual_batch_size, self.adjustment = virtual_batch_size, adjustment

    # ---- variables

    def build(self, input_shape: Any) -> None:
        shape = tf.TensorShape(input_shape)
        if not shape.ndims:
            raise ValueError("layer {}: the rank of the input must be known and not 0; got shape {}".format(self.name, shape))
        self.axis = self._axes(shape.ndims)
        self._check_virtual_batch()
        dims = {axis: channels(self, shape, axis) for axis in self.axis}
        self.input_spec = InputSpec(ndim=shape.ndims, axes=dims)
        self.fused = bool(self.fused) and self._can_fuse(shape.ndims)
        param_shape = [dims.get(axis, 1) for axis in range(shape.ndims)] if len(dims) > 1 or self.virtual_batch_size else \
            list(dims.values())
        if self.virtual_batch_size is not None:
            param_shape.insert(1, 1)
            self.axis = [axis + 1 for axis in self.axis]  # of the input with an axis of virtual batches
        self.gamma = self._parameter("gamma", param_shape) if self.scale else None
        self.beta = self._parameter("beta", param_shape) if self.center else None
        with self._not_partitioned():
            self._make_averages(param_shape)
        self.built = True

    def _axes(self, rank: Any) -> Any:
        given = [self.axis] if isinstance(self.axis, int) else self.axis
        axes = [axis + rank if axis < 0 else axis for axis in given]
        if len(set(axes)) != len(axes) or any(not 0 <= axis < rank for axis in axes):
            raise ValueError("layer {}: each axis must be there once and below the rank {}; got {}".format(
                self.name, rank, given))
        return axes

    def _check_virtual_batch(self) -> None:
        if self.virtual_batch_size is None:
            return
        if self.virtual_batch_size <= 0 or 0 in self.axis or self.adjustment is not None:
            raise ValueError("layer {}: virtual_batch_size must be positive, with axis not 0 and without adjustment; got "
                             "{}, {} and {}".format(self.name, self.virtual_batch_size, self.axis, self.adjustment))

    def _can_fuse(self, rank: Any) -> Any:
        plain = not self.renorm and self.virtual_batch_size is None and self.adjustment is None
        return plain and rank == 4 and self.axis in ([1], [3]) and tf.as_dtype(self._dtype) in FUSED_TYPES

    @property
    def _param_dtype(self) -> Any:
        dtype = tf.as_dtype(self._dtype or tf.float32)
        return tf.float32 if dtype in (tf.float16, tf.bfloat16) else dtype

    def _parameter(self, name: Any, shape: Any) -> Any:
        return self.add_weight(name, shape, self._param_dtype, getattr(self, name + "_initializer"),
                               getattr(self, name + "_regularizer"), constraint=getattr(self, name + "_constraint"))

    def _average(self, name: Any, shape: Any, initializer: Any) -> Any:
        return self.add_weight(name, shape, self._param_dtype, initializer, trainable=False,
                               synchronization=tf.VariableSynchronization.ON_READ, aggregation=tf.VariableAggregation.MEAN)

    def _make_averages(self, shape: Any) -> Any:
        self.moving_mean = self._average("moving_mean", shape, self.moving_mean_initializer)
        self.moving_variance = self._average("moving_variance", shape, self.moving_variance_initializer)
        if not self.renorm:
            return

        def stddev_initializer(*args: Any, **kwargs: Any) -> Any:
            return tf.sqrt(self.moving_variance_initializer(*args, **kwargs))

        self.moving_stddev = self._average("moving_stddev", shape, stddev_initializer)
        self.renorm_mean = self._average("renorm_mean", shape, self.moving_mean_initializer)
        self.renorm_stddev = self._average("renorm_stddev", shape, stddev_initializer)

    @contextlib.contextmanager
    def _not_partitioned(self) -> Iterator[None]:
        """Averages are moved as a whole."""
        partitioner = self._scope.partitioner
        self._scope.set_partitioner(None)
        try:
            yield
        finally:
            self._scope.set_partitioner(partitioner)

    # ---- normalising

    def call(self, inputs: Any, training: Any = False) -> Any:
        if self.fused:
            return self._call_fused(inputs, training)
        if self.virtual_batch_size is None:
            return self._call_plain(inputs, training)
        shape = [-1] + inputs.shape.as_list()[1:]
        virtual = tf.reshape(inputs, [self.virtual_batch_size, -1] + shape[1:])
        return tf.reshape(self._call_plain(virtual, training), shape)

    def _call_fused(self, inputs: Any, training: Any) -> Any:
        shape = self.moving_mean.shape
        gamma = tf.ones(shape, self._param_dtype) if self.gamma is None else tf.convert_to_tensor(self.gamma)
        beta = tf.zeros(shape, self._param_dtype) if self.beta is None else tf.convert_to_tensor(self.beta)
        averages = self.moving_mean, self.moving_variance
        axis = self.axis[0]
        outputs, mean, variance = smart_cond(
            training, lambda: normalize_fused(inputs, gamma, beta, self.epsilon, axis),
            lambda: (normalize_with(inputs, averages[0], averages[1], gamma, beta, self.epsilon, axis),
                     tf.convert_to_tensor(averages[0]), tf.convert_to_tensor(averages[1])))
        value = constant_value(training)
        if value is None or value:
            momentum = tf.convert_to_tensor(self.momentum, tf.float32) if value else smart_cond(
                training, lambda: tf.convert_to_tensor(self.momentum, tf.float32), lambda: tf.constant(1.0))
            self.add_update([lambda: move_average(averages[0], mean, momentum),
                             lambda: move_average(averages[1], variance, momentum)])
        return outputs

    def _call_plain(self, inputs: Any, training: Any) -> Any:
        scale, offset = self._spread(self.gamma, inputs), self._spread(self.beta, inputs)
        value = constant_value(training)
        if value is not None and not value:
            mean, variance = self.moving_mean, self.moving_variance
        else:
            scale, offset = self._adjusted(inputs, scale, offset, training)
            mean, variance = self._statistics(inputs, training)
            new_mean, new_variance = mean, variance
            if self.virtual_batch_size is not None:
                new_mean, new_variance = [tf.reduce_mean(each, 1, keepdims=True) for each in (mean, variance)]
            if self.renorm:
                r, d, new_mean, new_variance = correct(self, new_mean, new_variance, training)
                scale, offset = _compose(self._spread(r, inputs), self._spread(d, inputs), scale, offset)
            self._add_updates(new_mean, new_variance, training)
        mean, variance, offset, scale = [each if each is None else tf.cast(each, inputs.dtype)
                                         for each in (mean, variance, offset, scale)]
        outputs = tf.nn.batch_normalization(inputs, self._spread(mean, inputs), self._spread(variance, inputs), offset, scale,
                                            self.epsilon)
        outputs.set_shape(inputs.shape)
        return outputs

    def _statistics(self, inputs: Any, training: Any) -> Any:
        keep = self.virtual_batch_size is not None or len(self.axis) > 1
        mean, variance = tf.nn.moments(tf.cast(inputs, self._param_dtype), self._reduced_axes(inputs), keep_dims=keep)
        return smart_cond(training, lambda: (mean, variance), lambda: (tf.convert_to_tensor(self.moving_mean),
                                                                       tf.convert_to_tensor(self.moving_variance)))

    def _reduced_axes(self, inputs: Any) -> Any:
        axes = [axis for axis in range(inputs.shape.ndims) if axis not in self.axis]
        return axes if self.virtual_batch_size is None else axes[:1] + axes[2:]

    def _spread(self, vector: Any, inputs: Any) -> Any:
        """A parameter in the shape that broadcasts to the input."""
        rank = inputs.shape.ndims
        if vector is None:
            return None
        vector = tf.convert_to_tensor(vector)
        if vector.shape.ndims == rank or self._reduced_axes(inputs) == list(range(rank - 1)):
            return vector
        return tf.reshape(vector, [-1 if axis == self.axis[0] else 1 for axis in range(rank)])

    def _adjusted(self, inputs: Any, scale: Any, offset: Any, training: Any) -> Any:
        if not self.adjustment:
            return scale, offset
        factor, bias = self.adjustment(tf.shape(inputs))
        factor, bias = smart_cond(training, lambda: (factor, bias), lambda: (tf.ones_like(factor), tf.zeros_like(bias)))
        return _compose(factor, bias, scale, offset)

    def _add_updates(self, mean: Any, variance: Any, training: Any) -> Any:
        def move_variance() -> Any:
            if not self.renorm:
                return move_average(self.moving_variance, variance, self.momentum)
            stddev = move_average(self.moving_stddev, tf.sqrt(variance + self.epsilon), self.momentum)
            return tf.assign(self.moving_variance, tf.nn.relu(stddev * stddev - self.epsilon), name="AssignNewValue")

        def unless_inference(move: Callable[[], Any], variable: Any) -> Callable[[], Any]:
            return lambda: smart_cond(training, move, lambda: tf.convert_to_tensor(variable))

        self.add_update([
            unless_inference(lambda: move_average(self.moving_mean, mean, self.momentum), self.moving_mean),
            unless_inference(move_variance, self.moving_variance)])

    def compute_output_shape(self, input_shape: Any) -> Any:
        return input_shape


def _compose(scale: Any, offset: Any, then_scale: Any, then_offset: Any) -> Any:
    """x * scale + offset, and then the others where they are not None, as one scale and offset."""
    if then_scale is not None:
        scale, offset = scale * then_scale, offset * then_scale
    return scale, offset if then_offset is None else offset + then_offset


def batch_normalization(
        inputs: Any, axis: Union[int, List[int]] = -1, momentum: Any = 0.99, epsilon: float = 1e-3, center: bool = True,
        scale: bool = True, beta_initializer: Any = ZEROS, gamma_initializer: Any = ONES,
        moving_mean_initializer: Any = ZEROS, moving_variance_initializer: Any = ONES,
        beta_regularizer: Any = None, gamma_regularizer: Any = None, beta_constraint: Any = None, gamma_constraint: Any = None,
        training: Any = False, trainable: bool = True, name: Optional[str] = None, reuse: Any = None, renorm: bool = False,
        renorm_clipping: Optional[Dict[str, Any]] = None, renorm_momentum: float = 0.99, fused: Optional[bool] = None,
        virtual_batch_size: Optional[int] = None, adjustment: Optional[Callable[[Any], Any]] = None) -> Any:
    """One `BatchNormalization`, called with `inputs`; `training` may be a boolean tensor."""
    layer = BatchNormalization(
        axis, momentum, epsilon, center, scale, beta_initializer, gamma_initializer, moving_mean_initializer,
        moving_variance_initializer, beta_regularizer, gamma_regularizer, beta_constraint, gamma_constraint, renorm,
        renorm_clipping, renorm_momentum, fused, trainable, virtual_batch_size, adjustment, name, _scope=name, _reuse=reuse)
    return layer.apply(inputs, training=training)


BatchNorm = BatchNormalization
batch_norm = batch_normalization
