"""Cells and loops against numpy in float64, and their gradients against finite differences."""
import numpy as np
import pytest

from tensorpack.compat import tfv1 as tf
from tensorpack.contrib.rnn import (
    BasicLSTMCell,
    BasicRNNCell,
    GRUCell,
    LSTMCell,
    MultiRNNCell,
    bidirectional_dynamic_rnn,
    dynamic_rnn,
    static_rnn,
)

BATCH, TIME, DEPTH = 3, 4, 5


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def basic_rnn_step(v, x, state):
    h = np.tanh(np.hstack([x, state]) @ v["kernel"] + v["bias"])
    return h, h


def lstm_step(v, x, state, forget_bias=1.0, peepholes=False, cell_clip=None, proj_clip=None):
    c, h = state
    i, j, f, o = np.split(np.hstack([x, h]) @ v["kernel"] + v["bias"], 4, axis=1)
    if peepholes:
        i, f = i + v["w_i_diag"] * c, f + v["w_f_diag"] * c
    c = sigmoid(f + forget_bias) * c + sigmoid(i) * np.tanh(j)
    c = c if cell_clip is None else np.clip(c, -cell_clip, cell_clip)
    h = sigmoid(o + v["w_o_diag"] * c if peepholes else o) * np.tanh(c)
    h = h @ v["projection/kernel"] if "projection/kernel" in v else h
    h = h if proj_clip is None else np.clip(h, -proj_clip, proj_clip)
    return h, (c, h)


def gru_step(v, x, h):
    r, u = np.split(sigmoid(np.hstack([x, h]) @ v["gates/kernel"] + v["gates/bias"]), 2, axis=1)
    candidate = np.tanh(np.hstack([x, r * h]) @ v["candidate/kernel"] + v["candidate/bias"])
    h = u * h + (1 - u) * candidate
    return h, h


def unroll(step, v, x, state, lengths):
    """Each sequence by itself, for as many steps as it has."""
    outputs, finals = [], []
    for n, length in enumerate(lengths):
        current, rows = tf.nest.map_structure(lambda s, n=n: s[n:n + 1], state), []
        for t in range(length):
            output, current = step(v, x[n:n + 1, t], current)
            rows.append(output[0])
        width = tf.nest.flatten(state)[-1].shape[1]
        outputs.append(np.stack(rows + [np.zeros(width)] * (x.shape[1] - length)))
        finals.append(tf.nest.flatten(current))
    return np.stack(outputs), [np.concatenate(parts) for parts in zip(*finals)]


CELLS = {
    "basic_rnn": (lambda: BasicRNNCell(3), basic_rnn_step, {}, 3),
    "basic_lstm": (lambda: BasicLSTMCell(3), lstm_step, {}, (3, 3)),
    "basic_lstm_forget": (lambda: BasicLSTMCell(3, forget_bias=-0.5), lstm_step, {"forget_bias": -0.5}, (3, 3)),
    "lstm": (lambda: LSTMCell(3), lstm_step, {}, (3, 3)),
    "lstm_peepholes": (lambda: LSTMCell(3, use_peepholes=True), lstm_step, {"peepholes": True}, (3, 3)),
    "lstm_clipped": (lambda: LSTMCell(3, cell_clip=0.4), lstm_step, {"cell_clip": 0.4}, (3, 3)),
    "lstm_projection": (lambda: LSTMCell(4, True, num_proj=2, proj_clip=0.3), lstm_step,
                        {"peepholes": True, "proj_clip": 0.3}, (4, 2)),
    "gru": (lambda: GRUCell(3), gru_step, {}, 3),
}
LOOPS = {
    "dynamic": lambda cell, x, **kwargs: dynamic_rnn(cell, x, **kwargs),
    "static": lambda cell, x, **kwargs: _stacked(static_rnn(cell, tf.unstack(x, axis=1), **kwargs)),
}


def _stacked(result):
    return tf.stack(result[0], axis=1), result[1]


def random_variables(sess, seed=5):
    """Give all variables random values; return {name in the cell's scope: value}."""
    rng = np.random.RandomState(seed)
    values = {}
    for variable in tf.global_variables():
        value = rng.normal(scale=0.6, size=variable.shape.as_list())
        variable.load(value, sess)
        values[variable.op.name.split("/", 2)[2]] = value
    return values


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("name", CELLS)
def test_outputs_and_states_are_those_of_numpy(name, loop):
    make, step, options, sizes = CELLS[name]
    rng = np.random.RandomState(1)
    x = rng.normal(size=(BATCH, TIME, DEPTH))
    state = tf.nest.map_structure(lambda size: rng.normal(size=(BATCH, size)), sizes)
    lengths = [4, 1, 0]
    outputs, final = LOOPS[loop](make(), tf.constant(x), initial_state=state, sequence_length=lengths)
    with tf.Session() as sess:
        values = random_variables(sess)
        outputs, final = sess.run([outputs, tf.nest.flatten(final)])
    expected_outputs, expected_final = unroll(lambda *args: step(*args, **options), values, x, state, lengths)
    np.testing.assert_allclose(outputs, expected_outputs, rtol=1e-10, atol=1e-12)
    for one, expected in zip(final, expected_final):
        np.testing.assert_allclose(one, expected, rtol=1e-10, atol=1e-12)


def test_both_directions_start_from_their_own_end():
    x = np.random.RandomState(1).normal(size=(BATCH, TIME, DEPTH))
    lengths = [3, 4, 1]
    outputs, states = bidirectional_dynamic_rnn(GRUCell(2), GRUCell(3), tf.constant(x), lengths, dtype=tf.float64)
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        (forward, backward), (state_fw, state_bw) = sess.run([outputs, states])
        values = {v.op.name: value for v, value in zip(tf.global_variables(), sess.run(tf.global_variables()))}
    reverse = np.stack([np.concatenate([row[:n][::-1], row[n:]]) for row, n in zip(x, lengths)])
    for direction, inputs, units, output, state in [("fw", x, 2, forward, state_fw), ("bw", reverse, 3, backward, state_bw)]:
        prefix = "bidirectional_rnn/{}/gru_cell/".format(direction)
        v = {name[len(prefix):]: value for name, value in values.items() if name.startswith(prefix)}
        expected, final = unroll(gru_step, v, inputs, np.zeros((BATCH, units)), lengths)
        if direction == "bw":
            expected = np.stack([np.concatenate([row[:n][::-1], row[n:]]) for row, n in zip(expected, lengths)])
        np.testing.assert_allclose(output, expected, rtol=1e-10, atol=1e-12)
        np.testing.assert_allclose(state, final[0], rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("name", sorted(CELLS) + ["multi"])
def test_gradients_are_those_of_finite_differences(name, loop):
    make = CELLS[name][0] if name in CELLS else lambda: MultiRNNCell([LSTMCell(3, True, num_proj=2), GRUCell(3)])
    rng = np.random.RandomState(2)
    x = tf.placeholder(tf.float64, [BATCH, TIME, DEPTH])
    outputs, final = LOOPS[loop](make(), x, dtype=tf.float64, sequence_length=[4, 2, 1])
    cost = tf.add_n([tf.reduce_sum(y * rng.normal(size=y.shape.as_list())) for y in [outputs] + tf.nest.flatten(final)])
    variables = tf.global_variables()
    gradients = tf.gradients(cost, [x] + variables)
    assert None not in gradients
    with tf.Session() as sess:
        random_variables(sess)
        point = [rng.normal(size=x.shape.as_list())] + sess.run(variables)
        direction = [rng.normal(size=value.shape) for value in point]
        slopes = sess.run(gradients, {x: point[0]})

        def cost_at(step):
            for variable, value, change in zip(variables, point[1:], direction[1:]):
                variable.load(value + step * change, sess)
            return sess.run(cost, {x: point[0] + step * direction[0]})

        numeric = (cost_at(1e-6) - cost_at(-1e-6)) / 2e-6
    analytic = sum(np.sum(slope * change) for slope, change in zip(slopes, direction))
    assert analytic == pytest.approx(numeric, rel=1e-6, abs=1e-7)
