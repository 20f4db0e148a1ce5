"""Convolutions, plain and transposed, with a normalizer and an activation."""
from __future__ import annotations

import functools
import inspect
from typing import Any, Callable, Optional

from .....compat import tfv1 as tf
from ...layers._core.spellings import ZEROS
from ...layers.convolutional import Conv1D, Conv2D, Conv2DTranspose, Conv3D, Conv3DTranspose
from ..framework._arg_scope import add_arg_scope
from ._initializers import XAVIER
from ._utils import add_variable_to_collections, collect_named_outputs, layer_data_format
from ._variables import model_variable_getter

__all__ = ["convolution", "convolution1d", "convolution2d", "convolution2d_transpose", "convolution3d",
           "convolution3d_transpose", "finish"]

_RENAMED = {"bias": "biases", "kernel": "weights"}
_OF_RANK = {3: Conv1D, 4: Conv2D, 5: Conv3D}


@add_arg_scope
def convolution(inputs: Any, num_outputs: int, kernel_size: Any, stride: Any = 1, padding: str = "SAME",
                data_format: Optional[str] = None, rate: Any = 1, activation_fn: Optional[Callable[..., Any]] = tf.nn.relu,
                normalizer_fn: Optional[Callable[..., Any]] = None, normalizer_params: Any = None,
                weights_initializer: Any = XAVIER, weights_regularizer: Any = None,
                biases_initializer: Any = ZEROS, biases_regularizer: Any = None, reuse: Any = None,
                variables_collections: Any = None, outputs_collections: Any = None, trainable: bool = True, scope: Any = None,
                conv_dims: Optional[int] = None) -> Any:
    """Convolution over one, two or three axes of space, by the rank of the input: activation(normalizer(conv)) of it.

    Variables, in the input's dtype: `weights` [kernel..., channels in, num_outputs] and, without a normalizer and unless
    `biases_initializer` is None, `biases` [num_outputs]; in MODEL_VARIABLES. Scope: `Conv`.

    Args:
        kernel_size, stride, rate: a whole number or one for each axis of space; not both stride and rate above 1.
        data_format: None, 'NWC', 'NHWC' or 'NDHWC' for channels last; 'NCW', 'NCHW' or 'NCDHW' for channels first.
        normalizer_fn: as `batch_norm`; called with the convolution and `normalizer_params`.
        variables_collections: collections for the variables, or a dictionary from 'weights' and 'biases' to them.
        outputs_collections: collection for the output, whose alias is the scope's name.
        conv_dims: number of axes of space that the input must have.

    Raises:
        ValueError: the input has another rank, or data_format is none.
    """
    df = layer_data_format(data_format, None, "NWC", "NCW", "NHWC", "NCHW", "NDHWC", "NCDHW")
    with tf.variable_scope(scope, "Conv", [inputs], reuse=reuse, custom_getter=model_variable_getter(_RENAMED)) as sc:
        inputs = tf.convert_to_tensor(inputs)
        rank = inputs.shape.ndims
        if rank not in _OF_RANK or (conv_dims is not None and conv_dims + 2 != rank):
            raise ValueError("convolution: the input must have rank {}; got shape {}".format(
                "3, 4 or 5" if conv_dims is None else conv_dims + 2, inputs.shape))
        layer = _OF_RANK[rank](
            num_outputs, kernel_size, stride, padding, df, rate, use_bias=_has_bias(normalizer_fn, biases_initializer),
            kernel_initializer=weights_initializer, bias_initializer=biases_initializer, kernel_regularizer=weights_regularizer,
            bias_regularizer=biases_regularizer, trainable=trainable, name=sc.name, dtype=inputs.dtype.base_dtype, _scope=sc,
            _reuse=reuse)
        outputs = _apply(layer, inputs, variables_collections)
        return finish(outputs, sc.name, normalizer_fn, normalizer_params, activation_fn, outputs_collections)


def _has_bias(normalizer_fn: Any, biases_initializer: Any) -> Any:
    return normalizer_fn is None and biases_initializer is not None


def _apply(layer: Any, inputs: Any, variables_collections: Any) -> Any:
    outputs = layer.apply(inputs)
    add_variable_to_collections(layer.kernel, variables_collections, "weights")
    if layer.bias is not None:
        add_variable_to_collections(layer.bias, variables_collections, "biases")
    return outputs


def finish(outputs: Any, scope: str, normalizer_fn: Optional[Callable[..., Any]], normalizer_params: Any,
           activation_fn: Optional[Callable[..., Any]], outputs_collections: Any) -> Any:
    """Normalise, activate and collect the outputs of a layer."""
    if normalizer_fn is not None:
        outputs = normalizer_fn(outputs, **(normalizer_params or {}))
    if activation_fn is not None:
        outputs = activation_fn(outputs)
    return collect_named_outputs(outputs_collections, scope, outputs)


def _of_dims(conv_dims: int, name: str) -> Callable[..., Any]:
    of_dims = functools.partial(convolution, conv_dims=conv_dims)

    def function(*args: Any, **kwargs: Any) -> Any:
        return of_dims(*args, **kwargs)

    functools.update_wrapper(function, inspect.unwrap(convolution))
    del vars(function)["__wrapped__"]
    described: Any = function
    plain = inspect.signature(convolution)
    described.__signature__ = plain.replace(parameters=[each for each in plain.parameters.values() if each.name != "conv_dims"])
    function.__name__ = function.__qualname__ = name
    return add_arg_scope(function)


convolution1d = _of_dims(1, "convolution1d")
convolution2d = _of_dims(2, "convolution2d")
convolution3d = _of_dims(3, "convolution3d")


@add_arg_scope
def convolution2d_transpose(
        inputs: Any, num_outputs: int, kernel_size: Any, stride: Any = 1, padding: str = "SAME", data_format: str = "NHWC",
        activation_fn: Optional[Callable[..., Any]] = tf.nn.relu, normalizer_fn: Optional[Callable[..., Any]] = None,
        normalizer_params: Any = None, weights_initializer: Any = XAVIER, weights_regularizer: Any = None,
        biases_initializer: Any = ZEROS, biases_regularizer: Any = None, reuse: Any = None,
        variables_collections: Any = None, outputs_collections: Any = None, trainable: bool = True, scope: Any = None) -> Any:
    """Transposed convolution over two axes of space; arguments and collections as of `convolution`. Scope: `Conv2d_transpose`.

    Variables: `weights` [height, width, num_outputs, channels in], and `biases` as there.
    """
    df = layer_data_format(data_format, "NCHW", "NHWC")
    return _transposed(Conv2DTranspose, "Conv2d_transpose", df, inputs, num_outputs, kernel_size, stride, padding,
                       activation_fn, normalizer_fn, normalizer_params, weights_initializer, weights_regularizer,
                       biases_initializer, biases_regularizer, reuse, variables_collections, outputs_collections, trainable,
                       scope)


@add_arg_scope
def convolution3d_transpose(
        inputs: Any, num_outputs: int, kernel_size: Any, stride: Any = 1, padding: str = "SAME", data_format: str = "NDHWC",
        activation_fn: Optional[Callable[..., Any]] = tf.nn.relu, normalizer_fn: Optional[Callable[..., Any]] = None,
        normalizer_params: Any = None, weights_initializer: Any = XAVIER, weights_regularizer: Any = None,
        biases_initializer: Any = ZEROS, biases_regularizer: Any = None, reuse: Any = None,
        variables_collections: Any = None, outputs_collections: Any = None, trainable: bool = True, scope: Any = None) -> Any:
    """Transposed convolution over three axes of space; arguments and collections as of `convolution`. Scope:
    `Conv3d_transpose`.

    Variables: `weights` [depth, height, width, num_outputs, channels in], and `biases` as there.
    """
    df = layer_data_format(data_format, "NCDHW", "NDHWC")
    return _transposed(Conv3DTranspose, "Conv3d_transpose", df, inputs, num_outputs, kernel_size, stride, padding,
                       activation_fn, normalizer_fn, normalizer_params, weights_initializer, weights_regularizer,
                       biases_initializer, biases_regularizer, reuse, variables_collections, outputs_collections, trainable,
                       scope)


def _transposed(layer_class: Any, default_scope: Any, df: Any, inputs: Any, num_outputs: Any, kernel_size: Any, stride: Any,
                padding: Any, activation_fn: Any, normalizer_fn: Any, normalizer_params: Any, weights_initializer: Any,
                weights_regularizer: Any, biases_initializer: Any, biases_regularizer: Any, reuse: Any,
                variables_collections: Any, outputs_collections: Any, trainable: Any, scope: Any) -> Any:
    with tf.variable_scope(scope, default_scope, [inputs], reuse=reuse, custom_getter=model_variable_getter(_RENAMED)) as sc:
        inputs = tf.convert_to_tensor(inputs)
        layer = layer_class(
            num_outputs, kernel_size, stride, padding, df, use_bias=_has_bias(normalizer_fn, biases_initializer),
            kernel_initializer=weights_initializer, bias_initializer=biases_initializer, kernel_regularizer=weights_regularizer,
            bias_regularizer=biases_regularizer, trainable=trainable, name=sc.name, dtype=inputs.dtype.base_dtype, _scope=sc,
            _reuse=reuse)
        outputs = _apply(layer, inputs, variables_collections)
        return finish(outputs, sc.name, normalizer_fn, normalizer_params, activation_fn, outputs_collections)
