#!/bin/sh
# tf2onnx converts tf.image.resize(method="area"), which averages pixels (operation ResizeArea), to Resize with mode "nearest",
# which picks one of them. There is no error or warning, and the ONNX model computes something else.
# Answered by: nothing yet; until an export compares its results with the model's, use bilinear resizing or average pooling.
. "$(dirname "$0")/lib/finding.sh"
environment python tensorflow-cpu==2.20.0 tf2onnx==1.17.0 onnxruntime==1.23.2 onnx==1.19.1 numpy==2.2.6
observe python <<'END'
import numpy as np
import onnxruntime
import tensorflow as tf
import tf2onnx

print("tensorflow", tf.__version__, "tf2onnx", tf2onnx.__version__, "onnxruntime", onnxruntime.__version__)
image = np.arange(64, dtype="float32").reshape(1, 8, 8, 1)
signature = [tf.TensorSpec(image.shape, tf.float32, name="image")]
for method in "bilinear", "area":
    function = tf.function(lambda image: tf.image.resize(image, (4, 4), method=method), input_signature=signature)
    model, _ = tf2onnx.convert.from_function(function, input_signature=signature)
    mode, = [a.s.decode() for node in model.graph.node for a in node.attribute if node.op_type == "Resize" and a.name == "mode"]
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    converted = session.run(None, {"image": image})[0]
    print("{} becomes {}: first row {} in TensorFlow, {} in ONNX Runtime".format(
        method, mode, function(image).numpy()[0, 0, :, 0].tolist(), converted[0, 0, :, 0].tolist()))
END
expect <<'END'
tensorflow 2.20.0 tf2onnx 1.17.0 onnxruntime 1.23.2
bilinear becomes linear: first row [4.5, 6.5, 8.5, 10.5] in TensorFlow, [4.5, 6.5, 8.5, 10.5] in ONNX Runtime
area becomes nearest: first row [4.5, 6.5, 8.5, 10.5] in TensorFlow, [0.0, 2.0, 4.0, 6.0] in ONNX Runtime
END
