"""Inception networks as tables: each end point is a convolution, a pooling, or branches of such side by side.

A layer's name ends in the size of its kernel, as `Conv2d_0a_1x1`, unless the table says otherwise.
"""
from __future__ import annotations

from typing import Any, Callable, Dict, List, NamedTuple, Optional, Sequence, Tuple, Union

from ........compat import tfv1 as tf
from .....framework._arg_scope import arg_scope
from .....layers.python.layers import initializers, layers, regularizers

__all__ = ["Branches", "Conv", "Depth", "Fork", "Network", "Pool", "Table", "batch_norm_params", "build",
           "default_arg_scope", "depth_function", "logits", "reduced_kernel", "truncated_normal"]

Network = Tuple[Any, Dict[str, Any]]  # output, end points
Depth = Callable[[int], int]


class Conv(NamedTuple):
    """A convolution of `depth` channels, before the multiplier of the network."""

    name: str
    depth: int
    stride: int = 1
    padding: Optional[str] = None
    stddev: Optional[float] = None  # of a truncated normal initialiser, instead of the default
    kernel: Optional[Tuple[int, int]] = None


class Pool(NamedTuple):
    """A pooling, whose name begins with Max or Avg."""

    name: str
    stride: int = 1
    padding: Optional[str] = None


class Fork(NamedTuple):
    """Convolutions of the same input, concatenated."""

    convs: Tuple[Conv, ...]


Layer = Union[Conv, Pool, Fork]
Branches = List[Sequence[Layer]]
Table = Sequence[Tuple[str, Union[Conv, Pool, Branches]]]


def truncated_normal(stddev: float) -> Any:
    """The initialiser of this standard deviation and mean 0."""
    return tf.truncated_normal_initializer(0.0, stddev)


def depth_function(who: str, depth_multiplier: float, min_depth: int) -> Depth:
    """From the depth in a table to that of a network."""
    if depth_multiplier <= 0:
        raise ValueError("{}: depth_multiplier must be greater than 0; got {}".format(who, depth_multiplier))
    return lambda depth: max(int(depth * depth_multiplier), min_depth)


def build(net: Any, end_points: Dict[str, Any], table: Table, depth: Depth, final_endpoint: str) -> Tuple[Any, bool]:
    """Add the layers of a table, and their outputs to `end_points`; (output, whether `final_endpoint` was reached)."""
    for name, layer in table:
        net = _branches(net, name, layer, depth) if isinstance(layer, list) else _layer(net, layer, depth)
        end_points[name] = net
        if name == final_endpoint:
            return net, True
    return net, False


def _branches(net: Any, name: str, branches: Branches, depth: Depth) -> Any:
    outputs = []
    with tf.variable_scope(name):
        for i, branch in enumerate(branches):
            with tf.variable_scope("Branch_{}".format(i)):
                output = net
                for layer in branch:
                    output = _layer(output, layer, depth)
                outputs.append(output)
        return tf.concat(outputs, 3)


def _layer(net: Any, layer: Layer, depth: Depth) -> Any:
    if isinstance(layer, Fork):
        return tf.concat([_layer(net, conv, depth) for conv in layer.convs], 3)
    options: Dict[str, Any] = {"scope": layer.name}
    if layer.stride != 1:
        options["stride"] = layer.stride
    if layer.padding:
        options["padding"] = layer.padding
    if isinstance(layer, Pool):
        pool = layers.max_pool2d if layer.name.startswith("Max") else layers.avg_pool2d
        return pool(net, _kernel(layer.name), **options)
    if layer.stddev:
        options["weights_initializer"] = truncated_normal(layer.stddev)
    return layers.conv2d(net, depth(layer.depth), list(layer.kernel or _kernel(layer.name)), **options)


def _kernel(name: str) -> List[int]:
    return [int(size) for size in name.rpartition("_")[2].split("x")]


def reduced_kernel(net: Any, kernel: Sequence[int]) -> List[int]:
    """The kernel, or the size of the image where that is known and smaller."""
    sizes = net.shape.as_list()[1:3]
    return list(kernel) if None in sizes else [min(pair) for pair in zip(sizes, kernel)]


def logits(net: Any, num_classes: int, name: str, spatial_squeeze: bool, **options: Any) -> Any:
    """A convolution 1x1 `name` without activation: [batch, height, width, classes], or [batch, classes] if squeezed."""
    net = layers.conv2d(net, num_classes, [1, 1], activation_fn=None, normalizer_fn=None, scope=name, **options)
    return tf.squeeze(net, [1, 2], name="SpatialSqueeze") if spatial_squeeze else net


def default_arg_scope(weight_decay: float, normalizer_fn: Any, **normalizer_params: Any) -> Dict[str, Dict[str, Any]]:
    """L2 regularisation, normalisation and ReLU for convolutions."""
    with arg_scope([layers.conv2d, layers.fully_connected], weights_regularizer=regularizers.l2_regularizer(weight_decay)):
        with arg_scope([layers.conv2d], weights_initializer=initializers.variance_scaling_initializer(),
                       activation_fn=tf.nn.relu, normalizer_fn=normalizer_fn, normalizer_params=normalizer_params) as scope:
            return scope


def batch_norm_params(collection: str, decay: float = 0.9997, epsilon: float = 0.001,
                      updates_collections: Any = tf.GraphKeys.UPDATE_OPS) -> Dict[str, Any]:
    """Arguments of batch normalisation, whose moving statistics go to a collection."""
    return {"decay": decay, "epsilon": epsilon, "updates_collections": updates_collections,
            "variables_collections": {"beta": None, "gamma": None, "moving_mean": [collection],
                                      "moving_variance": [collection]}}
