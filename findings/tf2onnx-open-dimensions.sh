#!/bin/sh
# tf2onnx gives every open dimension a name of its own, so that the batch of the output has another name than the batch of the input
# although both are the same number: a consumer that plans memory or batches requests by these names sees no relation.
# Answered by `ModelExporter.export_onnx`, which names the batch dimension of all inputs and outputs alike.
. "$(dirname "$0")/lib/finding.sh"
environment python tensorflow-cpu==2.20.0 tf2onnx==1.17.0 onnx==1.19.1 numpy==2.2.6
observe python <<'END'
import tensorflow as tf
import tf2onnx

print("tensorflow", tf.__version__, "tf2onnx", tf2onnx.__version__)
signature = [tf.TensorSpec([None, 4], tf.float32, name="a"), tf.TensorSpec([None, 4], tf.float32, name="b")]
model, _ = tf2onnx.convert.from_function(tf.function(lambda a, b: a + b, input_signature=signature), input_signature=signature)
names = [value.type.tensor_type.shape.dim[0].dim_param for value in list(model.graph.input) + list(model.graph.output)]
print("inputs and outputs:", len(names), "different names of their first dimension:", len(set(names)))
print("#", names)
END
expect <<'END'
tensorflow 2.20.0 tf2onnx 1.17.0
inputs and outputs: 3 different names of their first dimension: 3
END
