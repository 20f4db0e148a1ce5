"""A program with nothing but the libraries that read exported models.

Usage: model_readers.py RESULT.npz DIRECTORY; keys of the result are `<reader>/<output>`, and `<reader>/error` if it failed. A
reader is a function from (Export, file) to {output: array}; what is not installed is left out.
"""
import importlib.util
import os
import sys
import traceback

import numpy as np
from exported_models import OUTPUTS, Export


def opencv_graph(export, name):
    import cv2

    return _opencv(cv2.dnn.readNetFromTensorflow(export.path(name)), export.image_tensor.transpose(0, 3, 1, 2), "prob")


def opencv_onnx(export, name):
    import cv2

    return _opencv(cv2.dnn.readNetFromONNX(export.path(name)), export.image, "prob:0")


def _opencv(net, image, output):
    net.setInput(np.ascontiguousarray(image))
    return {"prob": net.forward(output)}


def openvino(export, name):
    """Of a frozen graph and of ONNX the tensor names are kept; of a SavedModel the keys of its default signature."""
    sys.modules["openvino_telemetry"] = None  # if it were there, importing OpenVINO would report to its makers
    from openvino import Core

    core = Core()
    model = core.read_model(export.path(name))
    names = [name + ":0" for name in OUTPUTS]
    if name.endswith(".pb"):
        model.add_outputs(names[1:])  # without being asked for, an inner tensor is none
    # some processors would compute in bfloat16
    compiled = core.compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    values = compiled([export.image])
    by_name = {each: values[output] for output in compiled.outputs for each in output.get_names()}
    return {name: by_name.get(name, by_name.get(name + ":0")) for name in OUTPUTS}


def onnx_runtime(export, name):
    import onnxruntime

    session = onnxruntime.InferenceSession(export.path(name), providers=["CPUExecutionProvider"])
    return dict(zip(OUTPUTS, session.run([name + ":0" for name in OUTPUTS], {"image:0": export.image})))


def litert(export, name):
    from ai_edge_litert.interpreter import Interpreter

    return interpret(Interpreter(model_path=export.path(name)), export.image)


def interpret(interpreter, image):
    """What a TFLite interpreter computes from a batch of images."""
    details, = interpreter.get_input_details()
    assert details["name"] == "image"
    # the converter of TF 1.15 may fix the size of the batch, which later ones note as unknown
    size = len(image) if list(details.get("shape_signature", [1]))[0] == -1 else 1
    interpreter.resize_tensor_input(details["index"], (size,) + image.shape[1:])
    interpreter.allocate_tensors()
    results = {output["name"]: [] for output in interpreter.get_output_details()}
    for start in range(0, len(image), size):
        interpreter.set_tensor(details["index"], image[start:start + size])
        interpreter.invoke()
        for output in interpreter.get_output_details():
            results[output["name"]].append(interpreter.get_tensor(output["index"]))
    return {name: np.concatenate(parts) for name, parts in results.items()}


# key: (format, title, function, file, module)
READERS = {
    "opencv": ("frozen graph", "OpenCV dnn", opencv_graph, "of_image_tensor.pb", "cv2"),
    "openvino-frozen": ("frozen graph", "OpenVINO", openvino, "frozen.pb", "openvino"),
    "openvino-unoptimized": ("frozen, optimize=False", "OpenVINO", openvino, "unoptimized.pb", "openvino"),
    "openvino-saved": ("SavedModel", "OpenVINO", openvino, os.path.join("saved", "1"), "openvino"),
    "openvino-onnx": ("ONNX", "OpenVINO", openvino, "model.onnx", "openvino"),
    "onnxruntime": ("ONNX", "ONNX Runtime", onnx_runtime, "model.onnx", "onnxruntime"),
    "opencv-onnx": ("ONNX", "OpenCV dnn", opencv_onnx, "model.onnx", "cv2"),
    "litert": ("TFLite", "LiteRT", litert, "model.tflite", "ai_edge_litert"),
}


def main(result, directory):
    export, values = Export(directory), {}
    for key, (_, _, reader, file, module) in READERS.items():
        if importlib.util.find_spec(module) is None or not os.path.exists(export.path(file)):
            continue
        try:
            outputs = reader(export, file)
        except Exception:
            outputs = {"error": traceback.format_exc()}
        values.update({key + "/" + name: value for name, value in outputs.items()})
    assert not any(name.split(".")[0] in ("tensorpack", "tensorflow") for name in sys.modules)
    np.savez(result, **values)


if __name__ == "__main__":
    main(*sys.argv[1:])
