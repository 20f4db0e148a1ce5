"""Networks of Caffe: the layers that a prototxt describes, and the arrays in a caffemodel, both of the new and the old form."""
from __future__ import annotations

from typing import Any, Callable, Dict, List, NamedTuple, Optional, Tuple

import numpy as np

from .blob import decode_blob
from .prototxt import Message, parse_prototxt
from .wire_format import fields

# Numbers in a NetParameter: of a LayerParameter and of a V1LayerParameter, and within these of the name and the arrays.
_LAYERS = {100: (1, 7), 2: (4, 6)}
# Types of V1LayerParameter that differ by more than their way of writing.
_OLD_TYPES = {"BNLL": "BNLL", "LRN": "LRN", "MVN": "MVN", "RELU": "ReLU", "TANH": "TanH", "ABSVAL": "AbsVal"}


class Layer(NamedTuple):
    """A layer that a prototxt describes; `type` in the new spelling, such as "InnerProduct"."""

    name: str
    type: str
    bottoms: List[str]
    tops: List[str]
    message: Message

    def parameter(self, group: str, name: str, default: Any = None) -> Any:
        """The first value of a field in the message `group`."""
        return first(first(self.message, group, {}), name, default)


class Description(NamedTuple):
    """The network of a prototxt as it is when tested."""

    message: Message
    layers: List[Layer]


def first(message: Message, name: str, default: Any = None) -> Any:
    """The first value of a field."""
    return message.get(name, [default])[0]


def read_description(path: str) -> Description:
    """Read a prototxt.

    Raises:
        ValueError: it is none.
    """
    try:
        with open(path, encoding="utf-8") as f:
            message = parse_prototxt(f.read())
        layers = [_layer(m, _new_type) for m in message.get("layers", []) if _is_tested(m)]
        layers += [_layer(m, str) for m in message.get("layer", []) if _is_tested(m)]
    except ValueError as e:
        raise ValueError("load_caffe: {} must describe a network in the text format of Caffe; got: {}".format(path, e)) from e
    return Description(message, layers)


def _layer(message: Message, spell: Callable[[str], str]) -> Layer:
    if "name" not in message or "type" not in message:
        raise ValueError("a layer without name or type")
    return Layer(message["name"][0], spell(message["type"][0]), message.get("bottom", []), message.get("top", []), message)


def _new_type(old_type: str) -> str:
    """The type INNER_PRODUCT of a V1LayerParameter is InnerProduct today."""
    return _OLD_TYPES.get(old_type) or "".join(word.capitalize() for word in old_type.split("_"))


def _is_tested(layer: Message) -> bool:
    """Whether the layer is part of the network in the phase TEST."""
    included = [first(rule, "phase") for rule in layer.get("include", [])]
    excluded = [first(rule, "phase") for rule in layer.get("exclude", [])]
    return "TEST" not in excluded and (not included or "TEST" in included or None in included)


def read_arrays(path: str) -> Dict[str, List[np.ndarray]]:
    """The arrays of each layer in a caffemodel, float32, by the layer's name; layers without arrays are left out.

    Raises:
        ValueError: it is none.
    """
    with open(path, "rb") as f:
        content = memoryview(f.read())
    arrays: Dict[str, List[np.ndarray]] = {}
    try:
        for number, value in fields(content):
            if number in _LAYERS:
                name, blobs = _read_layer(value, *_LAYERS[number])
                if blobs:
                    arrays[name] = blobs
        if not arrays:
            raise ValueError("no layer with arrays")
    except (TypeError, ValueError) as e:
        raise ValueError("load_caffe: {} must be a complete binary caffemodel; got: {}".format(path, e)) from e
    return arrays


def _read_layer(message: Any, name_number: int, blobs_number: int) -> Tuple[str, List[np.ndarray]]:
    name: Optional[str] = None
    blobs = []
    for number, value in fields(message):
        if number == name_number:
            name = bytes(value).decode("utf-8")
        elif number == blobs_number:
            blobs.append(decode_blob(value))
    if name is None:
        raise ValueError("a layer without name")
    return name, blobs
