"""Weights of models trained by Caffe, in the layout and under the names of this library's layers.

Neither Caffe nor its generated code is needed, but the package protobuf, which TensorFlow brings along. As a command:
`python -m tensorpack.utils.loadcaffe deploy.prototxt weights.caffemodel output.npz`.
"""
from __future__ import annotations

import argparse
import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
from typing import Any, Dict, List, Optional, Sequence

import numpy as np

from . import logger
from ._caffe.net import Layer, read_arrays, read_description
from ._caffe.shapes import Shape, blob_shapes
from ._files.remote_file import RemoteFile, obtain
from ._text.counted import counted
from .argtools import memoized
from .fs import atomic_write, get_dataset_path

__all__ = ["get_caffe_pb", "load_caffe"]

_PROTO = RemoteFile("caffe.proto", ("https://github.com/BVLC/caffe/raw/master/src/caffe/proto/caffe.proto",))


def load_caffe(model_desc: str, model_file: str) -> Dict[str, np.ndarray]:
    """Read a model of Caffe: {name: float32 array}, for a layer `name` of type

    - Convolution: `name/W` (height, width, in, out) and `name/b`;
    - InnerProduct: `name/W` (in, out), in the order height, width, channel where the input is an image, and `name/b`;
    - BatchNorm: `name/mean/EMA`, `name/variance/EMA`, divided by the scale factor; of the Scale layer that follows it
      `name/gamma` and `name/beta`, under the name of the BatchNorm.

    Parameters of other layers are left out, with a warning.

    Args:
        model_desc: the prototxt; only of this network's layers the parameters are taken.
        model_file: the caffemodel, in binary form.

    Raises:
        ValueError: a file is damaged, a Scale follows no BatchNorm, or the shape of an InnerProduct's input is not known.
    """
    description = read_description(model_desc)
    arrays = read_arrays(model_file)
    shapes = blob_shapes(description)
    params: Dict[str, np.ndarray] = {}
    batch_norms: List[Layer] = []
    for layer in description.layers:
        if layer.name not in arrays:
            if layer.type in _CONVERTERS or layer.type == "Scale":
                logger.warning("load_caffe: %s has no parameters of the %s layer %s.", model_file, layer.type, layer.name)
            continue
        if layer.type == "BatchNorm":
            batch_norms.append(layer)
        if layer.type == "Scale":
            converted = _scale(_batch_norm_before(layer, batch_norms).name, arrays[layer.name])
        elif layer.type in _CONVERTERS:
            converted = _CONVERTERS[layer.type](layer, arrays[layer.name], shapes[layer.name])
        else:
            logger.warning("load_caffe: the parameters of the %s layer %s are left out.", layer.type, layer.name)
            continue
        params.update(converted)
    logger.info("Loaded %s from %s: %s", counted(len(params), "parameter"), model_file, ", ".join(sorted(params)))
    return params


def _input_of(layer: Layer) -> str:
    """The name of the blob that it takes."""
    if not layer.bottoms:
        raise ValueError("load_caffe: the {} layer {} must take a blob; its description has no `bottom`".format(
            layer.type, layer.name))
    return layer.bottoms[0]


def _with_bias(layer: Layer, weights: np.ndarray, arrays: List[np.ndarray]) -> Dict[str, np.ndarray]:
    params = {layer.name + "/W": np.ascontiguousarray(weights)}
    if len(arrays) > 1:
        params[layer.name + "/b"] = arrays[1].reshape(-1)
    return params


def _convolution(layer: Layer, arrays: List[np.ndarray], bottoms: Dict[str, Shape]) -> Dict[str, np.ndarray]:
    weights = arrays[0]  # out, in, height, width
    return _with_bias(layer, weights.transpose(tuple(range(2, weights.ndim)) + (1, 0)), arrays)


def _inner_product(layer: Layer, arrays: List[np.ndarray], bottoms: Dict[str, Shape]) -> Dict[str, np.ndarray]:
    weights = arrays[0].reshape(arrays[0].shape[-2:])  # old files have four dimensions
    weights = weights if layer.parameter("inner_product_param", "transpose") else weights.T
    return _with_bias(layer, _from_channels_first(layer, weights, bottoms[_input_of(layer)]), arrays)


def _from_channels_first(layer: Layer, weights: np.ndarray, shape: Shape) -> np.ndarray:
    """Reorder the input dimension from channel, height, width to height, width, channel."""
    if shape is not None and len(shape) == 1:
        return weights
    num_in = weights.shape[0]
    shape = _completed(shape, num_in)
    if shape is None:
        raise ValueError("load_caffe: the shape of the input of the InnerProduct layer {} must follow from the description, "
                         "with {} elements; use a deploy.prototxt, which states the shape of the input".format(
                             layer.name, num_in))
    return weights.reshape(shape + (-1,)).transpose(1, 2, 0, 3).reshape(num_in, -1)


def _completed(shape: Shape, size: int) -> Shape:
    """The shape with one unknown dimension filled in; None if it cannot have `size` elements."""
    if shape is None or len(shape) != 3 or shape.count(None) > 1:
        return None
    known = int(np.prod([d for d in shape if d is not None], dtype="int64"))
    shape = tuple(size // known if d is None else d for d in shape)
    return shape if int(np.prod(shape, dtype="int64")) == size else None


def _batch_norm(layer: Layer, arrays: List[np.ndarray], bottoms: Dict[str, Shape]) -> Dict[str, np.ndarray]:
    if len(arrays) != 3:
        raise ValueError("load_caffe: the BatchNorm layer {} must have a mean, a variance and their scale; got {} "
                         "arrays".format(layer.name, len(arrays)))
    mean, variance, (scale,) = (array.reshape(-1) for array in arrays)
    factor = 1 / scale if scale != 0 else scale
    return {layer.name + "/mean/EMA": mean * factor, layer.name + "/variance/EMA": variance * factor}


def _batch_norm_before(scale: Layer, batch_norms: Sequence[Layer]) -> Layer:
    """The last BatchNorm whose output, or in-place input, the Scale takes."""
    for batch_norm in reversed(batch_norms):
        if _input_of(scale) in batch_norm.tops or _input_of(scale) == _input_of(batch_norm):
            return batch_norm
    raise ValueError("load_caffe: the Scale layer {} must follow a BatchNorm layer; got one that scales the blob {}, which no "
                     "BatchNorm normalizes".format(scale.name, _input_of(scale)))


def _scale(name: str, arrays: List[np.ndarray]) -> Dict[str, np.ndarray]:
    params = {name + "/gamma": arrays[0].reshape(-1)}
    if len(arrays) > 1:
        params[name + "/beta"] = arrays[1].reshape(-1)
    return params


_CONVERTERS = {"BatchNorm": _batch_norm, "Convolution": _convolution, "InnerProduct": _inner_product}


def get_caffe_pb() -> Any:
    """The module that the compiler of protocol buffers makes of Caffe's `caffe.proto`.

    It is kept as `caffe/caffe_pb2.py` in the directory of datasets, and made there, with a download of `caffe.proto`, if it is
    missing. `load_caffe` does not need it.

    Raises:
        OSError: `caffe.proto` is missing and cannot be downloaded.
        RuntimeError: there is no compiler, or it fails.
    """
    directory = get_dataset_path("caffe")
    path = os.path.join(directory, "caffe_pb2.py")
    if not os.path.isfile(path):
        _compile(obtain("get_caffe_pb", directory, _PROTO), path)
    return _import(path)


def _compile(proto: str, path: str) -> None:
    with tempfile.TemporaryDirectory() as temporary:
        shutil.copy(proto, temporary)
        command = _compiler() + [os.path.basename(proto), "--python_out", "."]
        result = subprocess.run(command, cwd=temporary, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        if result.returncode != 0:
            raise RuntimeError("get_caffe_pb: {} must compile {}; got exit status {} and: {}".format(
                " ".join(command), proto, result.returncode, result.stdout.decode(errors="replace")))
        with open(os.path.join(temporary, "caffe_pb2.py"), "rb") as source, atomic_write(path, "wb") as f:
            shutil.copyfileobj(source, f)


def _compiler() -> List[str]:
    if shutil.which("protoc"):
        return ["protoc"]
    if importlib.util.find_spec("grpc_tools") is not None:
        return [sys.executable, "-m", "grpc_tools.protoc", "-I."]
    raise RuntimeError("get_caffe_pb: there must be a compiler of protocol buffers; got neither the program protoc nor the "
                       "package grpcio-tools; install the system's package protobuf-compiler, or pip install grpcio-tools")


@memoized
def _import(path: str) -> Any:
    spec: Any = importlib.util.spec_from_file_location("caffe_pb2", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def main(args: Optional[Sequence[str]] = None) -> None:
    """The command: convert a model to a .npz, or to a .npy that holds a dict."""
    parser = argparse.ArgumentParser(prog="loadcaffe", description="Convert a model of Caffe to a .npz or .npy file.")
    parser.add_argument("model", help="the description, .prototxt")
    parser.add_argument("weights", help="the .caffemodel")
    parser.add_argument("output", help="file to write, .npz or .npy")
    options = parser.parse_args(args)
    extension = os.path.splitext(options.output)[1]
    if extension not in (".npz", ".npy"):
        parser.error("output must end with .npz or .npy; got {!r}".format(options.output))
    params: Any = load_caffe(options.model, options.weights)
    with atomic_write(options.output, "wb") as f:
        if extension == ".npz":
            np.savez(f, **params)
        else:
            np.save(f, params)
    logger.info("Wrote %s", options.output)


if __name__ == "__main__":
    main()
