"""The messages in files of Caffe, as far as they are read, told to the package protobuf: no code of Caffe is needed."""
from __future__ import annotations

import re
from typing import Any

from .._protobuf import Schema

# {message: {field: (number, type)}}; a star marks a repeated field. The numbers that pack a field are read as bytes: to
# NumPy they are an array, to protobuf they would be a Python object each.
_BINARY = {
    "BlobShape": {"dim": (1, "int64*")},
    "BlobProto": {"num": (1, "int32"), "channels": (2, "int32"), "height": (3, "int32"), "width": (4, "int32"),
                  "data": (5, "bytes*"), "shape": (7, "BlobShape"), "double_data": (8, "bytes*")},
    "UnpackedBlob": {"data": (5, "float*"), "double_data": (8, "double*")},
    "Datum": {"channels": (1, "int32"), "height": (2, "int32"), "width": (3, "int32"), "data": (4, "bytes"),
              "label": (5, "int32")},
    "NewLayer": {"name": (1, "string"), "blobs": (7, "BlobProto*")},
    "OldLayer": {"name": (4, "string"), "blobs": (6, "BlobProto*")},
    "Net": {"layers": (2, "OldLayer*"), "layer": (100, "NewLayer*")},
}

_WINDOW = dict.fromkeys([
    "kernel_size", "kernel_h", "kernel_w", "stride", "stride_h", "stride_w", "pad", "pad_h", "pad_w", "dilation",
    "dilation_h", "dilation_w"], "int32*")
_DESCRIBED_LAYER = {
    "name": "string", "bottom": "string*", "top": "string*", "include": "NetStateRule*", "exclude": "NetStateRule*",
    "concat_param": "Concat", "convolution_param": "Convolution", "dummy_data_param": "Declared", "input_param": "Declared",
    "inner_product_param": "InnerProduct", "memory_data_param": "MemoryData", "pooling_param": "Pooling",
    "transform_param": "Crop", "window_data_param": "Crop",
}
# {message: {field: type}}: in text fields go by name, so that their numbers do not matter.
_TEXT = {
    "Concat": {"axis": "int32", "concat_dim": "int32"},
    "Convolution": dict(_WINDOW, num_output="int32"),
    "Crop": {"crop_size": "int32"},
    "Declared": {"shape": "BlobShape*"},
    "InnerProduct": {"num_output": "int32", "transpose": "bool"},
    "MemoryData": {"channels": "int32", "height": "int32", "width": "int32"},
    "NetStateRule": {"phase": "Phase"},
    "Pooling": dict(_WINDOW, global_pooling="bool", round_mode="RoundMode"),
    "NewDescribedLayer": dict(_DESCRIBED_LAYER, type="string"),
    "OldDescribedLayer": dict(_DESCRIBED_LAYER, type="OldType"),
    "DescribedNet": {"input": "string*", "input_dim": "int32*", "input_shape": "BlobShape*", "layer": "NewDescribedLayer*",
                     "layers": "OldDescribedLayer*"},
}
# The values of an enumeration, from 0 on.
_ENUMS = {
    "Phase": "TRAIN TEST",
    "RoundMode": "CEIL FLOOR",
    "OldType": """
        NONE ACCURACY BNLL CONCAT CONVOLUTION DATA DROPOUT EUCLIDEAN_LOSS FLATTEN HDF5_DATA HDF5_OUTPUT IM2COL IMAGE_DATA
        INFOGAIN_LOSS INNER_PRODUCT LRN MULTINOMIAL_LOGISTIC_LOSS POOLING RELU SIGMOID SOFTMAX SOFTMAX_LOSS SPLIT TANH
        WINDOW_DATA ELTWISE POWER SIGMOID_CROSS_ENTROPY_LOSS HINGE_LOSS MEMORY_DATA ARGMAX THRESHOLD DUMMY_DATA SLICE MVN
        ABSVAL SILENCE CONTRASTIVE_LOSS EXP DECONVOLUTION""",
}
_LIST = re.compile(r"""(\w+)\s*:\s*\[([^][{}<>"']*)\]""")


_MESSAGES = dict(_BINARY, **{message: {name: (k, kinds[name]) for k, name in enumerate(kinds, 1)}
                             for message, kinds in _TEXT.items()})
_SCHEMA = Schema("tensorpack.caffe", "reading files of Caffe (load_caffe, CaffeLMDB, ILSVRCMeta)", _MESSAGES,
                 {enum: values.split() for enum, values in _ENUMS.items()})


def parse_binary(name: str, content: bytes) -> Any:
    """The message in the content of a binary file.

    Raises:
        ValueError: it is damaged, or no such message.
    """
    return _SCHEMA.parse(name, content)


def parse_text(name: str, text: str) -> Any:
    """The message in the content of a text file; fields that it has not are passed over.

    Raises:
        ValueError: it is no text format, or has a wrong value; begins with line and column.
    """
    try:
        return _SCHEMA.text_format.Parse(_LIST.sub(_repeat, text), _SCHEMA.new(name), allow_unknown_field=True)
    except _SCHEMA.text_format.ParseError as e:
        raise ValueError(str(e)) from e


def _repeat(match: Any) -> str:
    """`a: [1, 2]` as `a: 1 a: 2`, since protobuf 3 cannot pass over a list; one of strings is left to it."""
    name, values = match.groups()
    repeated = " ".join("{}: {}".format(name, value.strip()) for value in values.split(",") if value.strip())
    return repeated + "\n" * match.group().count("\n")  # errors tell the line
