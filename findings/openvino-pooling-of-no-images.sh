#!/bin/sh
# OpenVINO runs convolutions, products of matrices and means over a batch of 0 images and gives an empty result, as ONNX Runtime and
# TensorFlow do. Max and average pooling raise an error instead, and the compiled model raises it from then on, for batches that it ran before,
# too. It hurts detectors, of which a part runs once for each box: an image without a box ends the program.
# Answered by the detection example, which pools by sums of slices, and by the OpenVINO engine of predictors, which compiles the model again
# after an error.
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
kernel = onnx.numpy_helper.from_array(np.ones([4, 3, 3, 3], "float32"), "kernel")
for name, node in {
        "convolution": helper.make_node("Conv", ["x", "kernel"], ["y"]),
        "mean": helper.make_node("ReduceMean", ["x"], ["y"], axes=[2, 3]),
        "global average pooling": helper.make_node("GlobalAveragePool", ["x"], ["y"]),
        "average pooling": helper.make_node("AveragePool", ["x"], ["y"], kernel_shape=[2, 2], strides=[2, 2]),
        "max pooling": helper.make_node("MaxPool", ["x"], ["y"], kernel_shape=[2, 2], strides=[2, 2])}.items():
    graph = helper.make_graph([node], "model", [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["images", 3, 8, 8])],
                              [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)], [kernel] if name == "convolution" else [])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8).SerializeToString()
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    compiled = core.compile_model(core.read_model(model), "CPU")
    for images in 2, 0, 2:
        x = np.zeros([images, 3, 8, 8], "float32")
        try:
            got = compiled([x])[0].shape
        except RuntimeError as error:
            got = "RuntimeError"
            print("#", str(error).replace("\n", " "))
        print("{} of {} images: {} in ONNX Runtime, {} in OpenVINO".format(name, images, session.run(None, {"x": x})[0].shape, got))
END
expect <<'END'
onnx 1.23.2 onnxruntime 1.32.0 openvino 2026.4.1
convolution of 2 images: (2, 4, 6, 6) in ONNX Runtime, (2, 4, 6, 6) in OpenVINO
convolution of 0 images: (0, 4, 6, 6) in ONNX Runtime, (0, 4, 6, 6) in OpenVINO
convolution of 2 images: (2, 4, 6, 6) in ONNX Runtime, (2, 4, 6, 6) in OpenVINO
mean of 2 images: (2, 3, 1, 1) in ONNX Runtime, (2, 3, 1, 1) in OpenVINO
mean of 0 images: (0, 3, 1, 1) in ONNX Runtime, (0, 3, 1, 1) in OpenVINO
mean of 2 images: (2, 3, 1, 1) in ONNX Runtime, (2, 3, 1, 1) in OpenVINO
global average pooling of 2 images: (2, 3, 1, 1) in ONNX Runtime, (2, 3, 1, 1) in OpenVINO
global average pooling of 0 images: (0, 3, 1, 1) in ONNX Runtime, (0, 3, 1, 1) in OpenVINO
global average pooling of 2 images: (2, 3, 1, 1) in ONNX Runtime, (2, 3, 1, 1) in OpenVINO
average pooling of 2 images: (2, 3, 4, 4) in ONNX Runtime, (2, 3, 4, 4) in OpenVINO
average pooling of 0 images: (0, 3, 4, 4) in ONNX Runtime, RuntimeError in OpenVINO
average pooling of 2 images: (2, 3, 4, 4) in ONNX Runtime, RuntimeError in OpenVINO
max pooling of 2 images: (2, 3, 4, 4) in ONNX Runtime, (2, 3, 4, 4) in OpenVINO
max pooling of 0 images: (0, 3, 4, 4) in ONNX Runtime, RuntimeError in OpenVINO
max pooling of 2 images: (2, 3, 4, 4) in ONNX Runtime, RuntimeError in OpenVINO
END
