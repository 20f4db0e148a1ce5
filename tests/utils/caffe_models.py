"""Models of Caffe for tests: caffemodels built byte by byte, in the wire format of protocol buffers."""
import struct

import numpy as np


def varint(value):
    encoded = bytearray()
    while True:
        encoded.append(value & 0x7F | (0x80 if value > 0x7F else 0))
        value >>= 7
        if not value:
            return bytes(encoded)


def integer(number, value):
    """A field of type int32, int64 or enum."""
    return varint(number << 3) + varint(value & 0xFFFFFFFFFFFFFFFF)


def field(number, content):
    """A field that is a string, a message, or packed numbers."""
    content = content.encode() if isinstance(content, str) else content
    return varint(number << 3 | 2) + varint(len(content)) + content


def blob(array):
    """`BlobProto { shape { dim: ... } data: ... }`, as Caffe has written it since 2014."""
    array = np.asarray(array)
    shape = field(7, field(1, b"".join(varint(d) for d in array.shape)))
    return field(5, array.astype("<f4").tobytes()) + shape


def double_blob(array):
    array = np.asarray(array)
    return field(8, array.astype("<f8").tobytes()) + field(7, b"".join(integer(1, d) for d in array.shape))


def old_blob(array):
    """`BlobProto { num: channels: height: width: data: ... }`: always four dimensions; numbers one by one."""
    array = np.asarray(array)
    shape = (1,) * (4 - array.ndim) + array.shape
    header = b"".join(integer(k + 1, d) for k, d in enumerate(shape))
    return header + b"".join(varint(5 << 3 | 5) + struct.pack("<f", v) for v in array.reshape(-1))


def layer(name, kind, *blobs):
    """`NetParameter.layer`."""
    return field(100, field(1, name) + field(2, kind) + field(3, "bottom") + field(4, "top")
                 + varint(5 << 3 | 5) + struct.pack("<f", 1) + b"".join(field(7, b) for b in blobs) + integer(10, 1))


def old_layer(name, number, *blobs):
    """`NetParameter.layers`, a V1LayerParameter; its type is a number."""
    return field(2, field(2, "bottom") + field(3, "top") + field(4, name) + integer(5, number)
                 + b"".join(field(6, b) for b in blobs))


def values(seed, *shape):
    return np.random.RandomState(seed).uniform(-1, 1, size=shape).astype("float32")


DEPLOY = """
name: "Small"  # a comment
layer { name: "data" type: "Input" top: "data" input_param { shape: { dim: 1 dim: 3 dim: 11 dim: 9 } } }
layer {
  name: "conv1" type: 'Convolution' bottom: "data" top: "conv1"
  param { lr_mult: 1.0 } param { lr_mult: 2e0 }
  convolution_param { num_output: 4 pad: 1 kernel_size: 3 stride: 2 weight_filler { type: "gaussian" std: 0.01 } }
}
layer { name: "bn1" type: "BatchNorm" bottom: "conv1" top: "conv1" batch_norm_param { use_global_stats: true eps: 1e-5 } }
layer { name: "scale1" type: "Scale" bottom: "conv1" top: "conv1" scale_param { bias_term: true } }
layer { name: "relu1" type: "ReLU" bottom: "conv1" top: "conv1" }
layer { name: "pool1" type: "Pooling" bottom: "conv1" top: "pool1" pooling_param { pool: MAX kernel_size: 2 stride: 2 } }
layer { name: "fc" type: "InnerProduct" bottom: "pool1" top: "fc" inner_product_param { num_output: 3 } }
layer { name: "prob" type: "Softmax" bottom: "fc" top: "prob" }
"""
ARRAYS = {  # the pooled image is 4x3x3
    "conv1": [values(0, 4, 3, 3, 3), values(1, 4)],
    "bn1": [values(2, 4), values(3, 4) + 2, np.array([4.0], "float32")],
    "scale1": [values(4, 4), values(5, 4)],
    "fc": [values(6, 3, 4 * 3 * 3), values(7, 3)],
}
TYPES = {"conv1": "Convolution", "bn1": "BatchNorm", "scale1": "Scale", "fc": "InnerProduct"}
IMAGE = values(8, 11, 9, 3)  # height, width, channel


def caffemodel():
    return field(1, "Small") + b"".join(
        layer(name, TYPES[name], *[blob(array) for array in arrays]) for name, arrays in ARRAYS.items())
