"""The frame of residual networks of both kinds: root, blocks, and what comes after them."""
from __future__ import annotations

from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple

from ........compat import tfv1 as tf
from .....framework._arg_scope import arg_scope
from .....layers.python.layers import layers, utils
from .resnet_utils import Block, conv2d_same, stack_blocks_dense

__all__ = ["build", "make_block", "make_network"]

Network = Tuple[Any, Dict[str, Any]]  # output, end points


def build(inputs: Any, blocks: Sequence[Block], bottleneck: Callable[..., Any], is_preactivated: bool, default_scope: str,
          num_classes: Optional[int], is_training: bool, global_pool: bool, output_stride: Optional[int],
          include_root_block: bool, reuse: Optional[bool], scope: Optional[str]) -> Network:
    """(logits or features, end points).

    Args:
        bottleneck: the function of units, whose outputs become end points.
        is_preactivated: whether units begin with their normalisation, so that the root has none and the last one follows them.
    """
    with tf.variable_scope(scope, default_scope, [inputs], reuse=reuse) as variable_scope:
        collection = variable_scope.original_name_scope + "_end_points"
        with arg_scope([layers.conv2d, bottleneck, stack_blocks_dense], outputs_collections=collection), \
                arg_scope([layers.batch_norm], is_training=is_training):
            net = inputs
            if include_root_block:
                net = _root(net, is_preactivated)
                output_stride = _stride_after_root(output_stride)
            net = stack_blocks_dense(net, blocks, output_stride)
            if is_preactivated:
                net = layers.batch_norm(net, activation_fn=tf.nn.relu, scope="postnorm")
            if global_pool:
                net = tf.reduce_mean(net, [1, 2], name="pool5", keepdims=True)
            if num_classes is not None:
                net = layers.conv2d(net, num_classes, [1, 1], activation_fn=None, normalizer_fn=None, scope="logits")
            end_points = utils.convert_collection_to_dict(collection)
            if num_classes is not None:
                end_points["predictions"] = layers.softmax(net, scope="predictions")
            return net, end_points


def _root(net: Any, is_preactivated: bool) -> Any:
    plain = {"activation_fn": None, "normalizer_fn": None} if is_preactivated else {}
    with arg_scope([layers.conv2d], **plain):
        net = conv2d_same(net, 64, 7, stride=2, scope="conv1")
    return layers.max_pool2d(net, [3, 3], stride=2, scope="pool1")


def _stride_after_root(output_stride: Optional[int]) -> Optional[int]:
    if output_stride is None:
        return None
    if output_stride % 4 != 0:
        raise ValueError("resnet: output_stride must be a multiple of 4, the stride of the root; got {}".format(output_stride))
    return output_stride // 4


def make_block(scope: str, bottleneck: Callable[..., Any], base_depth: int, num_units: int, stride: int) -> Block:
    """Units of four times the depth of their bottleneck; the last has the stride."""
    unit = {"depth": base_depth * 4, "depth_bottleneck": base_depth, "stride": 1}
    return Block(scope, bottleneck, [unit] * (num_units - 1) + [dict(unit, stride=stride)])


def make_network(name: str, resnet: Callable[..., Network], block: Callable[..., Block],
                 num_units: Sequence[int]) -> Callable[..., Network]:
    """The function of a network of four blocks with that many units, whose scope is `name` by default."""

    def blocks() -> List[Block]:
        strides = [2, 2, 2, 1]
        return [block("block{}".format(i + 1), base_depth=64 << i, num_units=num_units[i], stride=strides[i]) for i in range(4)]

    def network(inputs: Any, num_classes: Optional[int] = None, is_training: bool = True, global_pool: bool = True,
                output_stride: Optional[int] = None, reuse: Optional[bool] = None, scope: Optional[str] = name) -> Network:
        return resnet(inputs, blocks(), num_classes, is_training, global_pool, output_stride, include_root_block=True,
                      reuse=reuse, scope=scope)

    network.__name__ = network.__qualname__ = name
    network.__doc__ = "`{}` with blocks of {} units: (logits or features, end points).".format(
        resnet.__name__, ", ".join(str(each) for each in num_units))
    return network
