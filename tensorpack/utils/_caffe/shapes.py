"""Shapes of the blobs in a network of Caffe, as far as they follow from its description."""
from __future__ import annotations

from typing import Any, Callable, Dict, List, Optional, Tuple

from .net import Description, Layer

Size = Optional[int]
KnownShape = Tuple[Size, ...]  # without the batch
Shape = Optional[KnownShape]  # None where nothing is known

_KEEP_SHAPE = {"AbsVal", "BNLL", "BatchNorm", "Bias", "Clip", "Dropout", "ELU", "Eltwise", "Exp", "LRN", "Log", "MVN", "PReLU",
               "Power", "ReLU", "Scale", "Sigmoid", "Softmax", "Split", "Swish", "TanH", "Threshold",
               "Flatten"}  # what is flattened keeps its order, which is what the shape is asked for

_CEIL = 0  # of the enumeration RoundMode, and its default


def blob_shapes(description: Description) -> Dict[str, Dict[str, Shape]]:
    """For each layer by name, the shapes of its bottoms by name: (channels, height, width), or (number,)."""
    shapes = _input_shapes(description.message)
    bottoms: Dict[str, Dict[str, Shape]] = {}
    for layer in description.layers:
        bottoms[layer.name] = {name: shapes.get(name) for name in layer.bottoms}
        shape = _output_shape(layer, [shapes.get(name) for name in layer.bottoms])
        for top in layer.tops:
            shapes[top] = shape
    return bottoms


def _input_shapes(message: Any) -> Dict[str, Shape]:
    dims = message.input_dim
    shapes = [tuple(shape.dim[1:]) for shape in message.input_shape]
    shapes = shapes or [tuple(dims[k + 1:k + 4]) for k in range(0, len(dims), 4)]
    return dict(zip(message.input, shapes))


def _output_shape(layer: Layer, bottoms: List[Shape]) -> Shape:
    if layer.type in _SOURCES:
        return _SOURCES[layer.type](layer)
    if layer.type == "InnerProduct":
        return (layer.parameter("inner_product_param", "num_output"),)
    if not bottoms or bottoms[0] is None:
        return None
    if layer.type in _KEEP_SHAPE:
        return bottoms[0]
    if layer.type == "Concat":
        return _concat(layer, bottoms[0], bottoms[1:])
    return _RULES[layer.type](layer, bottoms[0]) if layer.type in _RULES else None


def _declared(group: str) -> Callable[[Layer], Shape]:
    def shape(layer: Layer) -> Shape:
        declared = getattr(layer.message, group).shape
        return tuple(declared[0].dim[1:]) if declared else None

    return shape


def _cropped(layer: Layer) -> Shape:
    size = layer.parameter("transform_param", "crop_size") or layer.parameter("window_data_param", "crop_size")
    return (None, size, size) if size else None


def _in_memory(layer: Layer) -> Shape:
    return tuple(layer.parameter("memory_data_param", name) for name in ("channels", "height", "width"))


def _convolution(layer: Layer, bottom: KnownShape) -> Shape:
    windows = [_window(layer, "convolution_param", axis) for axis in (0, 1)]
    sizes = [None if size is None else (size + 2 * pad - dilation * (kernel - 1) - 1) // stride + 1
             for size, (kernel, stride, pad, dilation) in zip(bottom[1:], windows)]
    return (layer.parameter("convolution_param", "num_output"),) + tuple(sizes)


def _deconvolution(layer: Layer, bottom: KnownShape) -> Shape:
    windows = [_window(layer, "convolution_param", axis) for axis in (0, 1)]
    sizes = [None if size is None else stride * (size - 1) + dilation * (kernel - 1) + 1 - 2 * pad
             for size, (kernel, stride, pad, dilation) in zip(bottom[1:], windows)]
    return (layer.parameter("convolution_param", "num_output"),) + tuple(sizes)


def _pooling(layer: Layer, bottom: KnownShape) -> Shape:
    if layer.parameter("pooling_param", "global_pooling"):
        return (bottom[0], 1, 1)
    round_up = layer.message.pooling_param.round_mode == _CEIL
    windows = [_window(layer, "pooling_param", axis) for axis in (0, 1)]
    return bottom[:1] + tuple(_pooled(size, *window[:3], round_up) for size, window in zip(bottom[1:], windows))


def _pooled(size: Size, kernel: int, stride: int, pad: int, round_up: bool) -> Size:
    if size is None:
        return None
    span = size + 2 * pad - kernel
    pooled = (-(-span // stride) if round_up else span // stride) + 1
    # The last window must start inside of the image or its left padding.
    return pooled - 1 if pad and (pooled - 1) * stride >= size + pad else pooled


def _window(layer: Layer, group: str, axis: int) -> Tuple[int, int, int, int]:
    """Kernel size, stride, padding and dilation along the height (0) or the width (1)."""
    message = getattr(layer.message, group)

    def value(name: str, default: int) -> int:
        of_axis = "{}_{}".format(name.replace("_size", ""), "hw"[axis])
        values = getattr(message, name) or getattr(message, of_axis) or [default]
        return values[min(axis, len(values) - 1)]

    return value("kernel_size", 1), value("stride", 1), value("pad", 0), value("dilation", 1)


def _concat(layer: Layer, first: KnownShape, others: List[Shape]) -> Shape:
    axis = layer.parameter("concat_param", "axis", layer.parameter("concat_param", "concat_dim", 1))
    channels = [shape[0] for shape in [first, *others] if shape is not None and shape[0] is not None]
    if axis != 1 or len(channels) <= len(others):
        return None
    return (sum(channels),) + first[1:]


_SOURCES: Dict[str, Callable[[Layer], Shape]] = {
    "Data": _cropped, "DummyData": _declared("dummy_data_param"), "ImageData": _cropped, "Input": _declared("input_param"),
    "MemoryData": _in_memory, "WindowData": _cropped,
}
_RULES: Dict[str, Callable[[Layer, KnownShape], Shape]] = {
    "Convolution": _convolution, "Deconvolution": _deconvolution, "Pooling": _pooling,
}
