"""Generalized divisive normalization (Ballé et al. 2016, "Density modeling of images")."""
from __future__ import annotations

from typing import Any, Optional

from .....compat import tfv1 as tf
from .....models._layout import run_kernel
from ...layers._core.shapes import channel_axis, channels, layer_data_format
from ...layers.base import InputSpec, Layer

__all__ = ["GDN", "gdn"]


class GDN(Layer):
    """x / sqrt(beta + gamma * x ** 2), where gamma mixes the channels at each place; with `inverse` the product.

    Variables: `reparam_beta` [C] and `reparam_gamma` [C, C], the roots of beta and gamma with a small offset.

    Args:
        beta_min: beta is kept above it.
        gamma_init: gamma is at first this number times the identity.
        reparam_offset: keeps the roots away from 0, where they have no gradient.
    """

    def __init__(self, inverse: bool = False, beta_min: float = 1e-6, gamma_init: float = .1, reparam_offset: float = 2 ** -18,
                 data_format: str = "channels_last", activity_regularizer: Any = None, trainable: bool = True,
                 name: Optional[str] = None, **kwargs: Any):
        super().__init__(trainable=trainable, name=name, activity_regularizer=activity_regularizer, **kwargs)
        self.inverse = inverse
        self.data_format = layer_data_format(data_format)
        self._beta_min, self._gamma_init, self._offset = beta_min, gamma_init, reparam_offset
        self.input_spec = InputSpec(min_ndim=3, max_ndim=5)

    def build(self, input_shape: Any) -> None:
        axis, pedestal = channel_axis(self.data_format), self._offset ** 2
        size = channels(self, input_shape, axis)
        self.input_spec = InputSpec(ndim=tf.TensorShape(input_shape).ndims, axes={axis: size})

        def beta(shape: Any, dtype: Any = None, partition_info: Any = None) -> Any:
            return tf.sqrt(tf.ones(shape, dtype=dtype) + pedestal)

        def gamma(shape: Any, dtype: Any = None, partition_info: Any = None) -> Any:
            return tf.sqrt(self._gamma_init * tf.eye(shape[0], dtype=dtype) + pedestal)

        root = self.add_weight("reparam_beta", [size], initializer=beta)
        self.beta = tf.square(_lower_bound(root, (self._beta_min + pedestal) ** .5)) - pedestal
        root = self.add_weight("reparam_gamma", [size, size], initializer=gamma)
        self.gamma = tf.square(_lower_bound(root, self._offset)) - pedestal
        self.built = True

    def call(self, inputs: Any) -> Any:
        norm = tf.sqrt(run_kernel(self._pooled, tf.square(inputs), self.data_format))
        outputs = inputs * norm if self.inverse else inputs / norm
        outputs.set_shape(inputs.shape)
        return outputs

    def _pooled(self, x: Any, data_format: str) -> Any:
        axis = 1 if data_format == "NCHW" else x.shape.ndims - 1
        mixed = tf.tensordot(x, self.gamma, [[axis], [0]]) + self.beta  # the channels are last now
        if data_format == "NHWC":
            return mixed
        last = x.shape.ndims - 1
        return tf.transpose(mixed, [0, last] + list(range(1, last)))

    def compute_output_shape(self, input_shape: Any) -> Any:
        return tf.TensorShape(input_shape)


def _lower_bound(x: Any, bound: float) -> Any:
    """max(x, bound), with a gradient below the bound as well if it leads upwards."""

    def bounded(x: Any) -> Any:
        return tf.maximum(x, bound), lambda dy: tf.cast(tf.logical_or(x >= bound, dy < 0), dy.dtype) * dy

    return tf.custom_gradient(bounded)(tf.convert_to_tensor(x))


def gdn(inputs: Any, inverse: bool = False, beta_min: float = 1e-6, gamma_init: float = .1, reparam_offset: float = 2 ** -18,
        data_format: str = "channels_last", activity_regularizer: Any = None, trainable: bool = True,
        name: Optional[str] = None, reuse: Any = None) -> Any:
    """One `GDN`, called with `inputs`."""
    layer = GDN(inverse, beta_min, gamma_init, reparam_offset, data_format, activity_regularizer, trainable, name,
                dtype=inputs.dtype.base_dtype, _scope=name, _reuse=reuse)
    return layer.apply(inputs)
