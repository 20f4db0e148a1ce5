#!/bin/sh
# tf2onnx converts tf.math.floordiv and tf.math.floormod of integers (`//` and `%`) to ONNX's Div and Mod, which round towards zero
# where TensorFlow rounds down: quotients and remainders of negative integers differ, without an error or warning. Those of floats agree.
# Answered by docs/tutorial/inference.md: exports compare what they wrote with the model.
. "$(dirname "$0")/lib/finding.sh"
environment python tensorflow-cpu==2.20.0 tf2onnx==1.17.0 onnxruntime==1.23.2 onnx==1.19.1 numpy==2.2.6
observe python <<'END'
import numpy as np
import onnxruntime
import tensorflow as tf
import tf2onnx

print("tensorflow", tf.__version__, "tf2onnx", tf2onnx.__version__, "onnxruntime", onnxruntime.__version__)
for dtype in "int32", "int64", "float32":
    x = np.array([-7, -3, -1, 0, 5, 7], dtype)
    signature = [tf.TensorSpec(x.shape, dtype, name="x")]
    for operation in tf.math.floordiv, tf.math.floormod:
        function = tf.function(lambda x: operation(x, tf.constant(3, x.dtype)), input_signature=signature)
        model, _ = tf2onnx.convert.from_function(function, input_signature=signature)
        session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
        print("{} of {}: {} in TensorFlow, {} in ONNX Runtime".format(
            operation.__name__, dtype, *[(values + 0).astype(int).tolist() for values in (
                function(x).numpy(), session.run(None, {"x": x})[0])]))
END
expect <<'END'
tensorflow 2.20.0 tf2onnx 1.17.0 onnxruntime 1.23.2
floordiv of int32: [-3, -1, -1, 0, 1, 2] in TensorFlow, [-2, -1, 0, 0, 1, 2] in ONNX Runtime
floor_mod of int32: [2, 0, 2, 0, 2, 1] in TensorFlow, [-1, 0, -1, 0, 2, 1] in ONNX Runtime
floordiv of int64: [-3, -1, -1, 0, 1, 2] in TensorFlow, [-2, -1, 0, 0, 1, 2] in ONNX Runtime
floor_mod of int64: [2, 0, 2, 0, 2, 1] in TensorFlow, [-1, 0, -1, 0, 2, 1] in ONNX Runtime
floordiv of float32: [-3, -1, -1, 0, 1, 2] in TensorFlow, [-3, -1, -1, 0, 1, 2] in ONNX Runtime
floor_mod of float32: [2, 0, 2, 0, 2, 1] in TensorFlow, [2, 0, 2, 0, 2, 1] in ONNX Runtime
END
