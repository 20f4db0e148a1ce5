#!/bin/sh
# tf_slim 1.1.0, the package that took tf.contrib.slim over to TensorFlow 2, installs and imports beside TensorFlow 2.20, and several of
# its layers work there; batch_norm, which nearly every network of slim uses, raises ModuleNotFoundError: first for tf_keras, which
# tf_slim does not declare, and with tf_keras 2.20.1 installed for its module legacy_tf_layers, which that version has not.
# Answered by docs/tutorial/tensorflow-1.md: a slim that needs no Keras.
. "$(dirname "$0")/lib/finding.sh"
cat > "$FOLDER/layers.py" <<'END'
import tensorflow as tf
import tf_slim as slim

print("tensorflow", tf.__version__)
with tf.Graph().as_default():
    image = tf.compat.v1.placeholder(tf.float32, [1, 8, 8, 3])
    for name in "conv2d", "max_pool2d", "flatten", "batch_norm":
        arguments = {"conv2d": (4, 3), "max_pool2d": (2,)}.get(name, ())
        try:
            getattr(slim, name)(image, *arguments)
            print(name, "works")
        except Exception as error:
            print("{} raises {}: {}".format(name, type(error).__name__, error))
END
environment alone tensorflow-cpu==2.20.0 tf_slim==1.1.0 numpy==2.2.6
observe alone < "$FOLDER/layers.py"
environment keras tensorflow-cpu==2.20.0 tf_slim==1.1.0 tf_keras==2.20.1 numpy==2.2.6
observe keras < "$FOLDER/layers.py"
expect <<'END'
tensorflow 2.20.0
conv2d works
max_pool2d works
flatten works
batch_norm raises ModuleNotFoundError: No module named 'tf_keras'
tensorflow 2.20.0
conv2d works
max_pool2d works
flatten works
batch_norm raises ModuleNotFoundError: No module named 'tf_keras.legacy_tf_layers'
END
