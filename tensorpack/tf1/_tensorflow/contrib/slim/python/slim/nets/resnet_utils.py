"""What both kinds of residual networks of slim are made of: blocks of units, their strides, and their `arg_scope`."""
from __future__ import annotations

import collections
from typing import Any, Dict, Optional, Sequence

from ........compat import tfv1 as tf
from .....framework._arg_scope import add_arg_scope, arg_scope
from .....layers.python.layers import initializers, layers, regularizers, utils

__all__ = ["Block", "conv2d_same", "resnet_arg_scope", "stack_blocks_dense", "subsample"]


class Block(collections.namedtuple("Block", ["scope", "unit_fn", "args"])):
    """Units one after another in a scope: `unit_fn(net, rate=..., **arguments)` for each dict of `args`."""


def subsample(inputs: Any, factor: int, scope: Optional[str] = None) -> Any:
    """Every `factor`-th pixel."""
    return inputs if factor == 1 else layers.max_pool2d(inputs, [1, 1], stride=factor, scope=scope)


def conv2d_same(inputs: Any, num_outputs: int, kernel_size: int, stride: int, rate: int = 1,
                scope: Optional[str] = None) -> Any:
    """`slim.conv2d` with zeros around the input that do not depend on its size.

    `conv2d(stride=2, padding='SAME')` puts them elsewhere for even sizes than subsampling a convolution of stride 1 does.
    """
    if stride == 1:
        return layers.conv2d(inputs, num_outputs, kernel_size, stride=1, rate=rate, padding="SAME", scope=scope)
    total = (kernel_size - 1) * rate
    around = [total // 2, total - total // 2]
    inputs = tf.pad(inputs, [[0, 0], around, around, [0, 0]])
    return layers.conv2d(inputs, num_outputs, kernel_size, stride=stride, rate=rate, padding="VALID", scope=scope)


@add_arg_scope
def stack_blocks_dense(net: Any, blocks: Sequence[Block], output_stride: Optional[int] = None,
                       outputs_collections: Any = None) -> Any:
    """Blocks one after another, each in its scope and each unit in `unit_<i>`.

    Args:
        output_stride: where the strides of units would exceed this product, their convolutions are dilated instead.
        outputs_collections: the outputs of the blocks go there.

    Raises:
        ValueError: the strides cannot give `output_stride`.
    """
    stride, rate = 1, 1
    for block in blocks:
        with tf.variable_scope(block.scope, "block", [net]) as scope:
            for i, unit in enumerate(block.args, 1):
                _check_stride(output_stride is None or stride <= output_stride, output_stride, stride)
                with tf.variable_scope("unit_{}".format(i), values=[net]):
                    if stride == output_stride:
                        net = block.unit_fn(net, rate=rate, **dict(unit, stride=1))
                        rate *= unit.get("stride", 1)
                    else:
                        net = block.unit_fn(net, rate=1, **unit)
                        stride *= unit.get("stride", 1)
            net = utils.collect_named_outputs(outputs_collections, scope.name, net)
    _check_stride(output_stride is None or stride == output_stride, output_stride, stride)
    return net


def _check_stride(holds: bool, output_stride: Optional[int], stride: int) -> None:
    if not holds:
        raise ValueError("stack_blocks_dense: the strides of the units must multiply to output_stride={}; got {}".format(
            output_stride, stride))


def resnet_arg_scope(weight_decay: float = 0.0001, batch_norm_decay: float = 0.997, batch_norm_epsilon: float = 1e-5,
                     batch_norm_scale: bool = True) -> Dict[str, Dict[str, Any]]:
    """The defaults for residual networks, to be used as `with slim.arg_scope(resnet_arg_scope()):`.

    Convolutions are L2-regularised and followed by batch normalisation and ReLU; max-pooling has padding 'SAME'.
    """
    normalization = {"decay": batch_norm_decay, "epsilon": batch_norm_epsilon, "scale": batch_norm_scale,
                     "updates_collections": tf.GraphKeys.UPDATE_OPS}
    with arg_scope([layers.conv2d], weights_regularizer=regularizers.l2_regularizer(weight_decay),
                   weights_initializer=initializers.variance_scaling_initializer(), activation_fn=tf.nn.relu,
                   normalizer_fn=layers.batch_norm, normalizer_params=normalization):
        with arg_scope([layers.batch_norm], **normalization):
            with arg_scope([layers.max_pool2d], padding="SAME") as scope:
                return scope
