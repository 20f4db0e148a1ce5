"""A program with nothing but TensorFlow in eager mode: loads a SavedModel, frozen graphs and a TFLite model, and runs them.

Usage: eager_program.py RESULT.npz DIRECTORY; keys of the result are `<format>/<output>`.
"""
import os
import sys

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import numpy as np
import tensorflow as tf
from model_readers import interpret

if not tf.executing_eagerly():  # TF 1.15
    tf.compat.v1.enable_v2_behavior()
OUTPUTS = ["prob", "fc1/output"]


def call(function, image, suffix):
    outputs = function(**{"image" + suffix: image})
    return [outputs[name + suffix].numpy() for name in OUTPUTS]


def frozen_graph(path, image):
    with open(path, "rb") as f:
        graph_def = tf.compat.v1.GraphDef.FromString(f.read())
    imported = tf.compat.v1.wrap_function(lambda: tf.compat.v1.import_graph_def(graph_def, name=""), [])
    function = imported.prune("image:0", [name + ":0" for name in OUTPUTS])
    return [value.numpy() for value in function(image)]


def main(result, directory):
    with np.load(os.path.join(directory, "io.npz")) as f:
        image = tf.constant(f["image"])
    loaded = tf.compat.v2.saved_model.load(os.path.join(directory, "saved", "1"))
    computed = {
        "serving_default": call(loaded.signatures["serving_default"], image, ""),
        "prediction_pipeline": call(loaded.signatures["prediction_pipeline"], image, ":0"),
        "frozen": frozen_graph(os.path.join(directory, "frozen.pb"), image),
        "unoptimized": frozen_graph(os.path.join(directory, "unoptimized.pb"), image),
    }
    interpreted = interpret(tf.lite.Interpreter(model_path=os.path.join(directory, "model.tflite")), image.numpy())
    computed["tflite"] = [interpreted[name] for name in OUTPUTS]
    assert not any(name.split(".")[0] == "tensorpack" for name in sys.modules)
    np.savez(result, **{name + "/" + key: value for name, values in computed.items() for key, value in zip(OUTPUTS, values)})


if __name__ == "__main__":
    main(*sys.argv[1:])
