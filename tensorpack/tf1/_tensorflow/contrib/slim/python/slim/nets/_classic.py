"""What VGG, AlexNet and OverFeat share: end points by a collection, and three fully connected layers as convolutions."""
from __future__ import annotations

from contextlib import contextmanager
from typing import Any, Callable, Dict, Iterator, Optional, Tuple

from ........compat import tfv1 as tf
from .....framework._arg_scope import arg_scope
from .....layers.python.layers import layers, utils

__all__ = ["Network", "build", "classifier", "truncated_normal"]

Network = Tuple[Any, Dict[str, Any]]  # logits, end points


def truncated_normal(stddev: float) -> Any:
    """The initialiser of this standard deviation and mean 0."""
    return tf.truncated_normal_initializer(0.0, stddev)


@contextmanager
def _collecting(scope: Optional[str], name: str, inputs: Any) -> Iterator[Tuple[Any, str]]:
    """A variable scope in which the outputs of convolutions and max-pooling are collected: (scope, name of the collection)."""
    with tf.variable_scope(scope, name, [inputs]) as variable_scope:
        collection = variable_scope.original_name_scope + "_end_points"
        with arg_scope([layers.conv2d, layers.fully_connected, layers.max_pool2d], outputs_collections=collection):
            yield variable_scope, collection


def build(inputs: Any, features: Callable[[Any], Any], logits: Callable[[Any], Any], spatial_squeeze: bool,
          scope: Optional[str], default_scope: str) -> Network:
    """(logits of features of the input, end points); logits without height and width if they are to be squeezed."""
    with _collecting(scope, default_scope, inputs) as (variable_scope, collection):
        net = logits(features(inputs))
        end_points = utils.convert_collection_to_dict(collection)
        if spatial_squeeze:
            net = tf.squeeze(net, [1, 2], name="fc8/squeezed")
            end_points[variable_scope.name + "/fc8"] = net
        return net, end_points


def classifier(net: Any, depth: int, kernel_size: int, num_classes: int, is_training: bool, dropout_keep_prob: float,
               **last: Any) -> Any:
    """Layers `fc6` (of this depth and kernel), `fc7` (4096) and `fc8`, with dropout between them.

    Args:
        last: further arguments of `fc8`.
    """
    net = layers.conv2d(net, depth, [kernel_size, kernel_size], padding="VALID", scope="fc6")
    net = layers.dropout(net, dropout_keep_prob, is_training=is_training, scope="dropout6")
    net = layers.conv2d(net, 4096, [1, 1], scope="fc7")
    net = layers.dropout(net, dropout_keep_prob, is_training=is_training, scope="dropout7")
    return layers.conv2d(net, num_classes, [1, 1], activation_fn=None, normalizer_fn=None, scope="fc8", **last)
