"""Folding batch normalisation with fixed statistics into the weights of the convolution before it.

`gamma * (conv(x, W) + b - mean) / sqrt(variance + epsilon) + beta` is `conv(x, W * s) + (b - mean) * s + beta` with
`s = gamma / sqrt(variance + epsilon)` per output channel.
"""
from __future__ import annotations

from typing import Any, NamedTuple, Optional, Set, Tuple

import numpy as np

from ...compat import tfv1 as tf
from .graph_def import GraphEditor, attribute, is_control

_BATCH_NORMS = ("FusedBatchNorm", "FusedBatchNormV2", "FusedBatchNormV3")
_MULTIPLICATIONS = ("Mul",)
_ADDITIONS = ("Add", "AddV2")
# Operation whose weight is input 1 -> the axes of the weight that make up the output channels
_CONVOLUTIONS = {
    "Conv2D": (3,),
    "DepthwiseConv2dNative": (2, 3),
    "Conv2DBackpropInput": (2,),
    "MatMul": (1,),
}


class _Affine(NamedTuple):
    """Per channel `x * scale + shift`, in float64."""

    x: str  # the input
    scale: np.ndarray
    shift: np.ndarray
    rank: int  # dimensions that the operand was given with; more than the input's would raise the rank of the output


def fold_batch_norms(editor: GraphEditor, kept: Set[str]) -> None:
    """Fold each batch normalisation (fused, or a multiplication and an addition) whose input is a convolution or MatMul.

    That operation must have no other consumer, constant weights, and not be one of those `kept`.
    """
    for node in editor.in_order():
        if node.name in editor.nodes:
            _fold(editor, node, kept)


def _fold(editor: GraphEditor, node: Any, kept: Set[str]) -> None:
    affine = _affine_of(editor, node)
    if affine is None:
        return
    source, bias = _through_bias(editor, _only_used_by_one(editor, affine.x, kept), kept)
    if source is None or source.op not in _CONVOLUTIONS or attribute(source, "transpose_b").b:
        return
    if affine.rank > (2 if source.op == "MatMul" else 4):
        return
    weight = editor.constant(source.input[1])
    if weight is None or weight.dtype != np.float32:
        return
    axes = _CONVOLUTIONS[source.op]
    channels = int(np.prod([weight.shape[axis] for axis in axes]))
    scale, shift = affine.scale, affine.shift
    if not scale.size == shift.size == channels:
        return
    shape = [weight.shape[axis] if axis in axes else 1 for axis in range(weight.ndim)]
    folded_weight = (weight * scale.reshape(shape)).astype(np.float32)
    folded_bias = ((0. if bias is None else bias) * scale + shift).astype(np.float32)
    if affine.x != source.name:
        editor.remove(affine.x)
    _write(editor, node, source, folded_weight, folded_bias)


def _write(editor: GraphEditor, node: Any, source: Any, weight: np.ndarray, bias: np.ndarray) -> None:
    """Give the convolution its new weight, and make `node`, which keeps its name, add the bias."""
    weight_node = editor.new_constant(editor.unused_name(source.name + "/folded_weight"), weight)
    editor.replace(weight_node)
    bias_node = editor.new_constant(editor.unused_name(node.name + "/folded_bias"), bias)
    editor.replace(bias_node)
    source.input[1] = weight_node.name
    add = tf.NodeDef(name=node.name, op="BiasAdd", input=[source.name, bias_node.name])
    add.attr["T"].type = tf.float32.as_datatype_enum
    add.attr["data_format"].s = _format_of(source).encode()
    editor.replace(add)


def _affine_of(editor: GraphEditor, node: Any) -> Optional[_Affine]:
    if any(is_control(i) for i in node.input) or attribute(node, "T").type != tf.float32.as_datatype_enum:
        return None
    if node.op in _BATCH_NORMS:
        return _affine_of_batch_norm(editor, node)
    if node.op in _MULTIPLICATIONS + _ADDITIONS:
        return _affine_of_arithmetic(editor, node)
    return None


def _affine_of_batch_norm(editor: GraphEditor, node: Any) -> Optional[_Affine]:
    if attribute(node, "is_training").b or editor.max_output(node.name) > 0:
        return None
    source = editor.nodes.get(node.input[0])
    constants = [editor.constant(i) for i in node.input[1:5]]
    vectors = [c.astype(np.float64) for c in constants if c is not None]
    if source is None or _format_of(source) != _format_of(node) or len(vectors) < len(constants):
        return None
    gamma, beta, mean, variance = vectors
    epsilon = attribute(node, "epsilon").f if "epsilon" in node.attr else 1e-4  # the operation's default
    scale = gamma / np.sqrt(variance + epsilon)
    return _Affine(node.input[0], scale, beta - mean * scale, 1)


def _affine_of_arithmetic(editor: GraphEditor, node: Any) -> Optional[_Affine]:
    """`x * constant` or `x + constant`, the operands in any order."""
    for x, other in (node.input, reversed(node.input)):
        source, value = editor.nodes.get(x), editor.constant(other)
        if source is not None and value is not None and _is_per_channel(value, source):
            vector = value.astype(np.float64).ravel()
            if node.op in _MULTIPLICATIONS:
                return _Affine(x, vector, np.zeros_like(vector), value.ndim)
            return _Affine(x, np.ones_like(vector), vector, value.ndim)
    return None


def _is_per_channel(value: np.ndarray, source: Any) -> bool:
    """Whether numpy's broadcasting of the value over the output of `source` gives each channel one number."""
    if _format_of(source) == "NCHW":
        return value.ndim in (3, 4) and value.shape[-3] == value.size
    return value.ndim > 0 and value.shape[-1] == value.size


def _only_used_by_one(editor: GraphEditor, name: str, kept: Set[str]) -> Optional[Any]:
    """The operation of this name, if just one other needs it."""
    source = editor.nodes.get(name)  # None for another output than the first
    if source is None or name in kept or len(editor.consumers(name)) != 1 or any(is_control(i) for i in source.input):
        return None
    return source


def _through_bias(editor: GraphEditor, source: Optional[Any], kept: Set[str]) -> Tuple[Optional[Any], Optional[np.ndarray]]:
    """The operation behind a BiasAdd with its bias, or `source` itself with None."""
    if source is None or source.op != "BiasAdd":
        return source, None
    bias = editor.constant(source.input[1])
    convolution = _only_used_by_one(editor, source.input[0], kept)
    if bias is None or convolution is None or _format_of(convolution) != _format_of(source):
        return None, None
    return convolution, bias.astype(np.float64)


def _format_of(node: Any) -> str:
    return attribute(node, "data_format").s.decode() or "NHWC"
