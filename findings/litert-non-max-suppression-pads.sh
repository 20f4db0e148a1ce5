#!/bin/sh
# tf.image.non_max_suppression gives as many indices as boxes are kept. Its TensorFlow Lite conversion gives max_output_size of them:
# what is not used is filled with 0, which is the index of a box. A program that gathers the boxes gets the first one over and over,
# and nothing in the output says how many count. There is no error or warning.
# Answered by docs/tutorial/inference.md: exports compare what they wrote with the model.
. "$(dirname "$0")/lib/finding.sh"
environment python tensorflow-cpu==2.20.0 numpy==2.2.6
observe python <<'END'
import numpy as np
import tensorflow as tf

print("tensorflow", tf.__version__)
boxes = np.array([[0, 0, 10, 10], [0, 0, 10, 9], [20, 20, 30, 30], [21, 20, 30, 30]], "float32")
scores = np.array([.5, .9, .6, .8], "float32")
function = tf.function(lambda boxes, scores: tf.image.non_max_suppression(boxes, scores, 6, .5), input_signature=[
    tf.TensorSpec(boxes.shape, tf.float32, name="boxes"), tf.TensorSpec(scores.shape, tf.float32, name="scores")])
concrete = function.get_concrete_function()
content = tf.lite.TFLiteConverter.from_concrete_functions([concrete], function).convert()
interpreter = tf.lite.Interpreter(model_content=content)
interpreter.allocate_tensors()
for each in interpreter.get_input_details():
    interpreter.set_tensor(each["index"], boxes if len(each["shape"]) == 2 else scores)
interpreter.invoke()
print("kept in TensorFlow:", function(boxes, scores).numpy().tolist())
for each in interpreter.get_output_details():
    print("output of TensorFlow Lite:", interpreter.get_tensor(each["index"]).tolist())
END
expect <<'END'
tensorflow 2.20.0
kept in TensorFlow: [1, 3]
output of TensorFlow Lite: [1, 3, 0, 0, 0, 0]
END
