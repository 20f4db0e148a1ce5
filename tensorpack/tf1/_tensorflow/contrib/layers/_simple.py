"""Layers of few operations: biases, dropout, flattening, softmax, one-hot labels, maxout."""
from __future__ import annotations

from typing import Any, Callable, Optional, Sequence

from .....compat import tfv1 as tf
from ...layers import core
from ...layers._core.spellings import ZEROS
from ..framework._arg_scope import add_arg_scope
from ..framework._variables import model_variable
from ._utils import collect_named_outputs, get_variable_collections, last_dimension, layer_data_format

__all__ = ["bias_add", "dense_to_sparse", "dropout", "flatten", "maxout", "one_hot_encoding", "softmax"]


@add_arg_scope
def bias_add(inputs: Any, activation_fn: Optional[Callable[..., Any]] = None, initializer: Any = ZEROS,
             regularizer: Any = None, reuse: Any = None, variables_collections: Any = None, outputs_collections: Any = None,
             trainable: bool = True, data_format: str = "NHWC", scope: Any = None) -> Any:
    """activation(inputs + biases) of each channel; a normalizer for other layers.

    Variable: `biases` [C], in the input's dtype and MODEL_VARIABLES. Scope: `BiasAdd`.
    """
    first = layer_data_format(data_format, "NCHW", "NHWC") == "channels_first"
    with tf.variable_scope(scope, "BiasAdd", [inputs], reuse=reuse) as sc:
        inputs = tf.convert_to_tensor(inputs)
        rank = inputs.shape.ndims
        size = None if rank is None else inputs.shape.as_list()[1 if first else -1]
        if size is None or (first and rank != 4):
            raise ValueError("bias_add: rank and number of channels must be known, and the rank 4 with 'NCHW'; got "
                             "shape {}".format(inputs.shape))
        biases = model_variable("biases", [size], inputs.dtype.base_dtype, initializer, regularizer, trainable,
                                get_variable_collections(variables_collections, "biases"))
        outputs = tf.nn.bias_add(inputs, biases, data_format=data_format)
        outputs = outputs if activation_fn is None else activation_fn(outputs)
        return collect_named_outputs(outputs_collections, sc.name, outputs)


@add_arg_scope
def dropout(inputs: Any, keep_prob: Any = 0.5, noise_shape: Optional[Sequence[Any]] = None, is_training: Any = True,
            outputs_collections: Any = None, scope: Any = None, seed: Optional[int] = None) -> Any:
    """While training, elements are 0 unless kept, with probability `keep_prob`, and those kept are divided by it."""
    with tf.variable_scope(scope, "Dropout", [inputs]) as sc:
        inputs = tf.convert_to_tensor(inputs)
        layer = core.Dropout(1 - keep_prob, noise_shape, seed, name=sc.name, _scope=sc)
        return collect_named_outputs(outputs_collections, sc.name, layer.apply(inputs, training=is_training))


@add_arg_scope
def flatten(inputs: Any, outputs_collections: Any = None, scope: Optional[str] = None) -> Any:
    """[N, ...] -> [N, the product of the other sizes]."""
    with tf.name_scope(scope, "Flatten", [inputs]) as sc:
        return collect_named_outputs(outputs_collections, sc, core.flatten(tf.convert_to_tensor(inputs)))


@add_arg_scope
def softmax(logits: Any, scope: Any = None) -> Any:
    """Softmax over the last axis of a tensor of rank 2 or more."""
    with tf.variable_scope(scope, "softmax", [logits]):
        size = last_dimension(logits.shape, min_rank=2)
        probabilities = tf.nn.softmax(tf.reshape(logits, [-1, size]))
        probabilities = tf.reshape(probabilities, tf.shape(logits))
        probabilities.set_shape(logits.shape)
        return probabilities


@add_arg_scope
def one_hot_encoding(labels: Any, num_classes: Any, on_value: Any = 1.0, off_value: Any = 0.0, outputs_collections: Any = None,
                     scope: Optional[str] = None) -> Any:
    """Whole numbers [...] -> [..., num_classes]: `on_value` at the label, else `off_value`."""
    with tf.name_scope(scope, "OneHotEncoding", [labels, num_classes]) as sc:
        labels = tf.convert_to_tensor(labels)
        labels = tf.cast(labels, tf.int64) if labels.dtype == tf.int32 else labels
        outputs = tf.one_hot(labels, num_classes, on_value=on_value, off_value=off_value)
        return collect_named_outputs(outputs_collections, sc, outputs)


@add_arg_scope
def dense_to_sparse(tensor: Any, eos_token: Any = 0, outputs_collections: Any = None, scope: Any = None) -> Any:
    """The SparseTensor of those elements that are not `eos_token`."""
    with tf.variable_scope(scope, "dense_to_sparse", [tensor]) as sc:
        tensor = tf.convert_to_tensor(tensor)
        indices = tf.where(tf.not_equal(tensor, tf.constant(eos_token, tensor.dtype)))
        outputs = tf.SparseTensor(indices, tf.gather_nd(tensor, indices), tf.shape(tensor, out_type=tf.int64))
        return collect_named_outputs(outputs_collections, sc.name, outputs)


@add_arg_scope
def maxout(inputs: Any, num_units: int, axis: int = -1, scope: Any = None) -> Any:
    """The largest element of each of `num_units` groups of neighbours along `axis` (Goodfellow et al. 2013).

    Raises:
        ValueError: the size of the axis is no multiple of `num_units`.
    """
    with tf.variable_scope(scope, "MaxOut", [inputs]):
        inputs = tf.convert_to_tensor(inputs)
        sizes = inputs.shape.as_list()
        channels = sizes[axis]
        if channels is None or channels % num_units:
            raise ValueError("maxout: the size of axis {} must be a multiple of num_units={}; got shape {}".format(
                axis, num_units, inputs.shape))
        sizes[axis] = num_units
        dynamic = tf.shape(inputs)
        groups = [dynamic[i] if size is None else size for i, size in enumerate(sizes)] + [channels // num_units]
        return tf.reduce_max(tf.reshape(inputs, groups), -1)
