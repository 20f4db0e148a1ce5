#!/bin/sh
# A constant of minus infinity, such as that of a mask of logits, is the lowest finite float32 in a TFLite file: in tf.one_hot, in tf.where, and
# where it is added. What TensorFlow tells as minus infinity is a number there, and nothing says so when the file is written.
# Answered by nothing yet; compare with a finite bound instead of with infinity.
. "$(dirname "$0")/lib/finding.sh"
environment python tensorflow-cpu==2.21.0
observe python <<'END'
import numpy as np
import tensorflow as tf

print("tensorflow", tf.__version__)
nothing = float("-inf")
for name, function in {
        "one_hot": lambda x: tf.one_hot(x, 2, 1., nothing),
        "where": lambda x: tf.where(tf.one_hot(x, 2) > 0, 1., nothing),
        "added": lambda x: tf.one_hot(x, 2) + tf.constant([0., nothing])}.items():
    module = tf.Module()
    module.call = tf.function(function, input_signature=[tf.TensorSpec([2], tf.int32)])
    content = tf.lite.TFLiteConverter.from_concrete_functions([module.call.get_concrete_function()], module).convert()
    interpreter = tf.lite.Interpreter(model_content=content)
    interpreter.allocate_tensors()
    x = np.array([0, 1], "int32")
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], x)
    interpreter.invoke()
    got = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])
    print("{}: {} in TensorFlow, {} in TFLite".format(name, module.call(tf.constant(x)).numpy().tolist(), got.tolist()))
END
expect <<'END'
tensorflow 2.21.0
one_hot: [[1.0, -inf], [-inf, 1.0]] in TensorFlow, [[1.0, -3.4028234663852886e+38], [-3.4028234663852886e+38, 1.0]] in TFLite
where: [[1.0, -inf], [-inf, 1.0]] in TensorFlow, [[1.0, -3.4028234663852886e+38], [-3.4028234663852886e+38, 1.0]] in TFLite
added: [[1.0, -inf], [0.0, -inf]] in TensorFlow, [[1.0, -3.4028234663852886e+38], [0.0, -3.4028234663852886e+38]] in TFLite
END
