"""GoogLeNet of Szegedy et al. 2014 (https://arxiv.org/abs/1409.4842), without its auxiliary classifiers."""
from __future__ import annotations

from typing import Any, Callable, Dict, Optional

from ........compat import tfv1 as tf
from .....framework._arg_scope import arg_scope
from .....layers.python.layers import layers
from . import _inception
from ._inception import Branches, Conv, Network, Pool, Table

__all__ = ["inception_v1", "inception_v1_arg_scope", "inception_v1_base"]


def _mixed(*depths: int, last: str = "Conv2d_0b_3x3") -> Branches:
    """Convolutions 1x1, twice 1x1 and 3x3, and pooling and 1x1, with these depths in order."""
    return [[Conv("Conv2d_0a_1x1", depths[0])],
            [Conv("Conv2d_0a_1x1", depths[1]), Conv("Conv2d_0b_3x3", depths[2])],
            [Conv("Conv2d_0a_1x1", depths[3]), Conv(last, depths[4])],
            [Pool("MaxPool_0a_3x3"), Conv("Conv2d_0b_1x1", depths[5])]]


_TABLE: Table = [
    ("Conv2d_1a_7x7", Conv("Conv2d_1a_7x7", 64, stride=2)),
    ("MaxPool_2a_3x3", Pool("MaxPool_2a_3x3", stride=2)),
    ("Conv2d_2b_1x1", Conv("Conv2d_2b_1x1", 64)),
    ("Conv2d_2c_3x3", Conv("Conv2d_2c_3x3", 192)),
    ("MaxPool_3a_3x3", Pool("MaxPool_3a_3x3", stride=2)),
    ("Mixed_3b", _mixed(64, 96, 128, 16, 32, 32)),
    ("Mixed_3c", _mixed(128, 128, 192, 32, 96, 64)),
    ("MaxPool_4a_3x3", Pool("MaxPool_4a_3x3", stride=2)),
    ("Mixed_4b", _mixed(192, 96, 208, 16, 48, 64)),
    ("Mixed_4c", _mixed(160, 112, 224, 24, 64, 64)),
    ("Mixed_4d", _mixed(128, 128, 256, 24, 64, 64)),
    ("Mixed_4e", _mixed(112, 144, 288, 32, 64, 64)),
    ("Mixed_4f", _mixed(256, 160, 320, 32, 128, 128)),
    ("MaxPool_5a_2x2", Pool("MaxPool_5a_2x2", stride=2)),
    ("Mixed_5b", _mixed(256, 160, 320, 32, 128, 128, last="Conv2d_0a_3x3")),  # the name that checkpoints have
    ("Mixed_5c", _mixed(384, 192, 384, 48, 128, 128)),
]


def inception_v1_base(inputs: Any, final_endpoint: str = "Mixed_5c", scope: Optional[str] = "InceptionV1") -> Network:
    """The layers up to `final_endpoint`: (output, {name: output of each layer}).

    Raises:
        ValueError: there is no such end point.
    """
    end_points: Dict[str, Any] = {}
    with tf.variable_scope(scope, "InceptionV1", [inputs]), \
            arg_scope([layers.conv2d, layers.fully_connected], weights_initializer=_inception.truncated_normal(0.01)), \
            arg_scope([layers.conv2d, layers.max_pool2d], stride=1, padding="SAME"):
        net, reached = _inception.build(inputs, end_points, _TABLE, int, final_endpoint)
    if not reached:
        raise ValueError("inception_v1_base: final_endpoint must be one of {}; got {!r}".format(
            ", ".join(name for name, _ in _TABLE), final_endpoint))
    return net, end_points


def inception_v1(inputs: Any, num_classes: int = 1000, is_training: bool = True, dropout_keep_prob: float = 0.8,
                 prediction_fn: Callable[..., Any] = layers.softmax, spatial_squeeze: bool = True,
                 reuse: Optional[bool] = None, scope: Optional[str] = "InceptionV1") -> Network:
    """The whole network: (logits, {name: output of each layer, `Logits`, `Predictions`}).

    Args:
        inputs: [batch, 224, 224, channels].
        prediction_fn: from logits to `Predictions`.
        spatial_squeeze: logits [batch, classes] instead of [batch, 1, 1, classes].
    """
    with tf.variable_scope(scope, "InceptionV1", [inputs, num_classes], reuse=reuse) as scope, \
            arg_scope([layers.batch_norm, layers.dropout], is_training=is_training):
        net, end_points = inception_v1_base(inputs, scope=scope)
        with tf.variable_scope("Logits"):
            net = layers.avg_pool2d(net, [7, 7], stride=1, scope="MaxPool_0a_7x7")
            net = layers.dropout(net, dropout_keep_prob, scope="Dropout_0b")
            logits = _inception.logits(net, num_classes, "Conv2d_0c_1x1", spatial_squeeze)
            end_points["Logits"] = logits
            end_points["Predictions"] = prediction_fn(logits, scope="Predictions")
    return logits, end_points


vars(inception_v1)["default_image_size"] = 224


def inception_v1_arg_scope(weight_decay: float = 0.00004, use_batch_norm: bool = True,
                           batch_norm_var_collection: str = "moving_vars") -> Dict[str, Dict[str, Any]]:
    """The defaults for this network; moving statistics go to the collection."""
    if not use_batch_norm:
        return _inception.default_arg_scope(weight_decay, None)
    return _inception.default_arg_scope(weight_decay, layers.batch_norm,
                                        **_inception.batch_norm_params(batch_norm_var_collection))
