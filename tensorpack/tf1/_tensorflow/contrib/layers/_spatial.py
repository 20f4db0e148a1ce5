"""Between images and sequences, and the mean places of features."""
from __future__ import annotations

from typing import Any, Optional

from .....compat import tfv1 as tf
from ..framework._arg_scope import add_arg_scope
from ..framework._variables import model_variable
from ._utils import collect_named_outputs, get_variable_collections, layer_data_format

__all__ = ["images_to_sequence", "scale_gradient", "sequence_to_images", "spatial_softmax"]


@add_arg_scope
def images_to_sequence(inputs: Any, data_format: str = "NHWC", outputs_collections: Any = None,
                       scope: Optional[str] = None) -> Any:
    """[N, H, W, C] -> [W, N * H, C]: each row of an image is a sequence; W and C must be known."""
    first = layer_data_format(data_format, "NCHW", "NHWC") == "channels_first"
    with tf.name_scope(scope, "ImagesToSequence", [inputs]) as sc:
        inputs = tf.convert_to_tensor(inputs)
        inputs = tf.transpose(inputs, [0, 2, 3, 1]) if first else inputs
        width, depth = inputs.shape.as_list()[2:]
        sizes = tf.shape(inputs)
        outputs = tf.reshape(tf.transpose(inputs, [2, 0, 1, 3]), [width, sizes[0] * sizes[1], depth])
        return collect_named_outputs(outputs_collections, sc, outputs)


@add_arg_scope
def sequence_to_images(inputs: Any, height: int, output_data_format: str = "channels_last", outputs_collections: Any = None,
                       scope: Optional[str] = None) -> Any:
    """[W, N * height, C] -> [N, height, W, C], or [N, C, height, W] with 'channels_first'; W and C must be known."""
    with tf.name_scope(scope, "SequenceToImages", [inputs]) as sc:
        inputs = tf.convert_to_tensor(inputs)
        width, rows, depth = inputs.shape.as_list()
        images = tf.reshape(inputs, [width, -1 if rows is None else rows // height, height, depth])
        outputs = tf.transpose(images, [1, 3, 2, 0] if output_data_format == "channels_first" else [1, 2, 0, 3])
        return collect_named_outputs(outputs_collections, sc, outputs)


@add_arg_scope
def spatial_softmax(features: Any, temperature: Optional[float] = None, name: Any = None, variables_collections: Any = None,
                    trainable: bool = True, data_format: str = "NHWC") -> Any:
    """[N, H, W, C] -> [N, 2 * C]: the mean place of each channel, rows then columns in [-1, 1], weighted by its softmax.

    Variable: `temperature`, a float32 scalar in MODEL_VARIABLES by which features are divided, at first `temperature` or 1.
    Scope: `spatial_softmax`.
    """
    first = layer_data_format(data_format, "NCHW", "NHWC") == "channels_first"
    with tf.variable_scope(name, "spatial_softmax"):
        channels = features.shape.as_list()[1 if first else 3]
        if channels is None:
            raise ValueError("spatial_softmax: the number of channels must be known when the graph is built; got shape "
                             "{}".format(features.shape))
        height, width = tf.unstack(tf.shape(features))[2:] if first else tf.unstack(tf.shape(features))[1:3]
        divisor = model_variable(
            "temperature", [], initializer=tf.constant_initializer(1.0 if temperature is None else temperature),
            trainable=trainable,
            collections=get_variable_collections(variables_collections, "temperature") if trainable else None)
        with tf.name_scope("spatial_softmax_op"):
            rows, columns = [tf.reshape(each, [height * width]) for each in tf.meshgrid(
                tf.lin_space(-1.0, 1.0, num=height), tf.lin_space(-1.0, 1.0, num=width), indexing="ij")]
            flat = tf.reshape(features if first else tf.transpose(features, [0, 3, 1, 2]), [-1, height * width])
            weights = tf.nn.softmax(flat / divisor)
            places = tf.concat([tf.reduce_sum(each * weights, [1], keepdims=True) for each in (rows, columns)], 1)
            outputs = tf.reshape(places, [-1, channels * 2])
            outputs.set_shape([None, channels * 2])
            return outputs


def scale_gradient(inputs: Any, gradient_multiplier: Any) -> Any:
    """The inputs, whose gradient is multiplied; the multiplier gets none."""

    def scaled(x: Any, factor: Any) -> Any:
        return tf.identity(x), lambda dy: (dy * factor, None)

    inputs = tf.convert_to_tensor(inputs)
    return tf.custom_gradient(scaled)(inputs, tf.convert_to_tensor(gradient_multiplier, inputs.dtype))
