"""Sizes of kernels and outputs, paddings and data formats, as the arguments of layers say them."""
from __future__ import annotations

from typing import Any, Optional, Sequence, Tuple, Union

from .....compat import tfv1 as tf

__all__ = ["Sizes", "channel_axis", "channels", "convolved_size", "kernel_data_format", "last_channels", "layer_data_format",
           "layer_padding", "sizes", "transposed_size"]

Sizes = Union[int, Sequence[int]]  # one for all axes of space, or one for each

_KERNEL_FORMATS = {"channels_last": "N{}C", "channels_first": "NC{}"}


def sizes(who: str, name: str, value: Any, count: int) -> Tuple[int, ...]:
    """`count` whole numbers, of an argument that is one for all or one for each."""
    try:
        values = (int(value),) * count if not hasattr(value, "__len__") else tuple(int(each) for each in value)
    except (TypeError, ValueError):
        values = ()
    if len(values) != count:
        raise ValueError("{}: {} must be a whole number or {} of them; got {!r}".format(who, name, count, value))
    return values


def layer_data_format(value: Optional[str]) -> str:
    """'channels_last' (also for None) or 'channels_first'."""
    text = "channels_last" if value is None else str(value).lower()
    if text not in _KERNEL_FORMATS:
        raise ValueError("data_format must be 'channels_last' or 'channels_first'; got {!r}".format(value))
    return text


def kernel_data_format(data_format: str, rank: int) -> str:
    """As 'NHWC' or 'NCDHW', for `rank` axes of space."""
    return _KERNEL_FORMATS[data_format].format("DHW"[-rank:])


def layer_padding(who: str, value: Any, causal: bool = False) -> str:
    """'valid', 'same' or, where the layer has it, 'causal'."""
    allowed = ("valid", "same", "causal")[:3 if causal else 2]
    text = str(value).lower()
    if text not in allowed:
        raise ValueError("{}: padding must be one of {}; got {!r}".format(who, ", ".join(allowed), value))
    return text


def channel_axis(data_format: str) -> int:
    """1 or -1."""
    return 1 if data_format == "channels_first" else -1


def channels(layer: Any, input_shape: Any, axis: int) -> int:
    """The size of an axis, which must be known when the layer is built."""
    size = tf.TensorShape(input_shape).as_list()[axis]
    if size is None:
        raise ValueError("layer {}: the size of axis {} of the input must be known when the graph is built; got shape {}; "
                         "use set_shape on the input".format(layer.name, axis, input_shape))
    return int(size)


def last_channels(layer: Any, input_shape: Any) -> int:
    """The size of the last axis, which must be known."""
    return channels(layer, input_shape, -1)


def convolved_size(size: Optional[int], kernel: int, padding: str, stride: int, dilation: int = 1) -> Optional[int]:
    """The size of an axis after a convolution or pooling."""
    if size is None:
        return None
    if padding == "valid":
        size -= (kernel - 1) * dilation
    return (size + stride - 1) // stride


def transposed_size(size: Any, kernel: int, padding: str, stride: int) -> Any:
    """The size of an axis, a number or a tensor or None, after a transposed convolution."""
    if size is None:
        return None
    return size * stride + (max(kernel - stride, 0) if padding == "valid" else 0)
