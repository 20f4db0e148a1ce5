"""Recurrent networks that both TensorFlow 1.15 and the library can build, and how to run one on given values.

Run by Python with TensorFlow 1.15, this file writes what TensorFlow's own cells compute to `data/`:

    python tests/contrib/rnn_catalogue.py
"""
import os
import types
import zlib

import numpy as np

from tensorpack.compat import deprecation_silenced
from tensorpack.compat import tfv1 as tf

DATA = os.path.join(os.path.dirname(os.path.abspath(__file__)), "data")
VALUES = os.path.join(DATA, "rnn_tf1.npz")
CHECKPOINT = os.path.join(DATA, "rnn_tf1_checkpoint")

BATCH, TIME, DEPTH = 3, 5, 4
LENGTHS = [5, 0, 2]
SHORT_LENGTHS = [3, 1, 2]


def dynamic(cell, **kwargs):
    """A network: `dynamic_rnn` over the batch-major input."""
    return lambda lib, x: lib.dynamic_rnn(cell(lib), x, dtype=tf.float32, **kwargs)


def static(cell, **kwargs):
    return lambda lib, x: lib.static_rnn(cell(lib), tf.unstack(x, axis=1), dtype=tf.float32, **kwargs)


def time_major(lib, x):
    return lib.dynamic_rnn(lib.GRUCell(3), tf.transpose(x, [1, 0, 2]), [2, 5, 4], dtype=tf.float32, time_major=True)


def bidirectional(lib, x):
    return lib.bidirectional_dynamic_rnn(lib.LSTMCell(3), lib.LSTMCell(2, num_proj=3), x, LENGTHS, dtype=tf.float32)


def bidirectional_unpadded(lib, x):
    return lib.bidirectional_dynamic_rnn(lib.GRUCell(2), lib.GRUCell(2), x, dtype=tf.float32, scope="both")


def initial_state(lib, x):
    cell = lib.BasicLSTMCell(3)
    state = lib.LSTMStateTuple(tf.fill([BATCH, 3], 0.3), tf.fill([BATCH, 3], -0.2))
    return lib.dynamic_rnn(cell, x, [1, 5, 3], initial_state=state, scope="lm")


def two_networks(lib, x):
    """The second cell in a scope is renamed, the second network is not."""
    first, second = lib.GRUCell(DEPTH), lib.GRUCell(DEPTH)
    with tf.variable_scope("both"):
        step, _ = first(x[:, 0], first.zero_state(BATCH, tf.float32))
        step, _ = second(step, second.zero_state(BATCH, tf.float32))
    with tf.variable_scope("third"):
        outputs, state = lib.dynamic_rnn(lib.GRUCell(DEPTH), x + step[:, None], dtype=tf.float32)
    return outputs, (state, step)


def nested_state(lib, x):
    cell = lib.MultiRNNCell([lib.MultiRNNCell([lib.BasicLSTMCell(3), lib.GRUCell(2)]), lib.BasicRNNCell(3)])
    return lib.dynamic_rnn(cell, x, LENGTHS, dtype=tf.float32)


NETWORKS = {
    "basic_rnn": dynamic(lambda lib: lib.BasicRNNCell(3)),
    "basic_rnn_relu": dynamic(lambda lib: lib.BasicRNNCell(3, activation="relu")),
    "basic_lstm": dynamic(lambda lib: lib.BasicLSTMCell(3)),
    "basic_lstm_forget": dynamic(lambda lib: lib.BasicLSTMCell(3, forget_bias=0.0, activation=tf.nn.softsign)),
    "basic_lstm_concat": dynamic(lambda lib: lib.BasicLSTMCell(3, state_is_tuple=False), sequence_length=LENGTHS),
    "basic_lstm_named": dynamic(lambda lib: lib.BasicLSTMCell(3, name="mine"), scope="outer"),
    "lstm": dynamic(lambda lib: lib.LSTMCell(3), sequence_length=LENGTHS),
    "lstm_peepholes": dynamic(lambda lib: lib.LSTMCell(3, use_peepholes=True, cell_clip=0.1)),
    "lstm_projection": dynamic(lambda lib: lib.LSTMCell(4, num_proj=2, proj_clip=0.2), sequence_length=SHORT_LENGTHS),
    "lstm_projection_concat": dynamic(lambda lib: lib.LSTMCell(4, use_peepholes=True, num_proj=2, state_is_tuple=False)),
    "lstm_sharded": dynamic(lambda lib: lib.LSTMCell(4, num_unit_shards=2, num_proj=3, num_proj_shards=2)),
    "gru": dynamic(lambda lib: lib.GRUCell(3), sequence_length=LENGTHS),
    "gru_relu": static(lambda lib: lib.GRUCell(3, activation=tf.nn.relu)),
    "multi": dynamic(lambda lib: lib.MultiRNNCell([lib.BasicLSTMCell(3), lib.LSTMCell(2), lib.GRUCell(3)])),
    "multi_concat": dynamic(lambda lib: lib.MultiRNNCell(
        [lib.BasicLSTMCell(3, state_is_tuple=False), lib.GRUCell(2)], state_is_tuple=False)),
    "multi_in_multi": nested_state,
    "residual": dynamic(lambda lib: lib.ResidualWrapper(lib.GRUCell(DEPTH)), sequence_length=SHORT_LENGTHS),
    "residual_fn": dynamic(lambda lib: lib.ResidualWrapper(lib.GRUCell(3), lambda i, o: i[:, :3] * o)),
    "static": static(lambda lib: lib.LSTMCell(3)),
    "static_lengths": static(lambda lib: lib.MultiRNNCell([lib.LSTMCell(3), lib.BasicRNNCell(2)]), sequence_length=LENGTHS,
                             scope="rnnlm"),
    "time_major": time_major,
    "bidirectional": bidirectional,
    "bidirectional_unpadded": bidirectional_unpadded,
    "initial_state": initial_state,
    "two_networks": two_networks,
}


def values_for(name, shape):
    """Values that depend on nothing but the name."""
    rng = np.random.RandomState(zlib.crc32(name.encode()) % 2 ** 31)
    return rng.uniform(-0.9, 0.9, size=shape).astype("float32")


def run_network(name, lib):
    """Build a network in a new graph, give all variables their values, and return a dict of what it computes.

    Keys: `output/<i>`, `gradient/input`, `gradient/<variable>`, `variable/<variable>`.
    """
    with tf.Graph().as_default(), deprecation_silenced():
        x = tf.placeholder(tf.float32, [BATCH, TIME, DEPTH], name="x")
        outputs = [tf.convert_to_tensor(output) for output in tf.nest.flatten(NETWORKS[name](lib, x))]
        variables = tf.global_variables()
        cost = tf.add_n([tf.reduce_sum(output * values_for("weight", output.shape.as_list())) for output in outputs])
        gradients = tf.gradients(cost, [x] + variables)
        fetches = {"output/{}".format(i): output for i, output in enumerate(outputs)}
        fetches["gradient/input"] = gradients[0]
        for variable, gradient in zip(variables, gradients[1:]):
            fetches["gradient/" + variable.op.name] = gradient
        values = {variable.op.name: values_for(variable.op.name, variable.shape.as_list()) for variable in variables}
        with tf.Session() as sess:
            for variable in variables:
                variable.load(values[variable.op.name], sess)
            results = sess.run(fetches, {x: values_for("input", [BATCH, TIME, DEPTH])})
        results.update(("variable/" + key, value) for key, value in values.items())
        return results


def tensorflow_cells():
    """The cells and loops of TensorFlow 1.15."""
    names = ["BasicLSTMCell", "BasicRNNCell", "DropoutWrapper", "GRUCell", "LSTMCell", "LSTMStateTuple", "MultiRNNCell",
             "RNNCell", "ResidualWrapper"]
    lib = types.SimpleNamespace(**{name: getattr(tf.nn.rnn_cell, name) for name in names})
    lib.dynamic_rnn, lib.static_rnn = tf.nn.dynamic_rnn, tf.nn.static_rnn
    lib.bidirectional_dynamic_rnn = tf.nn.bidirectional_dynamic_rnn
    return lib


def save_checkpoint(lib, path):
    """Build one network, fill its variables, and save them."""
    with tf.Graph().as_default(), deprecation_silenced(), tf.Session() as sess:
        NETWORKS["multi"](lib, tf.zeros([BATCH, TIME, DEPTH]))
        for variable in tf.global_variables():
            variable.load(values_for(variable.op.name, variable.shape.as_list()), sess)
        tf.train.Saver().save(sess, path, write_meta_graph=False, write_state=False)


def main():
    os.makedirs(DATA, exist_ok=True)
    lib = tensorflow_cells()
    results = {}
    for name in NETWORKS:
        for key, value in run_network(name, lib).items():
            results[name + ":" + key] = value
    np.savez_compressed(VALUES, **results)
    save_checkpoint(lib, CHECKPOINT)


if __name__ == "__main__":
    main()
