#!/bin/sh
# The TFLite converter is told that a file may have operations on int8 alone (TFLITE_BUILTINS_INT8), which the documentation of
# integer-only quantization says raises an error for what cannot be quantized. It puts such an operation between a dequantization
# and a quantization, in float32, without an error or warning; inputs and outputs are int8, so that nothing tells.
# Answered by ModelExporter.export_tflite(integer_only=True), which looks for floats in the file and names the operations.
. "$(dirname "$0")/lib/finding.sh"
environment python tensorflow-cpu==2.20.0 numpy==2.2.6
observe python <<'END'
import warnings

import numpy as np
import tensorflow as tf

warnings.simplefilter("ignore")
print("tensorflow", tf.__version__)
weights = tf.constant(np.random.RandomState(0).rand(64, 64).astype("float32"))
rows = np.random.RandomState(1).rand(20, 1, 64).astype("float32")
for name in "exp", "sin", "floor":
    @tf.function(input_signature=[tf.TensorSpec((1, 64), tf.float32)])
    def function(x):
        return getattr(tf.math, name)(tf.matmul(x, weights))

    converter = tf.lite.TFLiteConverter.from_concrete_functions([function.get_concrete_function()])
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: ([row] for row in rows)
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = converter.inference_output_type = tf.int8
    interpreter = tf.lite.Interpreter(model_content=converter.convert())
    dtypes = sorted({each["dtype"].__name__ for each in interpreter.get_tensor_details()})
    print("{}: input {}, tensors of {}".format(name, interpreter.get_input_details()[0]["dtype"].__name__, ", ".join(dtypes)))
END
expect <<'END'
tensorflow 2.20.0
exp: input int8, tensors of int8
sin: input int8, tensors of float32, int8
floor: input int8, tensors of float32, int8
END
