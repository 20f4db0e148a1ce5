"""The networks of Simonyan and Zisserman 2014 (https://arxiv.org/abs/1409.1556): stacks of 3x3 convolutions."""
from __future__ import annotations

from typing import Any, Callable, Dict, Optional, Sequence

from ........compat import tfv1 as tf
from .....framework._arg_scope import arg_scope
from .....layers.python.layers import layers, regularizers
from . import _classic
from ._classic import Network

__all__ = ["vgg_16", "vgg_19", "vgg_a", "vgg_arg_scope", "vgg_d", "vgg_e"]

_DEPTHS = (64, 128, 256, 512, 512)


def vgg_arg_scope(weight_decay: float = 0.0005) -> Dict[str, Dict[str, Any]]:
    """The defaults for these networks: ReLU, L2 regularisation, biases of zero, padding 'SAME'."""
    with arg_scope([layers.conv2d, layers.fully_connected], activation_fn=tf.nn.relu,
                   weights_regularizer=regularizers.l2_regularizer(weight_decay), biases_initializer=tf.zeros_initializer()):
        with arg_scope([layers.conv2d], padding="SAME") as scope:
            return scope


def _features(repetitions: Sequence[int]) -> Callable[[Any], Any]:
    def features(net: Any) -> Any:
        for i, (times, depth) in enumerate(zip(repetitions, _DEPTHS), 1):
            net = layers.repeat(net, times, layers.conv2d, depth, [3, 3], scope="conv{}".format(i))
            net = layers.max_pool2d(net, [2, 2], scope="pool{}".format(i))
        return net

    return features


def _make_network(name: str, repetitions: Sequence[int]) -> Callable[..., Network]:
    features = _features(repetitions)

    def network(inputs: Any, num_classes: int = 1000, is_training: bool = True, dropout_keep_prob: float = 0.5,
                spatial_squeeze: bool = True, scope: Optional[str] = name) -> Network:
        def logits(net: Any) -> Any:
            return _classic.classifier(net, 4096, 7, num_classes, is_training, dropout_keep_prob)

        return _classic.build(inputs, features, logits, spatial_squeeze, scope, name)

    network.__name__ = network.__qualname__ = name
    network.__doc__ = """{} convolutions and three fully connected layers: (logits, end points).

    Args:
        inputs: [batch, 224, 224, channels]; larger ones give a map of logits and must not be squeezed.
        dropout_keep_prob: of two layers, when training.
        spatial_squeeze: logits [batch, classes] instead of [batch, height, width, classes].
    """.format(sum(repetitions))
    vars(network)["default_image_size"] = 224
    return network


vgg_a = _make_network("vgg_a", [1, 1, 2, 2, 2])
vgg_16 = _make_network("vgg_16", [2, 2, 3, 3, 3])
vgg_19 = _make_network("vgg_19", [2, 2, 4, 4, 4])
vgg_d = vgg_16
vgg_e = vgg_19
