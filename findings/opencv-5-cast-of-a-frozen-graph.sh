#!/bin/sh
# cv2.dnn.readNetFromTensorflow of OpenCV 5.0.0 loads a frozen graph that begins with a Cast from uint8 to float32, as most graphs for
# images do, and forward() then raises an error about a missing parameter "outputType". The same graph without the Cast runs.
# Answered by docs/tutorial/inference.md: export from the tensor behind the cast, or give OpenCV the ONNX file.
. "$(dirname "$0")/lib/finding.sh"
environment python tensorflow-cpu==2.20.0 opencv-python-headless==5.0.0.93 numpy==2.2.6
observe python <<'END'
import cv2
import numpy as np
import tensorflow as tf

v1 = tf.compat.v1
print("tensorflow", tf.__version__, "opencv", cv2.__version__)
for first in "float32", "uint8":
    with tf.Graph().as_default() as graph:
        image = v1.placeholder(first, [1, 3, 8, 8], "image")
        x = tf.cast(image, tf.float32) if first == "uint8" else image
        tf.nn.conv2d(x, np.ones([3, 3, 3, 2], "float32"), 1, "VALID", data_format="NCHW", name="out")
    net = cv2.dnn.readNetFromTensorflow(np.frombuffer(graph.as_graph_def().SerializeToString(), "uint8"))
    net.setInput(np.ones([1, 3, 8, 8], "float32"))
    try:
        print("a graph of {} images: loads and gives {}".format(first, net.forward().shape))
    except cv2.error as error:
        print("a graph of {} images: loads, and forward() raises cv2.error".format(first))
        print("#", error.err)
END
expect <<'END'
tensorflow 2.20.0 opencv 5.0.0
a graph of float32 images: loads and gives (1, 2, 6, 6)
a graph of uint8 images: loads, and forward() raises cv2.error
END
