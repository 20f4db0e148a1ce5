#!/bin/sh
# tf.one_hot makes a row of zeros of -1 and of each other number out of range, and labels that do not count are often -1. tf2onnx makes
# ONNX's OneHot, where negative numbers count from the end: -1 becomes the last class, without an error or warning. Numbers that are too
# large are zeros in both.
# Answered by ModelExporter.export_onnx, which compares labels with each class instead.
. "$(dirname "$0")/lib/finding.sh"
environment python tensorflow-cpu==2.20.0 tf2onnx==1.17.0 onnxruntime==1.23.2 onnx==1.19.1 numpy==2.2.6
observe python <<'END'
import numpy as np
import onnxruntime
import tensorflow as tf
import tf2onnx

print("tensorflow", tf.__version__, "tf2onnx", tf2onnx.__version__, "onnxruntime", onnxruntime.__version__)
labels = np.array([0, 2, 3, -1, -3, -4], "int32")
signature = [tf.TensorSpec(labels.shape, tf.int32, name="labels")]
function = tf.function(lambda labels: tf.one_hot(labels, 3), input_signature=signature)
model, _ = tf2onnx.convert.from_function(function, input_signature=signature)
session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
for label, expected, got in zip(labels, function(labels).numpy(), session.run(None, {"labels": labels})[0]):
    print("{} of 3 classes: {} in TensorFlow, {} in ONNX Runtime".format(label, expected.tolist(), got.tolist()))
END
expect <<'END'
tensorflow 2.20.0 tf2onnx 1.17.0 onnxruntime 1.23.2
0 of 3 classes: [1.0, 0.0, 0.0] in TensorFlow, [1.0, 0.0, 0.0] in ONNX Runtime
2 of 3 classes: [0.0, 0.0, 1.0] in TensorFlow, [0.0, 0.0, 1.0] in ONNX Runtime
3 of 3 classes: [0.0, 0.0, 0.0] in TensorFlow, [0.0, 0.0, 0.0] in ONNX Runtime
-1 of 3 classes: [0.0, 0.0, 0.0] in TensorFlow, [0.0, 0.0, 1.0] in ONNX Runtime
-3 of 3 classes: [0.0, 0.0, 0.0] in TensorFlow, [1.0, 0.0, 0.0] in ONNX Runtime
-4 of 3 classes: [0.0, 0.0, 0.0] in TensorFlow, [0.0, 0.0, 0.0] in ONNX Runtime
END
