"""Inception of Szegedy et al. 2015 (https://arxiv.org/abs/1512.00567), with its auxiliary classifier."""
from __future__ import annotations

from typing import Any, Callable, Dict, Optional

from ........compat import tfv1 as tf
from .....framework._arg_scope import arg_scope
from .....layers.python.layers import layers
from . import _inception
from ._inception import Branches, Conv, Depth, Fork, Network, Pool, Table

__all__ = ["inception_v3", "inception_v3_arg_scope", "inception_v3_base"]


def _pooled(depth: int) -> Any:
    return [Pool("AvgPool_0a_3x3"), Conv("Conv2d_0b_1x1", depth)]


def _mixed_5(depth: int, first: str = "Conv2d_0a_1x1", second: str = "Conv2d_0b_5x5") -> Branches:
    return [[Conv("Conv2d_0a_1x1", 64)],
            [Conv(first, 48), Conv(second, 64)],
            [Conv("Conv2d_0a_1x1", 64), Conv("Conv2d_0b_3x3", 96), Conv("Conv2d_0c_3x3", 96)],
            _pooled(depth)]


def _mixed_6(depth: int) -> Branches:
    """7x7 as 1x7 and 7x1."""
    return [[Conv("Conv2d_0a_1x1", 192)],
            [Conv("Conv2d_0a_1x1", depth), Conv("Conv2d_0b_1x7", depth), Conv("Conv2d_0c_7x1", 192)],
            [Conv("Conv2d_0a_1x1", depth), Conv("Conv2d_0b_7x1", depth), Conv("Conv2d_0c_1x7", depth),
             Conv("Conv2d_0d_7x1", depth), Conv("Conv2d_0e_1x7", 192)],
            _pooled(192)]


def _mixed_7(second: str) -> Branches:
    """3x3 as 1x3 beside 3x1."""
    return [[Conv("Conv2d_0a_1x1", 320)],
            [Conv("Conv2d_0a_1x1", 384), Fork((Conv("Conv2d_0b_1x3", 384), Conv(second, 384)))],
            [Conv("Conv2d_0a_1x1", 448), Conv("Conv2d_0b_3x3", 384),
             Fork((Conv("Conv2d_0c_1x3", 384), Conv("Conv2d_0d_3x1", 384)))],
            _pooled(192)]


def _halving(name: str, depth: int) -> Conv:
    """Kernels of 3x3, whatever the name says."""
    return Conv(name, depth, stride=2, padding="VALID", kernel=(3, 3))


_STEM: Table = [  # padding 'VALID'
    ("Conv2d_1a_3x3", Conv("Conv2d_1a_3x3", 32, stride=2)),
    ("Conv2d_2a_3x3", Conv("Conv2d_2a_3x3", 32)),
    ("Conv2d_2b_3x3", Conv("Conv2d_2b_3x3", 64, padding="SAME")),
    ("MaxPool_3a_3x3", Pool("MaxPool_3a_3x3", stride=2)),
    ("Conv2d_3b_1x1", Conv("Conv2d_3b_1x1", 80)),
    ("Conv2d_4a_3x3", Conv("Conv2d_4a_3x3", 192)),
    ("MaxPool_5a_3x3", Pool("MaxPool_5a_3x3", stride=2)),
]
_POOLED_HALF = [Pool("MaxPool_1a_3x3", stride=2, padding="VALID")]
# Some names differ from those of their neighbours for no reason but that checkpoints have them
_TABLE: Table = [  # padding 'SAME'
    ("Mixed_5b", _mixed_5(32)),
    ("Mixed_5c", _mixed_5(64, "Conv2d_0b_1x1", "Conv_1_0c_5x5")),
    ("Mixed_5d", _mixed_5(64)),
    ("Mixed_6a", [[_halving("Conv2d_1a_1x1", 384)],
                  [Conv("Conv2d_0a_1x1", 64), Conv("Conv2d_0b_3x3", 96), _halving("Conv2d_1a_1x1", 96)],
                  _POOLED_HALF]),
    ("Mixed_6b", _mixed_6(128)),
    ("Mixed_6c", _mixed_6(160)),
    ("Mixed_6d", _mixed_6(160)),
    ("Mixed_6e", _mixed_6(192)),
    ("Mixed_7a", [[Conv("Conv2d_0a_1x1", 192), _halving("Conv2d_1a_3x3", 320)],
                  [Conv("Conv2d_0a_1x1", 192), Conv("Conv2d_0b_1x7", 192), Conv("Conv2d_0c_7x1", 192),
                   _halving("Conv2d_1a_3x3", 192)],
                  _POOLED_HALF]),
    ("Mixed_7b", _mixed_7("Conv2d_0b_3x1")),
    ("Mixed_7c", _mixed_7("Conv2d_0c_3x1")),
]
_LAYERS = [layers.conv2d, layers.max_pool2d, layers.avg_pool2d]


def inception_v3_base(inputs: Any, final_endpoint: str = "Mixed_7c", min_depth: int = 16, depth_multiplier: float = 1.0,
                      scope: Optional[str] = None) -> Network:
    """The layers up to `final_endpoint`: (output, {name: output of each layer}).

    Args:
        min_depth, depth_multiplier: the depth of each layer is multiplied, but at least `min_depth`.

    Raises:
        ValueError: there is no such end point, or the multiplier is not positive.
    """
    depth = _inception.depth_function("inception_v3_base", depth_multiplier, min_depth)
    names = [name for table in (_STEM, _TABLE) for name, _ in table]
    if final_endpoint not in names:
        raise ValueError("inception_v3_base: final_endpoint must be one of {}; got {!r}".format(
            ", ".join(names), final_endpoint))
    end_points: Dict[str, Any] = {}
    with tf.variable_scope(scope, "InceptionV3", [inputs]):
        with arg_scope(_LAYERS, stride=1, padding="VALID"):
            net, reached = _inception.build(inputs, end_points, _STEM, depth, final_endpoint)
        if not reached:
            with arg_scope(_LAYERS, stride=1, padding="SAME"):
                net, _ = _inception.build(net, end_points, _TABLE, depth, final_endpoint)
    return net, end_points


def inception_v3(inputs: Any, num_classes: int = 1000, is_training: bool = True, dropout_keep_prob: float = 0.8,
                 min_depth: int = 16, depth_multiplier: float = 1.0, prediction_fn: Callable[..., Any] = layers.softmax,
                 spatial_squeeze: bool = True, reuse: Optional[bool] = None,
                 scope: Optional[str] = "InceptionV3") -> Network:
    """The whole network: (logits, {name: output of each layer, `AuxLogits`, `PreLogits`, `Logits`, `Predictions`}).

    Args:
        inputs: [batch, 299, 299, channels].
        min_depth, depth_multiplier: see `inception_v3_base`.
        prediction_fn: from logits to `Predictions`.
        spatial_squeeze: logits [batch, classes] instead of [batch, 1, 1, classes].
    """
    depth = _inception.depth_function("inception_v3", depth_multiplier, min_depth)
    with tf.variable_scope(scope, "InceptionV3", [inputs, num_classes], reuse=reuse) as scope, \
            arg_scope([layers.batch_norm, layers.dropout], is_training=is_training):
        net, end_points = inception_v3_base(inputs, scope=scope, min_depth=min_depth, depth_multiplier=depth_multiplier)
        end_points["AuxLogits"] = _auxiliary_logits(end_points["Mixed_6e"], num_classes, depth, spatial_squeeze)
        with tf.variable_scope("Logits"):
            kernel = _inception.reduced_kernel(net, [8, 8])
            net = layers.avg_pool2d(net, kernel, padding="VALID", scope="AvgPool_1a_{}x{}".format(*kernel))
            net = layers.dropout(net, keep_prob=dropout_keep_prob, scope="Dropout_1b")
            end_points["PreLogits"] = net
            logits = _inception.logits(net, num_classes, "Conv2d_1c_1x1", spatial_squeeze)
        end_points["Logits"] = logits
        end_points["Predictions"] = prediction_fn(logits, scope="Predictions")
    return logits, end_points


vars(inception_v3)["default_image_size"] = 299


def _auxiliary_logits(net: Any, num_classes: int, depth: Depth, spatial_squeeze: bool) -> Any:
    with arg_scope(_LAYERS, stride=1, padding="SAME"), tf.variable_scope("AuxLogits"):
        net = layers.avg_pool2d(net, [5, 5], stride=3, padding="VALID", scope="AvgPool_1a_5x5")
        net = layers.conv2d(net, depth(128), [1, 1], scope="Conv2d_1b_1x1")
        kernel = _inception.reduced_kernel(net, [5, 5])
        net = layers.conv2d(net, depth(768), kernel, weights_initializer=_inception.truncated_normal(0.01), padding="VALID",
                            scope="Conv2d_2a_{}x{}".format(*kernel))
        return _inception.logits(net, num_classes, "Conv2d_2b_1x1", spatial_squeeze,
                                 weights_initializer=_inception.truncated_normal(0.001))


def inception_v3_arg_scope(weight_decay: float = 0.00004, batch_norm_var_collection: str = "moving_vars",
                           batch_norm_decay: float = 0.9997, batch_norm_epsilon: float = 0.001,
                           updates_collections: Any = tf.GraphKeys.UPDATE_OPS,
                           use_fused_batchnorm: bool = True) -> Dict[str, Dict[str, Any]]:
    """The defaults for this network; moving statistics go to the collection."""
    params = _inception.batch_norm_params(batch_norm_var_collection, batch_norm_decay, batch_norm_epsilon, updates_collections)
    return _inception.default_arg_scope(weight_decay, layers.batch_norm, fused=use_fused_batchnorm, **params)
