"""Networks of Caffe: the layers that a prototxt describes, and the arrays in a caffemodel, both of the new and the old form."""
from __future__ import annotations

from typing import Any, Dict, List, NamedTuple

import numpy as np

from .blob import blob_array
from .schema import parse_binary, parse_text

# Types of V1LayerParameter that differ by more than their way of writing.
_OLD_TYPES = {"BNLL": "BNLL", "LRN": "LRN", "MVN": "MVN", "RELU": "ReLU", "TANH": "TanH", "ABSVAL": "AbsVal"}
_TEST = 1  # of the enumeration Phase


class Layer(NamedTuple):
    """A layer that a prototxt describes; `type` in the new spelling, such as "InnerProduct"."""

    name: str
    type: str
    bottoms: List[str]
    tops: List[str]
    message: Any

    def parameter(self, group: str, name: str, default: Any = None) -> Any:
        """The value of a field in the message `group`, if it is set."""
        message = getattr(self.message, group)
        return getattr(message, name) if message.HasField(name) else default


class Description(NamedTuple):
    """The network of a prototxt as it is when tested."""

    message: Any
    layers: List[Layer]


def read_description(path: str) -> Description:
    """Read a prototxt.

    Raises:
        ValueError: it is none.
    """
    try:
        with open(path, encoding="utf-8") as f:
            message = parse_text("DescribedNet", f.read())
        layers = [_layer(m, _new_type(m)) for m in message.layers if _is_tested(m)]
        layers += [_layer(m, m.type) for m in message.layer if _is_tested(m)]
    except ValueError as e:
        raise ValueError("load_caffe: {} must describe a network in the text format of Caffe; got: {}".format(path, e)) from e
    return Description(message, layers)


def _layer(message: Any, kind: str) -> Layer:
    if not message.HasField("name") or not message.HasField("type"):
        raise ValueError("a layer without name or type")
    return Layer(message.name, kind, list(message.bottom), list(message.top), message)


def _new_type(layer: Any) -> str:
    """The type INNER_PRODUCT of a V1LayerParameter is InnerProduct today."""
    old = layer.DESCRIPTOR.fields_by_name["type"].enum_type.values_by_number[layer.type].name
    return _OLD_TYPES.get(old) or "".join(word.capitalize() for word in old.split("_"))


def _is_tested(layer: Any) -> bool:
    """Whether the layer is part of the network in the phase TEST."""
    included, excluded = ([rule.phase if rule.HasField("phase") else None for rule in rules]
                          for rules in (layer.include, layer.exclude))
    return _TEST not in excluded and (not included or _TEST in included or None in included)


def read_arrays(path: str) -> Dict[str, List[np.ndarray]]:
    """The arrays of each layer in a caffemodel, float32, by the layer's name; layers without arrays are left out.

    Raises:
        ValueError: it is none.
    """
    try:
        with open(path, "rb") as f:
            net = parse_binary("Net", f.read())
        layers = [layer for layer in [*net.layers, *net.layer] if layer.blobs]
        if not layers:
            raise ValueError("no layer with arrays")
        if not all(layer.HasField("name") for layer in layers):
            raise ValueError("a layer without name")
        return {layer.name: [blob_array(blob) for blob in layer.blobs] for layer in layers}
    except ValueError as e:
        raise ValueError("load_caffe: {} must be a complete binary caffemodel; got: {}".format(path, e)) from e
