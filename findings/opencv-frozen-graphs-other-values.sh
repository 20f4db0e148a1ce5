#!/bin/sh
# cv2.dnn.readNetFromTensorflow loads frozen graphs with these operations without a word, and computes something else: a dilated
# convolution (dilations= of Conv2D; tf.nn.atrous_conv2d, which makes a batch of the space around it, is right), softmax over the
# channels of NHWC, a constant minus a tensor, the second part of a split of channels, symmetric padding (reflecting padding is right),
# a reversed slice (which has another shape in OpenCV 5). Versions 4.12 and 5.0 agree in the rest.
# Answered by docs/tutorial/inference.md: give OpenCV the ONNX file.
. "$(dirname "$0")/lib/finding.sh"
cat > "$FOLDER/cases.py" <<'END'
import pickle
import sys

import numpy as np

IMAGE = np.random.RandomState(0).rand(1, 8, 8, 4).astype("float32")


def make(file):
    import tensorflow as tf
    v1 = tf.compat.v1
    print("tensorflow", tf.__version__)
    filters = np.random.RandomState(1).rand(3, 3, 4, 4).astype("float32")

    def convolution(x, **options):
        return tf.nn.conv2d(x, filters, 1, "SAME", **options)

    def padding(mode):
        return lambda x: tf.pad(convolution(x), [[0, 0], [1, 1], [1, 1], [0, 0]], mode)

    cases = {
        "convolution": convolution,
        "dilated convolution": lambda x: convolution(x, dilations=[1, 2, 2, 1]),
        "atrous_conv2d": lambda x: tf.nn.atrous_conv2d(x, filters, 2, "SAME"),
        "softmax over channels": lambda x: tf.nn.softmax(convolution(x)),
        "one minus": lambda x: 1 - convolution(x),
        "second part of a split": lambda x: tf.split(convolution(x), 2, 3)[1],
        "reflecting padding": padding("REFLECT"),
        "symmetric padding": padding("SYMMETRIC"),
        "reversed slice": lambda x: convolution(x)[:, ::-1],
    }
    made = []
    for name, build in cases.items():
        with tf.Graph().as_default() as graph, v1.Session() as session:
            image = v1.placeholder("float32", IMAGE.shape, "image")
            output = tf.identity(build(image), "output")
            made.append((name, graph.as_graph_def().SerializeToString(), session.run(output, {image: IMAGE})))
    with open(file, "wb") as f:
        pickle.dump(made, f)


def run(file):
    import cv2
    print("opencv", cv2.__version__)
    with open(file, "rb") as f:
        made = pickle.load(f)
    for name, graph, expected in made:
        expected = expected.transpose(0, 3, 1, 2)
        net = cv2.dnn.readNetFromTensorflow(np.frombuffer(graph, "uint8"))
        net.setInput(IMAGE.transpose(0, 3, 1, 2))
        got = net.forward()
        if got.shape != expected.shape:
            print("{}: shape {} instead of {}".format(name, got.shape, expected.shape))
        else:
            difference = np.abs(got - expected).max()
            print("{}: {}".format(name, "right" if difference < 1e-3 else "other values"))
            print("# largest difference", difference)


(make if sys.argv[1] == "make" else run)(sys.argv[2])
END
environment tensorflow tensorflow-cpu==2.20.0 numpy==2.2.6
environment opencv4 opencv-python-headless==4.12.0.88 numpy==2.2.6
environment opencv5 opencv-python-headless==5.0.0.93 numpy==2.2.6
for step in "tensorflow make" "opencv4 run" "opencv5 run"; do
    observe "${step% *}" <<END
import runpy
import sys

sys.argv[1:] = ["${step#* }", "$FOLDER/graphs.pkl"]
runpy.run_path("$FOLDER/cases.py", run_name="__main__")
END
done
expect <<'END'
tensorflow 2.20.0
opencv 4.12.0
convolution: right
dilated convolution: other values
atrous_conv2d: right
softmax over channels: other values
one minus: other values
second part of a split: other values
reflecting padding: right
symmetric padding: other values
reversed slice: other values
opencv 5.0.0
convolution: right
dilated convolution: other values
atrous_conv2d: right
softmax over channels: other values
one minus: other values
second part of a split: other values
reflecting padding: right
symmetric padding: other values
reversed slice: shape (1, 1, 8, 8) instead of (1, 4, 8, 8)
END
