"""Residual networks of He et al. 2015 (https://arxiv.org/abs/1512.03385): convolve, normalise, then activate."""
from __future__ import annotations

from typing import Any, Optional, Sequence

from ........compat import tfv1 as tf
from .....framework._arg_scope import add_arg_scope
from .....layers.python.layers import layers, utils
from . import _resnet
from ._resnet import Network
from .resnet_utils import Block, conv2d_same, resnet_arg_scope, subsample

__all__ = ["bottleneck", "resnet_arg_scope", "resnet_v1", "resnet_v1_101", "resnet_v1_152", "resnet_v1_200", "resnet_v1_50",
           "resnet_v1_block"]


@add_arg_scope
def bottleneck(inputs: Any, depth: int, depth_bottleneck: int, stride: int, rate: int = 1, outputs_collections: Any = None,
               scope: Optional[str] = None) -> Any:
    """Convolutions 1x1, 3x3 (of the stride and rate) and 1x1, added to the input or, if depths differ, to its projection."""
    with tf.variable_scope(scope, "bottleneck_v1", [inputs]) as variable_scope:
        if depth == utils.last_dimension(inputs.shape, min_rank=4):
            shortcut = subsample(inputs, stride, "shortcut")
        else:
            shortcut = layers.conv2d(inputs, depth, [1, 1], stride=stride, activation_fn=None, scope="shortcut")
        residual = layers.conv2d(inputs, depth_bottleneck, [1, 1], stride=1, scope="conv1")
        residual = conv2d_same(residual, depth_bottleneck, 3, stride, rate=rate, scope="conv2")
        residual = layers.conv2d(residual, depth, [1, 1], stride=1, activation_fn=None, scope="conv3")
        return utils.collect_named_outputs(outputs_collections, variable_scope.name, tf.nn.relu(shortcut + residual))


def resnet_v1(inputs: Any, blocks: Sequence[Block], num_classes: Optional[int] = None, is_training: bool = True,
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
    return _resnet.build(inputs, blocks, bottleneck, False, "resnet_v1", num_classes, is_training, global_pool, output_stride,
                         include_root_block, reuse, scope)


vars(resnet_v1)["default_image_size"] = 224


def resnet_v1_block(scope: str, base_depth: int, num_units: int, stride: int) -> Block:
    """A block of bottleneck units of 4 * `base_depth` channels; the last has the stride."""
    return _resnet.make_block(scope, bottleneck, base_depth, num_units, stride)


resnet_v1_50 = _resnet.make_network("resnet_v1_50", resnet_v1, resnet_v1_block, [3, 4, 6, 3])
resnet_v1_101 = _resnet.make_network("resnet_v1_101", resnet_v1, resnet_v1_block, [3, 4, 23, 3])
resnet_v1_152 = _resnet.make_network("resnet_v1_152", resnet_v1, resnet_v1_block, [3, 8, 36, 3])
resnet_v1_200 = _resnet.make_network("resnet_v1_200", resnet_v1, resnet_v1_block, [3, 24, 36, 3])
