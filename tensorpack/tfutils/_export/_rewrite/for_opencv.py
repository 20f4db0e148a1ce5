"""What OpenCV's reader of frozen graphs gets wrong or lacks, by operations that it computes as TensorFlow does.

It keeps images with channels first, ignores the dilation of convolutions, and forgets operations that only forward.
"""
from __future__ import annotations

from functools import partial
from typing import Any, Dict, List, Optional, Sequence

import numpy as np

from ....compat import tfv1 as tf
from ..graph_def import attribute
from .rewriting import Rewriting

_CONVOLUTIONS = ("Conv2D", "DepthwiseConv2dNative")
# Longest side of an image whose rows are put together one by one.
_MOST_ROWS = 64


def name_outputs(rewriting: Rewriting) -> None:
    """An output that forwards another operation's value takes its place, with its name."""
    for node in rewriting.of_type("Identity", "StopGradient"):
        source = rewriting.editor.nodes.get(node.input[0])
        if source is None or node.name not in rewriting.kept or source.name in rewriting.kept or source.op == "Const":
            continue
        moved = tf.NodeDef()
        moved.CopyFrom(source)
        moved.name = node.name
        rewriting.editor.replace(moved)
        rewriting.editor.remove(source.name)
        rewriting.rename(source.name, node.name)


def keep_biases_apart(rewriting: Rewriting) -> None:
    """An output that adds a bias gets an operation behind it: OpenCV gives the sum the name of the convolution."""
    for node in rewriting.of_type("BiasAdd"):
        if node.name in rewriting.kept:
            added = tf.NodeDef()
            added.CopyFrom(node)
            added.name = rewriting.editor.unused_name(node.name + "/added")
            rewriting.editor.replace(added)
            rewriting.replace(node, lambda x: x * 1, inputs=[added.name])


def spread_dilated_kernels(rewriting: Rewriting) -> None:
    """Kernels of dilated convolutions get zeros between their weights."""
    for node in rewriting.of_type(*_CONVOLUTIONS):
        kernel, rates = rewriting.constant(node.input[1]), list(attribute(node, "dilations").list.i)
        if kernel is not None and len(rates) == 4 and max(rates) > 1 and _format(node) == "NHWC":
            _give_kernel(rewriting, node, _spread(kernel, rates[1:3]))
            node.attr["dilations"].list.i[:] = [1] * 4
    for node in rewriting.of_type("BatchToSpaceND"):
        _replace_space_to_batch(rewriting, node)


def _replace_space_to_batch(rewriting: Rewriting, last: Any) -> None:
    """The other way to write a dilated convolution: between SpaceToBatchND and BatchToSpaceND."""
    nodes = rewriting.editor.nodes
    middle = nodes.get(last.input[0])
    first = nodes.get(middle.input[0]) if middle is not None and middle.op in _CONVOLUTIONS else None
    if middle is None or first is None or first.op != "SpaceToBatchND" or middle.name in rewriting.kept:
        return
    kernel = rewriting.constant(middle.input[1])
    rates, crops, padding = [rewriting.constant(name) for name in (last.input[1], last.input[2], first.input[2])]
    if kernel is None or rates is None or crops is None or padding is None or len(rates) != 2:
        return
    kept_padding = padding - crops  # what would be cut off again need not be there
    if (kept_padding < 0).any():
        return
    spread = _spread(kernel, list(rates))
    paddings = np.concatenate([[[0, 0]], kept_padding, [[0, 0]]]).astype("int32")

    def convolved(x: tf.Tensor) -> tf.Tensor:
        padded = tf.pad(x, paddings) if paddings.any() else x
        if middle.op == "Conv2D":
            return tf.nn.conv2d(padded, tf.constant(spread), strides=[1, 1, 1, 1], padding="VALID")
        return tf.nn.depthwise_conv2d_native(padded, tf.constant(spread), [1, 1, 1, 1], "VALID")

    rewriting.replace(last, convolved, inputs=[first.input[0]])


def _spread(kernel: np.ndarray, rates: Sequence[int]) -> np.ndarray:
    sizes = [(size - 1) * rate + 1 for size, rate in zip(kernel.shape[:2], rates)]
    spread = np.zeros(tuple(sizes) + kernel.shape[2:], kernel.dtype)
    spread[::rates[0], ::rates[1]] = kernel
    return spread


def _give_kernel(rewriting: Rewriting, node: Any, kernel: np.ndarray) -> None:
    constant = rewriting.editor.new_constant(rewriting.editor.unused_name(node.name + "/spread_kernel"), kernel)
    rewriting.editor.replace(constant)
    node.input[1] = constant.name
    rewriting.editor.replace(node)
    rewriting.has_changed()


def softmax_by_parts(rewriting: Rewriting) -> None:
    """`Softmax` over the channels of an image by its formula; OpenCV takes it for one along the rows."""
    for node in rewriting.of_type("Softmax"):
        shape = rewriting.shape(node.input[0])
        if shape is not None and len(shape) == 4 and shape[3] is not None:
            rewriting.replace(node, partial(_softmax, channels=shape[3]))


def _softmax(x: tf.Tensor, channels: int) -> tf.Tensor:
    """Convolutions with ones repeat and sum over channels: OpenCV 4 does not broadcast."""
    def by_ones(values: tf.Tensor, before: int) -> tf.Tensor:
        ones = tf.constant(np.ones([1, 1, before, channels], "float32"))
        return tf.nn.conv2d(values, ones, strides=[1, 1, 1, 1], padding="VALID")

    powers = tf.exp(x - by_ones(tf.reduce_max(x, 3, keepdims=True), 1))
    return powers / by_ones(powers, channels)


def subtract_by_adding(rewriting: Rewriting) -> None:
    """`constant - x` as `-1 * x + constant`, `-x` as `-1 * x`, and `x - constant` for each channel as a bias."""
    for node in rewriting.of_type("Neg"):
        rewriting.replace(node, lambda x: x * -1)
    for node in rewriting.of_type("Sub"):
        first, second = [rewriting.constant(name) for name in node.input[:2]]
        shape = rewriting.shape(node.input[0])
        if first is not None and second is None:
            rewriting.replace(node, partial(_minus, first), inputs=node.input[1:2])
        elif second is not None and second.ndim == 1 and shape is not None and shape[-1:] == list(second.shape):
            rewriting.replace(node, partial(tf.nn.bias_add, bias=-second), inputs=node.input[:1])


def _minus(value: np.ndarray, x: tf.Tensor) -> tf.Tensor:
    return x * -1 + tf.constant(value)


def split_by_slices(rewriting: Rewriting) -> None:
    """`Split` and `SplitV` as one slice for each part."""
    for node in rewriting.of_type("Split", "SplitV"):
        value, axis = (node.input[1], node.input[0]) if node.op == "Split" else (node.input[0], node.input[2])
        shape, axis_value = rewriting.shape(value), rewriting.constant(axis)
        if shape is None or axis_value is None or node.name in rewriting.kept:
            continue
        place = int(axis_value) % len(shape)
        lengths = [rewriting.tensor("{}:{}".format(node.name, i)).shape.as_list()[place]
                   for i in range(int(node.attr["num_split"].i))]
        if place and None not in lengths:
            _slice_up(rewriting, node, value, place, lengths, len(shape))


def _slice_up(rewriting: Rewriting, node: Any, value: str, axis: int, lengths: List[Any], rank: int) -> None:
    for i, length in enumerate(lengths):
        part = tf.NodeDef(name=rewriting.editor.unused_name("{}/part_{}".format(node.name, i)), op="Identity")
        start = sum(lengths[:i])
        rewriting.replace(part, lambda x, start=start, length=length: _slice(x, axis, start, length, rank), inputs=[value])
        rewriting.reconnect(node.name if i == 0 else "{}:{}".format(node.name, i), part.name)


def _slice(x: tf.Tensor, axis: int, start: int, length: int, rank: int = 4) -> tf.Tensor:
    return tf.slice(x, [start if i == axis else 0 for i in range(rank)], [length if i == axis else -1 for i in range(rank)])


def mirror_by_slices(rewriting: Rewriting) -> None:
    """Symmetric `MirrorPad` as rows and columns put together; OpenCV takes it for one that leaves the border out."""
    for node in rewriting.of_type("MirrorPad"):
        shape, paddings = rewriting.shape(node.input[0]), rewriting.constant(node.input[1])
        if shape is None or len(shape) != 4 or paddings is None or attribute(node, "mode").s != b"SYMMETRIC":
            continue
        padded = {axis: list(range(before))[::-1] + list(range(int(shape[axis] or 0))) + [int(shape[axis] or 0) - 1 - i
                                                                                         for i in range(after)]
                  for axis, (before, after) in enumerate(paddings.tolist()) if before or after}
        _replace_by_taking(rewriting, node, shape, padded)


def reverse_by_slices(rewriting: Rewriting) -> None:
    """Slices with a negative step."""
    for node in rewriting.of_type("StridedSlice", "ReverseV2"):
        shape = rewriting.shape(node.input[0])
        if shape is not None and len(shape) == 4:
            taken = _reversed(rewriting, node, shape) if node.op == "ReverseV2" else _strided(rewriting, node, shape)
            _replace_by_taking(rewriting, node, shape, taken)


def _reversed(rewriting: Rewriting, node: Any, shape: List[Any]) -> Dict[int, List[int]]:
    axes = rewriting.constant(node.input[1])
    return {} if axes is None else {int(axis) % 4: list(range(shape[axis] or 0))[::-1] for axis in axes}


def _strided(rewriting: Rewriting, node: Any, shape: List[Any]) -> Dict[int, List[int]]:
    begin, end, strides = [rewriting.constant(name) for name in node.input[1:4]]
    masks = {name: int(attribute(node, name + "_mask").i) for name in ("begin", "end", "ellipsis", "new_axis", "shrink_axis")}
    if begin is None or end is None or strides is None or min(strides) > 0 or masks["new_axis"] or masks["shrink_axis"]:
        return {}
    taken = {}
    for place in range(len(strides)):
        if masks["ellipsis"] >> place & 1:
            continue
        is_behind = masks["ellipsis"] and place > masks["ellipsis"].bit_length() - 1
        axis = place + (len(shape) - len(strides) if is_behind else 0)
        first, last = [None if masks[name] >> place & 1 else int(values[place])
                       for name, values in (("begin", begin), ("end", end))]
        if (first, last, int(strides[place])) != (None, None, 1):
            taken[axis] = list(range(*slice(first, last, int(strides[place])).indices(shape[axis] or 0)))
    return taken


def _replace_by_taking(rewriting: Rewriting, node: Any, shape: List[Any], taken: Dict[int, List[int]]) -> None:
    """Replace an operation that takes rows, columns or channels in another order, if all of these sizes are known."""
    is_small = all(axis == 3 or len(indices) <= _MOST_ROWS for axis, indices in taken.items())
    if taken and 0 not in taken and is_small and all(shape[axis] for axis in taken):
        rewriting.replace(node, lambda x: _taken(x, taken, shape), inputs=node.input[:1])


def _taken(x: tf.Tensor, taken: Dict[int, List[int]], shape: List[Any]) -> tf.Tensor:
    for axis, indices in sorted(taken.items()):
        if axis == 3:  # a convolution with one pixel is quicker than many slices
            kernel = np.eye(shape[3], dtype="float32")[:, indices].reshape(1, 1, shape[3], len(indices))
            x = tf.nn.conv2d(x, tf.constant(kernel), strides=[1, 1, 1, 1], padding="VALID")
        else:
            x = tf.concat([_slice(x, axis, start, length) for start, length in _runs(indices)], axis)
    return x


def _runs(indices: List[int]) -> List[List[int]]:
    """(start, length) of parts that go up by one."""
    runs: List[List[int]] = []
    for index in indices:
        if runs and index == runs[-1][0] + runs[-1][1]:
            runs[-1][1] += 1
        else:
            runs.append([index, 1])
    return runs


def _format(node: Any) -> Optional[str]:
    return attribute(node, "data_format").s.decode() or "NHWC"

