#!/bin/sh
# TensorFlow 2.20 still lists tf.compat.v1.nn.rnn_cell beside the loops that run cells, but with Keras 3 its cells raise AttributeError
# ("not available with Keras 3"). The loops themselves, such as dynamic_rnn, need no Keras and run any cell that a program brings.
# Answered by docs/tutorial/tensorflow-1.md: cells with the variables and numbers of TensorFlow 1.
. "$(dirname "$0")/lib/finding.sh"
environment python tensorflow-cpu==2.20.0 keras==3.12.0 numpy==2.2.6
observe python <<'END'
import keras
import tensorflow as tf

print("tensorflow", tf.__version__, "keras", keras.__version__)
v1 = tf.compat.v1
print("rnn_cell is listed:", "rnn_cell" in dir(v1.nn), "- dynamic_rnn is listed:", "dynamic_rnn" in dir(v1.nn))
try:
    v1.nn.rnn_cell.BasicRNNCell
    print("tf.compat.v1.nn.rnn_cell.BasicRNNCell is there")
except Exception as error:
    print("tf.compat.v1.nn.rnn_cell.BasicRNNCell raises", type(error).__name__)
    print("#", error)


class Cell:
    output_size = state_size = 2

    def __call__(self, inputs, state, scope=None):
        state = tf.tanh(inputs + state)
        return state, state

    def zero_state(self, batch_size, dtype):
        return tf.zeros([batch_size, 2], dtype)


with tf.Graph().as_default(), v1.Session() as session:
    try:
        outputs, _ = v1.nn.dynamic_rnn(Cell(), tf.ones([1, 3, 2]), dtype=tf.float32)
        print("dynamic_rnn with a cell of one's own gives shape", session.run(outputs).shape)
    except Exception as error:
        print("dynamic_rnn with a cell of one's own raises", type(error).__name__)
        print("#", error)
END
expect <<'END'
tensorflow 2.20.0 keras 3.12.0
rnn_cell is listed: True - dynamic_rnn is listed: True
tf.compat.v1.nn.rnn_cell.BasicRNNCell raises AttributeError
dynamic_rnn with a cell of one's own gives shape (1, 3, 2)
END
