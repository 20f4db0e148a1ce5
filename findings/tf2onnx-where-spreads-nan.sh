#!/bin/sh
# tf.where chooses, and programs use it to keep NaN and infinity out: the logarithm where a number is positive, else 0. tf2onnx 1.17
# often makes a sum of both branches, each times 0 or 1, instead of ONNX's Where. 0 times infinity or NaN is NaN, so that what was not
# chosen comes through, without an error or warning; with finite numbers alone nothing tells.
# Answered by ModelExporter.export_onnx, which makes a Where of each choice between floating-point numbers.
. "$(dirname "$0")/lib/finding.sh"
environment python tensorflow-cpu==2.20.0 tf2onnx==1.17.0 onnxruntime==1.23.2 onnx==1.19.1 numpy==2.2.6
observe python <<'END'
import numpy as np
import onnxruntime
import tensorflow as tf
import tf2onnx

print("tensorflow", tf.__version__, "tf2onnx", tf2onnx.__version__, "onnxruntime", onnxruntime.__version__)
positive, broken = np.float32([-1, 0, 1, 2]), np.float32([np.nan, np.inf, -np.inf, 1])
for name, x, operation in (
        ("where(x > 0, 1 / x, 0)", positive, lambda x: tf.where(x > 0, 1 / x, 0.)),
        ("where(x > 0, log(x), 0)", positive, lambda x: tf.where(x > 0, tf.math.log(x), 0.)),
        ("where(is_finite(x), x, 0)", broken, lambda x: tf.where(tf.math.is_finite(x), x, 0.)),
        ("where(is_nan(x), 0, x)", broken, lambda x: tf.where(tf.math.is_nan(x), 0., x))):
    signature = [tf.TensorSpec(x.shape, x.dtype, name="x")]
    function = tf.function(operation, input_signature=signature)
    model, _ = tf2onnx.convert.from_function(function, input_signature=signature)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    print("{}: {} in TensorFlow, {} in ONNX Runtime, by {}".format(
        name, *[np.round(np.float64(each), 3).tolist() for each in (function(x).numpy(), session.run(None, {"x": x})[0])],
        "Where" if any(node.op_type == "Where" for node in model.graph.node) else "products"))
END
expect <<'END'
tensorflow 2.20.0 tf2onnx 1.17.0 onnxruntime 1.23.2
where(x > 0, 1 / x, 0): [0.0, 0.0, 1.0, 0.5] in TensorFlow, [0.0, nan, 1.0, 0.5] in ONNX Runtime, by products
where(x > 0, log(x), 0): [0.0, 0.0, 0.0, 0.693] in TensorFlow, [nan, nan, 0.0, 0.693] in ONNX Runtime, by products
where(is_finite(x), x, 0): [0.0, 0.0, 0.0, 1.0] in TensorFlow, [nan, nan, nan, 1.0] in ONNX Runtime, by products
where(is_nan(x), 0, x): [0.0, inf, -inf, 1.0] in TensorFlow, [0.0, inf, -inf, 1.0] in ONNX Runtime, by Where
END
