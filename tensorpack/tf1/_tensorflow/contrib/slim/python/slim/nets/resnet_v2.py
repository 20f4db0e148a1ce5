"""Residual networks of He et al. 2016 (https://arxiv.org/abs/1603.05027): normalise, activate, then convolve."""
from __future__ import annotations

from typing import Any, Optional, Sequence

from ........compat import tfv1 as tf
from .....framework._arg_scope import add_arg_scope
from .....layers.python.layers import layers, utils
from . import _resnet
from ._resnet import Network
from .resnet_utils import Block, conv2d_same, resnet_arg_scope, subsample

__all__ = ["bottleneck", "resnet_arg_scope", "resnet_v2", "resnet_v2_101", "resnet_v2_152", "resnet_v2_200", "resnet_v2_50",
           "resnet_v2_block"]


@add_arg_scope
def bottleneck(inputs: Any, depth: int, depth_bottleneck: int, stride: int, rate: int = 1, outputs_collections: Any = None,
               scope: Optional[str] = None) -> Any:
    """As in `resnet_v1`, of the normalised and activated input; what is added to is neither, unless it is projected."""
    plain = {"normalizer_fn": None, "activation_fn": None}
    with tf.variable_scope(scope, "bottleneck_v2", [inputs]) as variable_scope:
        preact = layers.batch_norm(inputs, activation_fn=tf.nn.relu, scope="preact")
        if depth == utils.last_dimension(inputs.shape, min_rank=4):
            shortcut = subsample(inputs, stride, "shortcut")
        else:
            shortcut = layers.conv2d(preact, depth, [1, 1], stride=stride, scope="shortcut", **plain)
        residual = layers.conv2d(preact, depth_bottleneck, [1, 1], stride=1, scope="conv1")
        residual = conv2d_same(residual, depth_bottleneck, 3, stride, rate=rate, scope="conv2")
        residual = layers.conv2d(residual, depth, [1, 1], stride=1, scope="conv3", **plain)
        return utils.collect_named_outputs(outputs_collections, variable_scope.name, shortcut + residual)


def resnet_v2(inputs: Any, blocks: Sequence[Block], num_classes: Optional[int] = None, is_training: bool = True,
              global_pool: bool = True, output_stride: Optional[int] = None, include_root_block: bool = True,
              reuse: Optional[bool] = None, scope: Optional[str] = None) -> Network:
    """A network of these blocks; its arguments have defaults in `resnet_arg_scope`.

    Args:
        inputs: [batch, height, width, channels].
        num_classes: features are returned if None, logits [batch, height, width, classes] otherwise.
        global_pool: average over height and width, which are 1 then.
        output_stride: ratio of sizes of input and output, for dense predictions; 32 by default.
        include_root_block: begin with a 7x7 convolution and max-pooling of stride 2 each.

    Returns:
        (output, {name: output of a convolution, unit or block; `predictions` if there are classes}).

    Raises:
        ValueError: `output_stride` cannot be reached.
    """
    return _resnet.build(inputs, blocks, bottleneck, True, "resnet_v2", num_classes, is_training, global_pool, output_stride,
                         include_root_block, reuse, scope)


vars(resnet_v2)["default_image_size"] = 224


def resnet_v2_block(scope: str, base_depth: int, num_units: int, stride: int) -> Block:
    """A block of bottleneck units of 4 * `base_depth` channels; the last has the stride."""
    return _resnet.make_block(scope, bottleneck, base_depth, num_units, stride)


resnet_v2_50 = _resnet.make_network("resnet_v2_50", resnet_v2, resnet_v2_block, [3, 4, 6, 3])
resnet_v2_101 = _resnet.make_network("resnet_v2_101", resnet_v2, resnet_v2_block, [3, 4, 23, 3])
resnet_v2_152 = _resnet.make_network("resnet_v2_152", resnet_v2, resnet_v2_block, [3, 8, 36, 3])
resnet_v2_200 = _resnet.make_network("resnet_v2_200", resnet_v2, resnet_v2_block, [3, 24, 36, 3])
