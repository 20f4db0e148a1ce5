"""ONNX files of fewer bits: by the quantizers of ONNX Runtime, and weights of half the size that are cast when it is loaded."""
from __future__ import annotations

import os
import pickle
import subprocess
import sys
import tempfile
from typing import Any, List, Optional, Sequence

import numpy as np

from ....utils.optional import optional_import
from .._proof.examples import Example
from ..frozen_model import FrozenModel
from .ways import Smaller

_quantization = optional_import("onnxruntime.quantization", needed_by="ModelExporter.export_onnx(quantize=..., weights='int8')",
                                pip="onnxruntime (or tensorpack[onnxruntime])")
onnx = optional_import("onnx.numpy_helper", needed_by="ModelExporter.export_onnx", pip="tf2onnx (or tensorpack[onnx])")
_onnx = optional_import("onnx", needed_by="ModelExporter.export_onnx", pip="tf2onnx (or tensorpack[onnx])")

_LAST_WORDS = 400
# A process of its own: the quantizer writes files to the current directory (ONNX Runtime 1.10), logs by the root logger that
# others should have optimized the model, and uses deprecated functions.
_PROGRAM = """
import pickle, sys
with open("job", "rb") as job:
    sys.path[:] = pickle.load(job)
    rows = pickle.load(job)
try:
    from onnxruntime import quantization
    types = quantization.QuantType
    if rows is None:  # unsigned weights are the only kind for which all versions have convolutions
        quantization.quantize_dynamic("source.onnx", "target.onnx", per_channel=True, weight_type=types.QUInt8)
    else:
        class Reader(quantization.CalibrationDataReader):
            iterator = iter(rows)

            def get_next(self):
                return next(self.iterator, None)

        # Weights of seven bits: processors without instructions for products of bytes add two of them in 16 bits, which
        # overflow with eight, and the outputs were off by six times as much there.
        quantization.quantize_static("source.onnx", "target.onnx", Reader(), quant_format=quantization.QuantFormat.QDQ,
                                     per_channel=True, reduce_range=True, activation_type=types.QInt8,
                                     weight_type=types.QInt8)
except Exception as e:
    with open("failed", "w", encoding="utf-8") as f:
        f.write(" ".join(str(e).split()) or type(e).__name__)
"""
_LEAST_OPSET = 13  # scales of each channel
_LEAST_NUMBERS = 64  # an operation that casts takes about as many bytes as halving these saves
_LARGEST_HALF = float(np.finfo("float16").max)


def check_quantizer(way: Smaller) -> None:
    """Raise ImportError, before any work, if what makes the file is not installed."""
    if way.weights == "int8":
        _quantization.quantize_dynamic  # noqa: B018


def smaller_onnx(way: Smaller, plain: bytes, model: FrozenModel, examples: Sequence[Example]) -> Any:
    """The ModelProto in fewer bits.

    Args:
        plain: the file of the model.
        examples: rows for calibration.

    Raises:
        ValueError: there is nothing to make smaller, or the quantizer refuses the model.
    """
    if model.left_out:
        raise ValueError("export_onnx: a model with less than 2 GB of weights can be made smaller; got more; leave weights and "
                         "{} out".format(way.argument))
    converted = _onnx.ModelProto.FromString(plain)
    if way.weights == "float16":
        return _with_half_weights(way, converted)
    opset = next(each.version for each in converted.opset_import if each.domain in ("", "ai.onnx"))
    if opset < _LEAST_OPSET:
        raise ValueError("export_onnx: integers need an opset of at least {}; got {}".format(_LEAST_OPSET, opset))
    quantized = _quantized(way, converted, [spec.name for spec in model.inputs], examples)
    if _num_integers(quantized) == _num_integers(converted):
        raise way.nothing("ONNX Runtime's quantizer changes nothing in it")
    return quantized


def _quantized(way: Smaller, converted: Any, names: Sequence[str], examples: Sequence[Example]) -> Any:
    with tempfile.TemporaryDirectory(prefix="tensorpack-quantize-") as folder:
        _onnx.save(converted, os.path.join(folder, "source.onnx"))
        rows = None if way.flow is None else [dict(zip(names, row)) for row in examples]
        with open(os.path.join(folder, "job"), "wb") as f:
            pickle.dump(list(sys.path), f)
            pickle.dump(rows, f, protocol=4)
        words = _run_program(folder)
        if words is not None:
            raise ValueError("export_onnx: ONNX Runtime's quantizer must take the model; it refused: {}; leave {} out".format(
                words, "weights" if way.flow is None else way.argument))
        return _onnx.load(os.path.join(folder, "target.onnx"))


def _run_program(folder: str) -> Optional[str]:
    """Quantize in a folder; what went wrong, None if nothing did."""
    process = subprocess.run([sys.executable, "-c", _PROGRAM], cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                             stderr=subprocess.STDOUT)
    failed = os.path.join(folder, "failed")
    if os.path.exists(failed):
        with open(failed, encoding="utf-8") as f:
            return f.read()
    if process.returncode:
        last_words = " ".join(process.stdout.decode("utf-8", "replace").split())[-_LAST_WORDS:]
        return "its process ended with status {}: ...{}".format(process.returncode, last_words)
    return None


def _num_integers(converted: Any) -> int:
    kinds = (_onnx.TensorProto.INT8, _onnx.TensorProto.UINT8)
    return sum(each.data_type in kinds for each in converted.graph.initializer)


def _with_half_weights(way: Smaller, converted: Any) -> Any:
    """Each large float32 weight as float16, behind a cast that runtimes compute when they load the model."""
    graph = converted.graph
    casts: List[Any] = []
    for weight in graph.initializer:
        value = onnx.to_array(weight)
        if value.dtype != np.float32 or value.size < _LEAST_NUMBERS or np.abs(value).max() > _LARGEST_HALF:
            continue
        name = weight.name
        weight.CopyFrom(onnx.from_array(value.astype("float16"), name + "/float16"))
        casts.append(_onnx.helper.make_node("Cast", [name + "/float16"], [name], name + "/cast", to=_onnx.TensorProto.FLOAT))
    if not casts:
        raise way.nothing("it has no float32 weight of {} numbers or more".format(_LEAST_NUMBERS))
    nodes = list(graph.node)
    del graph.node[:]
    graph.node.extend(casts + nodes)
    return converted
