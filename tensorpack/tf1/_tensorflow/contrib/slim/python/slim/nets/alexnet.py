"""The network of Krizhevsky 2014 (https://arxiv.org/abs/1404.5997), of one tower."""
from __future__ import annotations

from typing import Any, Dict, Optional

from ........compat import tfv1 as tf
from .....framework._arg_scope import arg_scope
from .....layers.python.layers import layers, regularizers
from . import _classic
from ._classic import Network

__all__ = ["alexnet_v2", "alexnet_v2_arg_scope", "trunc_normal"]

trunc_normal = _classic.truncated_normal


def alexnet_v2_arg_scope(weight_decay: float = 0.0005) -> Dict[str, Dict[str, Any]]:
    """The defaults for this network: ReLU, L2 regularisation, biases of 0.1; padding 'SAME', 'VALID' of pooling."""
    with arg_scope([layers.conv2d, layers.fully_connected], activation_fn=tf.nn.relu,
                   biases_initializer=tf.constant_initializer(0.1),
                   weights_regularizer=regularizers.l2_regularizer(weight_decay)):
        with arg_scope([layers.conv2d], padding="SAME"), arg_scope([layers.max_pool2d], padding="VALID") as scope:
            return scope


def alexnet_v2(inputs: Any, num_classes: int = 1000, is_training: bool = True, dropout_keep_prob: float = 0.5,
               spatial_squeeze: bool = True, scope: Optional[str] = "alexnet_v2") -> Network:
    """Five convolutions and three fully connected layers: (logits, end points).

    Args:
        inputs: [batch, 224, 224, channels]; larger ones give a map of logits and must not be squeezed.
        spatial_squeeze: logits [batch, classes] instead of [batch, height, width, classes].
    """

    def logits(net: Any) -> Any:
        with arg_scope([layers.conv2d], weights_initializer=trunc_normal(0.005),
                       biases_initializer=tf.constant_initializer(0.1)):
            return _classic.classifier(net, 4096, 5, num_classes, is_training, dropout_keep_prob,
                                       biases_initializer=tf.zeros_initializer())

    return _classic.build(inputs, _features, logits, spatial_squeeze, scope, "alexnet_v2")


def _features(net: Any) -> Any:
    net = layers.conv2d(net, 64, [11, 11], 4, padding="VALID", scope="conv1")
    net = layers.max_pool2d(net, [3, 3], 2, scope="pool1")
    net = layers.conv2d(net, 192, [5, 5], scope="conv2")
    net = layers.max_pool2d(net, [3, 3], 2, scope="pool2")
    for scope, depth in (("conv3", 384), ("conv4", 384), ("conv5", 256)):
        net = layers.conv2d(net, depth, [3, 3], scope=scope)
    return layers.max_pool2d(net, [3, 3], 2, scope="pool5")


vars(alexnet_v2)["default_image_size"] = 224
