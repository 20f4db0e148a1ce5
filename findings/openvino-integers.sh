#!/bin/sh
# On the CPU OpenVINO computes int64 as int32 and float64 as float32: numbers above 2^31 come back wrapped, in arrays that say int64. In
# int8 and uint8 it keeps to the limits of the type where ONNX Runtime and NumPy wrap. No error or warning tells, and
# INFERENCE_PRECISION_HINT does not change it. It hurts identifiers, times and hashes in a graph, and checksums of bytes.
# Answered by docs/tutorial/inference.md: engines are compared with the session before they are used.
. "$(dirname "$0")/lib/finding.sh"
environment python openvino==2026.4.1 onnx==1.23.2 onnxruntime==1.32.0 numpy==2.2.6
observe python <<'END'
import numpy as np
import onnx
import onnxruntime
import openvino
from onnx import helper

print("onnx", onnx.__version__, "onnxruntime", onnxruntime.__version__, "openvino", openvino.__version__.split("-")[0])
core = openvino.Core()
for operation, dtype, a, b in (
        ("Add", "int64", [2 ** 31, 2 ** 40], [1, 1]),
        ("Mod", "int64", [2 ** 40 + 5], [7]),
        ("Add", "float64", [1, 16777216], [1e-12, 1]),
        ("Sub", "uint8", [1, 50], [3, 3]),
        ("Mul", "int8", [90, -100], [3, 3]),
        ("Mul", "int16", [300, 2], [300, 3]),
        ("Add", "int32", [16777216, 2 ** 31 - 1], [1, 1])):
    a, b = np.array(a, dtype), np.array(b, dtype)
    dtype = helper.np_dtype_to_tensor_dtype(a.dtype)
    graph = helper.make_graph([helper.make_node(operation, ["a", "b"], ["y"])], "model", [
        helper.make_tensor_value_info(name, dtype, a.shape) for name in "ab"], [helper.make_tensor_value_info("y", dtype, a.shape)])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8).SerializeToString()
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    expected, = session.run(None, {"a": a, "b": b})
    compiled = core.compile_model(core.read_model(model), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    got = compiled([a, b])[0]
    print("{} of {}: {} in ONNX Runtime, {} of {} in OpenVINO".format(
        operation, a.dtype, expected.tolist(), got.tolist(), got.dtype))
END
expect <<'END'
onnx 1.23.2 onnxruntime 1.32.0 openvino 2026.4.1
Add of int64: [2147483649, 1099511627777] in ONNX Runtime, [-2147483647, 1] of int64 in OpenVINO
Mod of int64: [0] in ONNX Runtime, [5] of int64 in OpenVINO
Add of float64: [1.000000000001, 16777217.0] in ONNX Runtime, [1.0, 16777216.0] of float64 in OpenVINO
Sub of uint8: [254, 47] in ONNX Runtime, [0, 47] of uint8 in OpenVINO
Mul of int8: [14, -44] in ONNX Runtime, [127, -128] of int8 in OpenVINO
Mul of int16: [24464, 6] in ONNX Runtime, [24464, 6] of int16 in OpenVINO
Add of int32: [16777217, -2147483648] in ONNX Runtime, [16777217, -2147483648] of int32 in OpenVINO
END
