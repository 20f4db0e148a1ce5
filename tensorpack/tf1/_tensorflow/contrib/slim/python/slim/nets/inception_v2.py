"""Inception with batch normalisation, of Ioffe and Szegedy 2015 (https://arxiv.org/abs/1502.03167)."""
from __future__ import annotations

from typing import Any, Callable, Dict, Optional

from ........compat import tfv1 as tf
from .....framework._arg_scope import arg_scope
from .....layers.python.layers import layers
from . import _inception
from ._inception import Branches, Conv, Network, Pool, Table

__all__ = ["inception_v2", "inception_v2_arg_scope", "inception_v2_base"]

_STEM = "Conv2d_1a_7x7"


def _reduce(depth: int) -> Conv:
    return Conv("Conv2d_0a_1x1", depth, stddev=0.09)


def _mixed(*depths: int, pool: str = "AvgPool_0a_3x3") -> Branches:
    """Convolutions 1x1, 1x1 and 3x3, 1x1 and twice 3x3, and pooling and 1x1, with these depths in order."""
    return [[Conv("Conv2d_0a_1x1", depths[0])],
            [_reduce(depths[1]), Conv("Conv2d_0b_3x3", depths[2])],
            [_reduce(depths[3]), Conv("Conv2d_0b_3x3", depths[4]), Conv("Conv2d_0c_3x3", depths[4])],
            [Pool(pool), Conv("Conv2d_0b_1x1", depths[5], stddev=0.1)]]


def _halved(*depths: int) -> Branches:
    """Half the size: convolutions 1x1 and 3x3, 1x1 and twice 3x3, and pooling."""
    return [[_reduce(depths[0]), Conv("Conv2d_1a_3x3", depths[1], stride=2)],
            [_reduce(depths[2]), Conv("Conv2d_0b_3x3", depths[3]), Conv("Conv2d_1a_3x3", depths[3], stride=2)],
            [Pool("MaxPool_1a_3x3", stride=2)]]


_TABLE: Table = [  # after the separable convolution of the stem
    ("MaxPool_2a_3x3", Pool("MaxPool_2a_3x3", stride=2)),
    ("Conv2d_2b_1x1", Conv("Conv2d_2b_1x1", 64, stddev=0.1)),
    ("Conv2d_2c_3x3", Conv("Conv2d_2c_3x3", 192)),
    ("MaxPool_3a_3x3", Pool("MaxPool_3a_3x3", stride=2)),
    ("Mixed_3b", _mixed(64, 64, 64, 64, 96, 32)),
    ("Mixed_3c", _mixed(64, 64, 96, 64, 96, 64)),
    ("Mixed_4a", _halved(128, 160, 64, 96)),
    ("Mixed_4b", _mixed(224, 64, 96, 96, 128, 128)),
    ("Mixed_4c", _mixed(192, 96, 128, 96, 128, 128)),
    ("Mixed_4d", _mixed(160, 128, 160, 128, 160, 96)),
    ("Mixed_4e", _mixed(96, 128, 192, 160, 192, 96)),
    ("Mixed_5a", _halved(128, 192, 192, 256)),
    ("Mixed_5b", _mixed(352, 192, 320, 160, 224, 128)),
    ("Mixed_5c", _mixed(352, 192, 320, 192, 224, 128, pool="MaxPool_0a_3x3")),
]


def inception_v2_base(inputs: Any, final_endpoint: str = "Mixed_5c", min_depth: int = 16, depth_multiplier: float = 1.0,
                      scope: Optional[str] = None) -> Network:
    """The layers up to `final_endpoint`: (output, {name: output of each layer}).

    Args:
        min_depth, depth_multiplier: the depth of each layer is multiplied, but at least `min_depth`.

    Raises:
        ValueError: there is no such end point, or the multiplier is not positive.
    """
    depth = _inception.depth_function("inception_v2_base", depth_multiplier, min_depth)
    if final_endpoint not in [_STEM] + [name for name, _ in _TABLE]:
        raise ValueError("inception_v2_base: final_endpoint must be one of {}; got {!r}".format(
            ", ".join([_STEM] + [name for name, _ in _TABLE]), final_endpoint))
    with tf.variable_scope(scope, "InceptionV2", [inputs]), \
            arg_scope([layers.conv2d, layers.max_pool2d, layers.avg_pool2d, layers.separable_conv2d], stride=1, padding="SAME"):
        net = layers.separable_conv2d(
            inputs, depth(64), [7, 7], depth_multiplier=min(int(depth(64) / 3), 8), stride=2,
            weights_initializer=_inception.truncated_normal(1.0), scope=_STEM)
        end_points = {_STEM: net}
        if final_endpoint != _STEM:
            net, _ = _inception.build(net, end_points, _TABLE, depth, final_endpoint)
    return net, end_points


def inception_v2(inputs: Any, num_classes: int = 1000, is_training: bool = True, dropout_keep_prob: float = 0.8,
                 min_depth: int = 16, depth_multiplier: float = 1.0, prediction_fn: Callable[..., Any] = layers.softmax,
                 spatial_squeeze: bool = True, reuse: Optional[bool] = None,
                 scope: Optional[str] = "InceptionV2") -> Network:
    """The whole network: (logits, {name: output of each layer, `Logits`, `Predictions`}); see `inception_v2_base`.

    Args:
        inputs: [batch, 224, 224, 3].
        prediction_fn: from logits to `Predictions`.
        spatial_squeeze: logits [batch, classes] instead of [batch, 1, 1, classes].
    """
    with tf.variable_scope(scope, "InceptionV2", [inputs, num_classes], reuse=reuse) as scope, \
            arg_scope([layers.batch_norm, layers.dropout], is_training=is_training):
        net, end_points = inception_v2_base(inputs, scope=scope, min_depth=min_depth, depth_multiplier=depth_multiplier)
        with tf.variable_scope("Logits"):
            kernel = _inception.reduced_kernel(net, [7, 7])
            net = layers.avg_pool2d(net, kernel, padding="VALID", scope="AvgPool_1a_{}x{}".format(*kernel))
            net = layers.dropout(net, keep_prob=dropout_keep_prob, scope="Dropout_1b")
            logits = _inception.logits(net, num_classes, "Conv2d_1c_1x1", spatial_squeeze)
        end_points["Logits"] = logits
        end_points["Predictions"] = prediction_fn(logits, scope="Predictions")
    return logits, end_points


vars(inception_v2)["default_image_size"] = 224


def inception_v2_arg_scope(weight_decay: float = 0.00004,
                           batch_norm_var_collection: str = "moving_vars") -> Dict[str, Dict[str, Any]]:
    """The defaults for this network; moving statistics go to the collection."""
    return _inception.default_arg_scope(weight_decay, layers.batch_norm,
                                        **_inception.batch_norm_params(batch_norm_var_collection))
