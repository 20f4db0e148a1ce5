"""`tf.nn.rnn_cell`, the loops, and `contrib.{rnn,seq2seq,signal,distributions}` against stored values of TensorFlow 1.15.5."""
import json
import os

import numpy as np
import pytest

from tensorpack.compat import deprecation_silenced
from tensorpack.compat import tfv1 as tf
from tensorpack.tf1._tensorflow import nn
from tensorpack.tf1._tensorflow.contrib import distributions, rnn, seq2seq, signal

GOLDEN = os.path.join(os.path.dirname(os.path.abspath(__file__)), "data", "cells_golden")
with open(os.path.join(GOLDEN, "cases.json")) as f:
    STORED = json.load(f)
cells = nn.rnn_cell
LENGTHS = np.array([6, 3, 1], "int32")


def dynamic(cell, x, **kwargs):
    return nn.dynamic_rnn(cell, x, dtype=tf.float32, **kwargs)


def one_call(x):
    cell = cells.BasicLSTMCell(3)
    with tf.variable_scope("s"):
        return cell(x, cell.zero_state(4, tf.float32))


def static(x):
    outputs, state = nn.static_rnn(cells.BasicRNNCell(4), tf.unstack(x, axis=1), dtype=tf.float32)
    return outputs[-1], state


def attention(x, memory):
    mechanism = seq2seq.BahdanauAttention(5, memory, memory_sequence_length=[4, 2, 3])
    return dynamic(seq2seq.AttentionWrapper(cells.GRUCell(4), mechanism, output_attention=True), x)[0]


def logistic(x):
    distribution = distributions.Logistic(0.5, 2.0)
    return distribution.log_prob(x), distribution.cdf(x)


def pair():
    return [cells.LSTMCell(3), cells.LSTMCell(3)]


CASES = {
    "rnn_basic": lambda x: dynamic(cells.BasicRNNCell(4), x),
    "rnn_basiclstm": lambda x: dynamic(cells.BasicLSTMCell(4), x, sequence_length=LENGTHS),
    "rnn_lstm": lambda x: dynamic(cells.LSTMCell(4), x),
    "rnn_lstm_full": lambda x: dynamic(cells.LSTMCell(4, use_peepholes=True, cell_clip=0.3, num_proj=3, proj_clip=0.2,
                                                      forget_bias=0.5), x),
    "rnn_gru": lambda x: dynamic(cells.GRUCell(4), x, sequence_length=LENGTHS),
    "rnn_multi": lambda x: dynamic(cells.MultiRNNCell([cells.GRUCell(4), cells.LSTMCell(3)]), x),
    "rnn_residual": lambda x: dynamic(cells.ResidualWrapper(cells.DropoutWrapper(cells.GRUCell(4), 1.0, 1.0, 1.0)), x),
    "rnn_call": one_call,
    "rnn_bidirectional": lambda x: nn.bidirectional_dynamic_rnn(*pair(), inputs=x, sequence_length=LENGTHS, dtype=tf.float32),
    "rnn_stack_bidirectional": lambda x: rnn.stack_bidirectional_dynamic_rnn(pair(), pair(), x, dtype=tf.float32),
    "rnn_static": static,
    "seq2seq_attention": attention,
    "signal_stft": lambda x: tf.abs(signal.stft(x, 8, 4, 16)),
    "dist_logistic": logistic,
}


def test_each_stored_case_is_tried():
    assert sorted(CASES) == sorted(STORED)


def close(actual, expected, tolerance, what):
    assert np.abs(actual - expected).max() <= tolerance * max(1.0, np.abs(expected).max()), what


@pytest.mark.slow_on(1)
@pytest.mark.parametrize("case", sorted(CASES))
def test_graphs_and_values_are_those_of_tensorflow_1(case):
    stored = STORED[case]
    with np.load(os.path.join(GOLDEN, case + ".npz")) as data:
        arrays = {key.replace("__", "/"): value for key, value in data.items()}
    inputs = {name: tf.placeholder(tf.float32, shape, name) for name, shape in stored["inputs"].items()}
    with deprecation_silenced():
        outputs = tf.nest.flatten(CASES[case](**inputs))
    variables, trained = tf.global_variables(), tf.trainable_variables()
    assert [[v.op.name, v.shape.as_list(), v.dtype.base_dtype.name, v in trained] for v in variables] == stored["variables"]
    for key in ("variables", "trainable_variables"):
        assert [v.name for v in tf.get_collection(key)] == stored["collections"].get(key, [])
    points = list(inputs.values()) + variables
    cost = tf.add_n([tf.reduce_sum(output * arrays["weight/{}".format(i)]) for i, output in enumerate(outputs)])
    gradients = tf.gradients(cost, points)
    with tf.Session() as sess:
        sess.run([v.initializer for v in variables])
        check_initial_values(sess.run(variables), variables, stored["initial_zero_or_one"])
        for variable in variables:
            variable.load(arrays["var/" + variable.op.name], sess)
        feeds = {x: arrays["in/" + name] for name, x in inputs.items()}
        values, slopes = sess.run([outputs, gradients], feeds)
    for i, value in enumerate(values):
        close(value, arrays["out/{}".format(i)], 1e-5, "output {}".format(i))
    names = ["in/" + name for name in inputs] + ["var/" + v.op.name for v in variables]
    for name, slope in zip(names, slopes):
        close(slope, arrays["grad_" + name], 1e-4, name)


def check_initial_values(values, variables, kinds):
    for value, variable in zip(values, variables):
        constants = {"zeros": 0, "ones": 1}
        kind = kinds[variable.op.name]
        assert kind == "random" or (value == constants[kind]).all(), variable.op.name
        assert kind != "random" or value.std() > 0, variable.op.name
