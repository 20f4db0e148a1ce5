"""The networks of the catalogue of cells: name -> how to build it with the names of a library."""
import collections

import numpy as np

from tensorpack.compat import tfv1 as tf

BATCH, TIME, DEPTH = 3, 5, 4
LENGTHS = [5, 0, 2]
INPUTS = {"x": [BATCH, TIME, DEPTH]}

Network = collections.namedtuple("Network", ["build", "inputs", "dtype", "gradients"])
NETWORKS = {}


def network(name, build, inputs=None, dtype="float32", gradients=True):
    NETWORKS[name] = Network(build, collections.OrderedDict(sorted((inputs or INPUTS).items())), dtype, gradients)


def dynamic(cell, dtype="float32", **kwargs):
    """`dynamic_rnn` over the batch-major input."""
    return lambda lib, x: lib.nn.dynamic_rnn(cell(lib), x, dtype=tf.as_dtype(dtype), **kwargs)


def two_steps(cell, x):
    """Two calls of a cell, outside of a loop."""
    state = cell.zero_state(BATCH, x.dtype)
    with tf.variable_scope("steps"):
        first, state = cell(x[:, 0], state)
        second, state = cell(x[:, 1], state)
    return first, second, state


CELLS = {
    "basic_rnn": lambda lib: lib.rnn.BasicRNNCell(3),
    "basic_lstm": lambda lib: lib.rnn.BasicLSTMCell(3),
    "gru": lambda lib: lib.rnn.GRUCell(3),
    "lstm_full": lambda lib: lib.rnn.LSTMCell(3, use_peepholes=True, num_proj=2, cell_clip=0.4, proj_clip=0.3),
    "lstm_block": lambda lib: lib.rnn.LSTMBlockCell(3),
    "lstm_block_peephole": lambda lib: lib.rnn.LSTMBlockCell(3, forget_bias=0.5, use_peephole=True, name="mine"),
    "lstm_block_clipped": lambda lib: lib.rnn.LSTMBlockCell(3, cell_clip=0.2),
    "gru_block": lambda lib: lib.rnn.GRUBlockCell(3),
    "gru_block_2": lambda lib: lib.rnn.GRUBlockCellV2(3),
    "cudnn_compatible_lstm": lambda lib: lib.cudnn_rnn.CudnnCompatibleLSTMCell(3),
    "cudnn_compatible_gru": lambda lib: lib.cudnn_rnn.CudnnCompatibleGRUCell(3),
    "layer_norm_lstm": lambda lib: lib.rnn.LayerNormBasicLSTMCell(3, norm_gain=0.7, norm_shift=0.2),
    "layer_norm_lstm_plain": lambda lib: lib.rnn.LayerNormBasicLSTMCell(3, layer_norm=False, activation=tf.nn.softsign),
    "coupled": lambda lib: lib.rnn.CoupledInputForgetGateLSTMCell(3),
    "coupled_full": lambda lib: lib.rnn.CoupledInputForgetGateLSTMCell(
        3, use_peepholes=True, num_proj=2, proj_clip=0.4, layer_norm=True, num_unit_shards=2),
    "coupled_concat": lambda lib: lib.rnn.CoupledInputForgetGateLSTMCell(3, num_proj=2, state_is_tuple=False),
    "glstm": lambda lib: lib.rnn.GLSTMCell(4, number_of_groups=2),
    "glstm_projected": lambda lib: lib.rnn.GLSTMCell(4, num_proj=2, number_of_groups=2, activation=tf.nn.relu),
    "ugrnn": lambda lib: lib.rnn.UGRNNCell(3),
    "intersection": lambda lib: lib.rnn.IntersectionRNNCell(DEPTH),
    "intersection_projected": lambda lib: lib.rnn.IntersectionRNNCell(3, num_in_proj=3),
    "nas": lambda lib: lib.rnn.NASCell(3),
    "nas_full": lambda lib: lib.rnn.NASCell(3, num_proj=2, use_bias=True, name="found"),
    "ind_rnn": lambda lib: lib.rnn.IndRNNCell(3),
    "indy_gru": lambda lib: lib.rnn.IndyGRUCell(3),
    "indy_lstm": lambda lib: lib.rnn.IndyLSTMCell(3, forget_bias=0.3),
    "sru": lambda lib: lib.rnn.SRUCell(3),
    "input_projection": lambda lib: lib.rnn.InputProjectionWrapper(lib.rnn.GRUCell(3), 2, activation=tf.nn.relu),
    "output_projection": lambda lib: lib.rnn.OutputProjectionWrapper(lib.rnn.LSTMCell(3), 2),
    "attention_cell": lambda lib: lib.rnn.AttentionCellWrapper(lib.rnn.LSTMCell(3), 2),
    "attention_cell_full": lambda lib: lib.rnn.AttentionCellWrapper(
        lib.rnn.GRUCell(3), 3, attn_size=4, attn_vec_size=2, input_size=5, state_is_tuple=False),
    "residual_dropout": lambda lib: lib.rnn.ResidualWrapper(lib.rnn.DropoutWrapper(lib.rnn.GRUCell(DEPTH))),
    "device": lambda lib: lib.rnn.DeviceWrapper(lib.rnn.LSTMCell(3), "/cpu:0"),
    "multi": lambda lib: lib.rnn.MultiRNNCell([lib.rnn.LayerNormBasicLSTMCell(3), lib.rnn.LSTMBlockCell(2),
                                               lib.rnn.OutputProjectionWrapper(lib.rnn.UGRNNCell(3), 2)]),
}
for _name, _cell in CELLS.items():
    network("cell_" + _name, lambda lib, x, cell=_cell: two_steps(cell(lib), x))
for _name in ("lstm_block_peephole", "gru_block", "layer_norm_lstm", "attention_cell", "multi"):
    network("loop_" + _name, dynamic(CELLS[_name], sequence_length=LENGTHS))
network("highway", dynamic(lambda lib: lib.rnn.HighwayWrapper(lib.rnn.GRUCell(DEPTH)), sequence_length=LENGTHS))
network("highway_uncoupled", dynamic(lambda lib: lib.rnn.HighwayWrapper(lib.rnn.GRUCell(DEPTH), False, 0.5)))
for _name in ("layer_norm_lstm_plain", "ugrnn", "nas", "indy_lstm", "ind_rnn", "sru", "glstm"):
    network("float64_" + _name, lambda lib, x, cell=CELLS[_name]: two_steps(cell(lib), x), dtype="float64")


def embedding(lib, x):
    cell = lib.rnn.EmbeddingWrapper(lib.rnn.GRUCell(3), 7, 4)
    ids = tf.constant([[1, 4, 0], [6, 6, 2]])
    return lib.nn.dynamic_rnn(cell, tf.expand_dims(ids, 2), dtype=tf.float32)[0] * x[0, 0, 0]


def phased(lib, x):
    time = tf.cumsum(tf.abs(x[:, :, :1]), axis=1) * 3.0
    cell = lib.rnn.PhasedLSTMCell(3, use_peepholes=True, leak=0.01)
    return lib.nn.dynamic_rnn(cell, (time, x), dtype=tf.float32)


def images(lib, x, cell):
    return lib.nn.dynamic_rnn(cell, x, dtype=tf.float32)


network("embedding", embedding)
network("phased", phased)
network("conv_1d", lambda lib, x: images(lib, x, lib.rnn.Conv1DLSTMCell(
    input_shape=[4, 2], output_channels=3, kernel_shape=[3])), {"x": [2, 3, 4, 2]})
network("conv_2d", lambda lib, x: images(lib, x, lib.rnn.Conv2DLSTMCell(
    input_shape=[4, 3, 2], output_channels=3, kernel_shape=[3, 2], use_bias=False)), {"x": [2, 3, 4, 3, 2]})
network("conv_3d", lambda lib, x: images(lib, x, lib.rnn.Conv3DLSTMCell(
    input_shape=[2, 3, 2, 1], output_channels=2, kernel_shape=[2, 2, 2])), {"x": [2, 2, 2, 3, 2, 1]})


def fused(lib, x, lengths):
    cell = lib.rnn.LSTMBlockFusedCell(3, use_peephole=True, cell_clip=0.5)
    return cell(tf.transpose(x, [1, 0, 2]), dtype=tf.float32, sequence_length=lengths)


def fused_both_ways(lib, x):
    forward = lib.rnn.FusedRNNCellAdaptor(lib.rnn.GRUCell(3), use_dynamic_rnn=True)
    backward = lib.rnn.TimeReversedFusedRNN(lib.rnn.FusedRNNCellAdaptor(lib.rnn.GRUCell(2)))
    x = tf.transpose(x, [1, 0, 2])
    return forward(x, dtype=tf.float32, sequence_length=LENGTHS), backward(
        tf.unstack(x), dtype=tf.float32, scope="backward")


network("fused", lambda lib, x: fused(lib, x, None))
network("fused_lengths", lambda lib, x: fused(lib, x, [5, 1, 2]))
network("fused_initial_state", lambda lib, x: lib.rnn.LSTMBlockFusedCell(2)(
    tf.transpose(x, [1, 0, 2]), initial_state=(tf.ones([BATCH, 2]), tf.zeros([BATCH, 2]))))
network("fused_both_ways", fused_both_ways)


def pairs(lib):
    return [lib.rnn.LSTMCell(3), lib.rnn.GRUCell(2)], [lib.rnn.LSTMCell(2), lib.rnn.GRUCell(3)]


network("stack_dynamic", lambda lib, x: lib.rnn.stack_bidirectional_dynamic_rnn(
    *pairs(lib), inputs=x, dtype=tf.float32, sequence_length=LENGTHS))
network("stack_time_major", lambda lib, x: lib.rnn.stack_bidirectional_dynamic_rnn(
    *pairs(lib), inputs=tf.transpose(x, [1, 0, 2]), dtype=tf.float32, time_major=True, scope="mine"))
network("stack_static", lambda lib, x: lib.rnn.stack_bidirectional_rnn(
    *pairs(lib), inputs=tf.unstack(x, axis=1), dtype=tf.float32))
network("static_bidirectional", lambda lib, x: lib.rnn.static_bidirectional_rnn(
    lib.rnn.LSTMCell(3), lib.rnn.GRUCell(2), tf.unstack(x, axis=1), dtype=tf.float32, sequence_length=LENGTHS))
network("bidirectional", lambda lib, x: lib.nn.bidirectional_dynamic_rnn(
    lib.rnn.LSTMCell(3), lib.rnn.GRUCell(2), x, sequence_length=LENGTHS, dtype=tf.float32))
network("static", lambda lib, x: lib.rnn.static_rnn(
    lib.rnn.LSTMCell(3), tf.unstack(x, axis=1), dtype=tf.float32, sequence_length=LENGTHS))


def raw(lib, x):
    cell, array = lib.rnn.LSTMCell(3), tf.TensorArray(tf.float32, size=TIME).unstack(tf.transpose(x, [1, 0, 2]))

    def loop(time, output, state, loop_state):
        state = cell.zero_state(BATCH, tf.float32) if output is None else state
        finished = time >= tf.constant([TIME, TIME - 1, 2])
        step = tf.cond(tf.reduce_all(finished), lambda: tf.zeros([BATCH, DEPTH]), lambda: array.read(time))
        return finished, step, state, output, None

    outputs, state, _ = lib.nn.raw_rnn(cell, loop)
    return outputs.stack(), state


network("raw", raw)


class SavedState:
    """Where a loop over pieces of sequences keeps its state."""

    def __init__(self):
        self.values = {"state": tf.ones([BATCH, 3]) * 0.3}

    def state(self, name):
        return self.values[name]

    def save_state(self, name, value):
        self.values[name] = value
        return tf.identity(value)


def state_saving(lib, x):
    saver = SavedState()
    outputs, state = lib.rnn.static_state_saving_rnn(lib.rnn.GRUCell(3), tf.unstack(x, axis=1), saver, "state")
    return outputs, state, saver.values["state"]


network("state_saving", state_saving)


def reused(lib, x):
    """The same variables twice, under regularizer and initializer of a scope."""
    outputs = []
    for reuse in (None, True):
        with tf.variable_scope("shared", reuse=reuse, initializer=tf.constant_initializer(0.1)):
            cell = lib.rnn.MultiRNNCell([lib.rnn.UGRNNCell(3, reuse=reuse), lib.rnn.LSTMBlockCell(2, reuse=reuse)])
            outputs.append(lib.nn.dynamic_rnn(cell, x, dtype=tf.float32)[0])
    return outputs


network("reused", reused)


def own_cell(lib, x):
    """A cell that a program defines."""
    class Own(lib.rnn.RNNCell):
        def __init__(self, units, reuse=None):
            super().__init__(_reuse=reuse)
            self.units = units

        @property
        def state_size(self):
            return self.units

        @property
        def output_size(self):
            return self.units

        def call(self, inputs, state):
            with tf.variable_scope("inner"):
                w = tf.get_variable("w", [DEPTH, self.units])
            u = tf.get_variable("u", [self.units, self.units])
            new = tf.tanh(tf.matmul(inputs, w) + tf.matmul(state, u))
            return new, new

    return lib.nn.dynamic_rnn(Own(3), x, dtype=tf.float32, sequence_length=LENGTHS)


def own_layer_cell(lib, x):
    """One that creates its variables in build()."""
    class Built(lib.rnn.LayerRNNCell):
        def __init__(self, units, **kwargs):
            super().__init__(**kwargs)
            self.units = units

        @property
        def state_size(self):
            return self.units

        @property
        def output_size(self):
            return self.units

        def build(self, shape):
            self.w = self.add_variable("w", shape=[int(shape[-1]) + self.units, self.units])
            self.scale = self.add_variable("scale", shape=[self.units], trainable=False, initializer=tf.ones_initializer())
            self.built = True

        def call(self, inputs, state):
            new = tf.tanh(tf.matmul(tf.concat([inputs, state], 1), self.w)) * self.scale
            return new, new

    return lib.nn.dynamic_rnn(Built(3, name="mine"), x, dtype=tf.float32)


def own_old_cell(lib, x):
    """One in the style of 2016: `__call__` with a scope, and no __init__ of the base."""
    class Old(lib.rnn.RNNCell):
        def __init__(self, units):
            self.units = units

        @property
        def state_size(self):
            return self.units

        @property
        def output_size(self):
            return self.units

        def __call__(self, inputs, state, scope=None):
            with tf.variable_scope(scope or type(self).__name__):
                w = tf.get_variable("W", [int(inputs.get_shape()[1]), self.units])
                new = tf.nn.relu(tf.matmul(inputs, w) + 0.5 * state)
            return new, new

    return lib.nn.dynamic_rnn(Old(3), x, dtype=tf.float32)


network("own_cell", own_cell)
network("own_layer_cell", own_layer_cell)
network("own_old_cell", own_old_cell)
MASK = np.array([[1, 1, 1, 1, 1], [1, 0, 0, 0, 0], [1, 1, 0, 0, 0]], "float32")
