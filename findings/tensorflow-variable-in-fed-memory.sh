#!/bin/sh
# A resource variable whose initialiser is fed with a NumPy array that happens to begin at a multiple of 64 bytes keeps no copy: its storage is
# the memory of the array. What is written to the array after the session's run has returned is then the value of the variable. Most large
# arrays begin 16 bytes behind such a multiple and are copied, so a program does it now and then only. Reference variables copy always.
# Answered by tfutils/_restore/assigning.py, which moves such an array before it feeds it.
. "$(dirname "$0")/lib/finding.sh"
environment python tensorflow-cpu==2.21.0
observe python <<'END'
import numpy as np
import tensorflow.compat.v1 as tf

tf.disable_eager_execution()
print("tensorflow", tf.__version__)


def array_at(remainder, size=1000):
    memory = np.zeros(4 * size + 128, "uint8")
    start = (remainder - memory.ctypes.data) % 64
    return memory[start:start + 4 * size].view("float32")


for use_resource in (True, False):
    for remainder in (0, 16):
        with tf.Graph().as_default(), tf.Session() as session:
            variable = tf.get_variable("v", [1000], use_resource=use_resource)
            value = array_at(remainder)
            session.run(variable.initializer, {variable.initializer.inputs[1]: value})
            value[:] = 7
            print("resource" if use_resource else "reference", "variable, array at 64 n + {}:".format(remainder),
                  session.run(variable)[0])
END
expect <<'END'
tensorflow 2.21.0
resource variable, array at 64 n + 0: 7.0
resource variable, array at 64 n + 16: 0.0
reference variable, array at 64 n + 0: 0.0
reference variable, array at 64 n + 16: 0.0
END
