"""Dense layers, dropout and flattening."""
from __future__ import annotations

from typing import Any, Optional, Sequence

import numpy as np

from ....compat import tfv1 as tf
from ._core import spellings
from ._core.branches import smart_cond
from ._core.functional import function_of
from ._core.shapes import last_channels, layer_data_format
from ._core.spellings import ZEROS
from .base import InputSpec, Layer

__all__ = ["Dense", "Dropout", "Flatten", "FullyConnected", "dense", "dropout", "flatten", "fully_connected"]


class Dense(Layer):
    """activation(inputs * kernel + bias) over the last axis: [..., C] -> [..., units].

    Variables: `kernel` [C, units], `bias` [units] if `use_bias`.

    Args:
        activation, kernel_initializer, bias_initializer, the regularizers and constraints: functions, Keras' names for them, or
            None; the kernel is at first Glorot's uniform.

    Raises:
        ValueError: the input has rank below 2, or an unknown last axis.
        TypeError: the input is of whole numbers.
    """

    def __init__(self, units: int, activation: Any = None, use_bias: bool = True, kernel_initializer: Any = None,
                 bias_initializer: Any = ZEROS, kernel_regularizer: Any = None, bias_regularizer: Any = None,
                 activity_regularizer: Any = None, kernel_constraint: Any = None, bias_constraint: Any = None,
                 trainable: bool = True, name: Optional[str] = None, **kwargs: Any) -> None:
        super().__init__(trainable=trainable, name=name, activity_regularizer=activity_regularizer, **kwargs)
        self.units = int(units)
        self.activation = spellings.activation(activation)
        self.use_bias = use_bias
        self.kernel_initializer, self.bias_initializer = kernel_initializer, bias_initializer
        self.kernel_regularizer, self.bias_regularizer = kernel_regularizer, bias_regularizer
        self.kernel_constraint, self.bias_constraint = kernel_constraint, bias_constraint
        self.input_spec = InputSpec(min_ndim=2)

    def build(self, input_shape: Any) -> None:
        dtype = tf.as_dtype(self._dtype or tf.float32)
        if not (dtype.is_floating or dtype.is_complex):
            raise TypeError("layer {}: Dense takes floating point numbers; got {}".format(self.name, dtype.name))
        channels = last_channels(self, input_shape)
        self.input_spec = InputSpec(min_ndim=2, axes={-1: channels})
        self.kernel = self.add_weight("kernel", [channels, self.units], initializer=self.kernel_initializer,
                                      regularizer=self.kernel_regularizer, constraint=self.kernel_constraint)
        self.bias = None
        if self.use_bias:
            self.bias = self.add_weight("bias", [self.units], initializer=self.bias_initializer,
                                        regularizer=self.bias_regularizer, constraint=self.bias_constraint)
        self.built = True

    def call(self, inputs: Any) -> Any:
        outputs = self._product(inputs)
        if self.use_bias:
            outputs = tf.nn.bias_add(outputs, self.bias)
        return self.activation(outputs)

    def _product(self, inputs: Any) -> Any:
        if isinstance(inputs, tf.SparseTensor):
            return tf.sparse.sparse_dense_matmul(inputs, self.kernel)
        if inputs.shape.ndims == 2:
            return tf.matmul(tf.cast(inputs, self._dtype), self.kernel)
        outputs = tf.tensordot(inputs, self.kernel, [[inputs.shape.ndims - 1], [0]])
        outputs.set_shape(self.compute_output_shape(inputs.shape))
        return outputs

    def compute_output_shape(self, input_shape: Any) -> Any:
        return tf.TensorShape(input_shape)[:-1].concatenate(self.units)


class Dropout(Layer):
    """While training, elements are 0 with probability `rate`, and the others divided by 1 - rate; no change otherwise.

    Args:
        noise_shape: shape that broadcasts to the input; elements that share a place in it are kept or dropped together. None
            in it takes the size of the input.
    """

    def __init__(self, rate: Any = 0.5, noise_shape: Optional[Sequence[Any]] = None, seed: Optional[int] = None,
                 name: Optional[str] = None, **kwargs: Any) -> None:
        super().__init__(name=name, **kwargs)
        self.rate, self.noise_shape, self.seed = rate, noise_shape, seed

    def call(self, inputs: Any, training: Any = False) -> Any:
        return smart_cond(training, lambda: tf.nn.dropout(inputs, noise_shape=self._noise_shape(inputs), seed=self.seed,
                                                          rate=self.rate), lambda: tf.identity(inputs))

    def _noise_shape(self, inputs: Any) -> Any:
        if self.noise_shape is None:
            return None
        sizes = tf.shape(inputs)
        return tf.stack([sizes[axis] if size is None else size for axis, size in enumerate(self.noise_shape)])

    def compute_output_shape(self, input_shape: Any) -> Any:
        return input_shape


class Flatten(Layer):
    """[N, ...] -> [N, the product of the other sizes]; channels-first input is made channels-last before."""

    def __init__(self, data_format: Optional[str] = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.data_format = layer_data_format(data_format)
        self.input_spec = InputSpec(min_ndim=1)

    def call(self, inputs: Any) -> Any:
        rank = inputs.shape.ndims
        if self.data_format == "channels_first" and rank is not None and rank > 1:
            inputs = tf.transpose(inputs, [0] + list(range(2, rank)) + [1])
        batch = inputs.shape.as_list()[0]
        outputs = tf.reshape(inputs, [tf.shape(inputs)[0] if batch is None else batch, -1])
        outputs.set_shape(self.compute_output_shape(inputs.shape))
        return outputs

    def compute_output_shape(self, input_shape: Any) -> Any:
        sizes = tf.TensorShape(input_shape).as_list()
        return tf.TensorShape([sizes[0], None if None in sizes[1:] else int(np.prod(sizes[1:]))])


dense = function_of(Dense, "dense")


def dropout(inputs: Any, rate: Any = 0.5, noise_shape: Optional[Sequence[Any]] = None, seed: Optional[int] = None,
            training: Any = False, name: Optional[str] = None) -> Any:
    """One `Dropout`, called with `inputs`; `training` may be a boolean tensor."""
    return Dropout(rate, noise_shape=noise_shape, seed=seed, name=name).apply(inputs, training=training)


def flatten(inputs: Any, name: Optional[str] = None, data_format: str = "channels_last") -> Any:
    """One `Flatten`, called with `inputs`."""
    return Flatten(name=name, data_format=data_format).apply(inputs)


FullyConnected = Dense
fully_connected = dense
