#!/bin/sh
# ONNX's Unique with sorted=0 gives each value once, in the order of first appearance. ONNX Runtime does; OpenVINO gives as many values,
# but only the first of them is right, without an error or warning. With sorted=1 both agree. tf.unique becomes sorted=0 in tf2onnx.
# Answered by docs/tutorial/inference.md: engines are compared with the session before they are used.
. "$(dirname "$0")/lib/finding.sh"
environment python openvino==2026.4.1 onnx==1.23.2 onnxruntime==1.32.0 numpy==2.2.6
observe python <<'END'
import numpy as np
import onnx
import onnxruntime
import openvino
from onnx import TensorProto, helper

print("onnx", onnx.__version__, "onnxruntime", onnxruntime.__version__, "openvino", openvino.__version__.split("-")[0])
core = openvino.Core()
for values in [3, 1, 3, 2], [7, 7, 3, 3, 3, 5], [1, 2, 2, 4]:
    x = np.array(values, "float32")
    for is_sorted in 1, 0:
        graph = helper.make_graph([helper.make_node("Unique", ["x"], ["y"], sorted=is_sorted)], "model", [
            helper.make_tensor_value_info("x", TensorProto.FLOAT, x.shape)], [
                helper.make_tensor_value_info("y", TensorProto.FLOAT, [None])])
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8).SerializeToString()
        expected, = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"]).run(None, {"x": x})
        got = core.compile_model(core.read_model(model), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})([x])[0]
        same = got.shape == expected.shape and np.all(got == expected)
        print("{}, sorted={}: {} in ONNX Runtime, {} in OpenVINO".format(
            values, is_sorted, expected.tolist(), "the same" if same else "{} values, others".format(len(got))))
        print("# OpenVINO:", got.tolist())
END
expect <<'END'
onnx 1.23.2 onnxruntime 1.32.0 openvino 2026.4.1
[3, 1, 3, 2], sorted=1: [1.0, 2.0, 3.0] in ONNX Runtime, the same in OpenVINO
[3, 1, 3, 2], sorted=0: [3.0, 1.0, 2.0] in ONNX Runtime, 3 values, others in OpenVINO
[7, 7, 3, 3, 3, 5], sorted=1: [3.0, 5.0, 7.0] in ONNX Runtime, the same in OpenVINO
[7, 7, 3, 3, 3, 5], sorted=0: [7.0, 3.0, 5.0] in ONNX Runtime, 3 values, others in OpenVINO
[1, 2, 2, 4], sorted=1: [1.0, 2.0, 4.0] in ONNX Runtime, the same in OpenVINO
[1, 2, 2, 4], sorted=0: [1.0, 2.0, 4.0] in ONNX Runtime, 3 values, others in OpenVINO
END
