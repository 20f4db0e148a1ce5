"""Cells and loops: variable scopes, states, shapes, dropout, and the errors."""
import numpy as np
import pytest

from tensorpack.compat import tfv1 as tf
from tensorpack.contrib.rnn import (
    BasicLSTMCell,
    BasicRNNCell,
    DropoutWrapper,
    GRUCell,
    LSTMCell,
    LSTMStateTuple,
    MultiRNNCell,
    ResidualWrapper,
    RNNCell,
    bidirectional_dynamic_rnn,
    dynamic_rnn,
    static_rnn,
)
from tensorpack.models.regularize import l2_regularizer
from tensorpack.tfutils.tower import TowerContext
from tensorpack.tfutils.varreplace import freeze_variables, remap_variables

X = np.random.RandomState(0).normal(size=(3, 5, 4)).astype("float32")


class S:
    """A shape that is no structure."""

    def __init__(self, *sizes):
        self.sizes = sizes

    def __eq__(self, other):
        return self.sizes == other


def variable_names():
    return [variable.op.name for variable in tf.global_variables()]


def evaluate(fetches, feed_dict=None):
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        return sess.run(fetches, feed_dict)


class SumCell(RNNCell):
    """Adds its inputs up, with a scale, and counts the steps in a scalar; old programs define cells so."""

    state_size = (4, tf.TensorShape([]))
    output_size = 4

    def __init__(self):
        super().__init__()

    def call(self, inputs, state):
        total = state[0] + inputs * tf.get_variable("scale", [4], initializer=tf.ones_initializer())
        return total, [total, state[1] + 1]


class OldCell(RNNCell):
    """Written for the first TensorFlow: no constructor of the base class, `__call__` overridden."""

    state_size = output_size = 2

    def __init__(self):
        pass

    def __call__(self, inputs, state, scope=None):
        with tf.variable_scope(scope or "old"):
            output = tf.tanh(tf.matmul(inputs, tf.get_variable("W", [4, 2])) + state)
        return output, output


class PairCell(RNNCell):
    """Inputs and outputs are structures."""

    state_size = 4
    output_size = {"sum": 4, "first": tf.TensorShape([2, 2])}

    def build(self, inputs_shape):
        assert [shape.as_list()[1:] for shape in tf.nest.flatten(inputs_shape)] == [[4], [2, 2]]

    def call(self, inputs, state):
        vector, matrix = inputs
        state = state + vector
        return {"sum": state, "first": matrix}, state


# ---- variables ------------------------------------------------------------------------------------------------------


def test_cells_in_one_scope_get_numbers():
    for units in (2, 3):
        cell = GRUCell(units)
        cell(X[:, 0], cell.zero_state(3, "float32"))
    assert variable_names()[::4] == ["gru_cell/gates/kernel", "gru_cell_1/gates/kernel"]


def test_a_cell_called_again_shares_its_variables():
    cell = LSTMCell(3)
    first, _ = dynamic_rnn(cell, X, dtype=tf.float32)
    with tf.variable_scope("elsewhere"):
        second, _ = static_rnn(cell, tf.unstack(X, axis=1), dtype=tf.float32)
    assert variable_names() == ["rnn/lstm_cell/kernel", "rnn/lstm_cell/bias"]
    first, second = evaluate([first, second])
    np.testing.assert_allclose(np.stack(second, axis=1), first, rtol=1e-6)


def test_a_new_cell_under_reuse_shares_variables():
    results = []
    for reuse in (False, True):
        with tf.variable_scope("model", reuse=reuse):
            results.append(dynamic_rnn(MultiRNNCell([BasicLSTMCell(3), GRUCell(2)]), X, dtype=tf.float32)[0])
    assert len(variable_names()) == 6
    one, other = evaluate(results)
    np.testing.assert_array_equal(one, other)


def test_the_argument_reuse_shares_variables():
    first, second = BasicRNNCell(3), BasicRNNCell(3, reuse=True)
    first(X[:, 0], tf.zeros([3, 3]))
    second(X[:, 0], tf.zeros([3, 3]))
    assert variable_names() == ["basic_rnn_cell/kernel", "basic_rnn_cell/bias"]
    with pytest.raises(ValueError, match="gru_cell/gates/kernel"):
        GRUCell(3, reuse=True)(X[:, 0], tf.zeros([3, 3]))


def test_a_scope_can_be_given_at_the_first_call():
    cell = GRUCell(3)
    cell(X[:, 0], tf.zeros([3, 3]), scope="mine")
    cell(X[:, 0], tf.zeros([3, 3]), "ignored")
    assert {name.split("/")[0] for name in variable_names()} == {"mine"}


@pytest.mark.parametrize("cls, name", [
    (type("MyRNNCell", (SumCell,), {}), "my_rnn_cell"),
    (type("Attention2DCell", (SumCell,), {}), "attention2d_cell"),
    (type("_Hidden", (SumCell,), {}), "private__hidden"),
], ids=["words", "digits", "private"])
def test_the_scope_of_a_subclass_is_named_after_it(cls, name):
    cell = cls()
    cell(X[:, 0], cell.zero_state(3, tf.float32))
    assert variable_names() == [name + "/scale"] and cell.name == name


def test_a_cell_lists_its_variables():
    cell = MultiRNNCell([DropoutWrapper(LSTMCell(3), 0.5), GRUCell(2, trainable=False)])
    assert cell.variables == []
    dynamic_rnn(cell, X, dtype=tf.float32)
    assert cell.variables == tf.global_variables() and cell.trainable_variables == tf.global_variables()[:2]
    assert tf.trainable_variables() == tf.global_variables()[:2]


def test_settings_of_the_surrounding_scope_hold_for_variables():
    with tf.variable_scope("model", regularizer=l2_regularizer(1.0), initializer=tf.constant_initializer(0.25)):
        outputs, _ = dynamic_rnn(LSTMCell(2), X, dtype=tf.float32)
        static_rnn(BasicRNNCell(2), [X[:, 0]] * 3, dtype=tf.float32, scope="other")
    losses = tf.get_collection(tf.GraphKeys.REGULARIZATION_LOSSES)
    assert len(losses) == 4
    kernel, loss, _ = evaluate([tf.global_variables()[0], losses[0], outputs])
    assert np.all(kernel == 0.25) and loss == pytest.approx(kernel.size * 0.25 ** 2 / 2)


def test_replaced_variables_serve_all_calls():
    """What a custom getter makes of a variable must not belong to the loop in which the cell was first called."""
    cell = MultiRNNCell([LSTMCell(2), GRUCell(3)])
    with freeze_variables():
        with remap_variables(lambda variable: variable * 0 + 0.5):
            first, _ = dynamic_rnn(cell, X, dtype=tf.float32)
        second, _ = dynamic_rnn(cell, X, dtype=tf.float32)
    assert len(tf.global_variables()) == 6
    assert tf.gradients(second, tf.global_variables()) == [None] * 6
    first, second = evaluate([first, second])
    np.testing.assert_array_equal(first, second)
    assert np.abs(first[:, -1]).min() > 0.05


@pytest.mark.parametrize("use_resource, v2", [(True, False), (False, True), (True, True)],
                         ids=["resource", "control_flow_v2", "both"])
def test_both_kinds_of_variables_and_loops(use_resource, v2):
    def run(**options):
        with tf.Graph().as_default(), tf.variable_scope("model", initializer=tf.constant_initializer(0.1), **options):
            outputs, _ = dynamic_rnn(MultiRNNCell([LSTMCell(2), GRUCell(3)]), X, [5, 1, 3], dtype=tf.float32)
            gradients = tf.gradients(outputs, tf.trainable_variables())
            assert len(gradients) == 6
            return evaluate([outputs] + gradients)

    expected = run()
    if v2:
        tf.enable_control_flow_v2()
    try:
        actual = run(use_resource=use_resource)
    finally:
        tf.disable_control_flow_v2()
    for one, other in zip(actual, expected):
        np.testing.assert_allclose(one, other, rtol=1e-5)


def test_a_tower_for_inference_reuses_the_variables_of_training():
    def model(x):
        return dynamic_rnn(MultiRNNCell([LSTMCell(3), LSTMCell(3)]), x, dtype=tf.float32)[0]

    with TowerContext("", is_training=True):
        first = model(X)
    with tf.variable_scope(tf.get_variable_scope(), reuse=True), TowerContext("predict", is_training=False):
        second = model(X)
    assert len(variable_names()) == 4 and second.name.startswith("predict/rnn/")
    one, other = evaluate([first, second])
    np.testing.assert_array_equal(one, other)


# ---- states and shapes ----------------------------------------------------------------------------------------------


def test_sizes_may_be_unknown_when_the_graph_is_built():
    x, lengths = tf.placeholder(tf.float32, [None, None, 4]), tf.placeholder(tf.int64, [None])
    outputs, state = dynamic_rnn(LSTMCell(3, num_proj=2), x, lengths, dtype=tf.float32)
    assert outputs.shape.as_list() == [None, None, 2]
    assert [part.shape.as_list() for part in state] == [[None, 3], [None, 2]]
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        for batch, time in [(2, 3), (5, 1)]:
            values = sess.run([outputs, state], {x: np.ones((batch, time, 4)), lengths: [1] * batch})
            assert values[0].shape == (batch, time, 2) and values[1][0].shape == (batch, 3)


def test_known_sizes_are_known_of_the_results():
    outputs, state = dynamic_rnn(GRUCell(3), X, [1, 2, 3], dtype=tf.float32)
    assert outputs.shape.as_list() == [3, 5, 3] and state.shape.as_list() == [3, 3]
    outputs, _ = dynamic_rnn(GRUCell(3), X.transpose(1, 0, 2), dtype=tf.float32, time_major=True, scope="other")
    assert outputs.shape.as_list() == [5, 3, 3]


def test_steps_beyond_the_longest_sequence_are_not_computed():
    x = tf.placeholder(tf.float32, [3, None, 4])
    steps = []

    class Counting(GRUCell):
        def call(self, inputs, state):
            with tf.control_dependencies([tf.py_func(steps.append, [inputs[0, 0]], [])]):
                return super().call(tf.identity(inputs), state)

    outputs, _ = dynamic_rnn(Counting(3), x, [2, 3, 0], dtype=tf.float32)
    padded = np.concatenate([X, np.full((3, 20, 4), np.nan, "float32")], axis=1)
    gradient = tf.gradients(outputs, x)[0]
    outputs, gradient = evaluate([outputs, gradient], {x: padded})
    assert len(steps) == 3
    assert outputs.shape == (3, 25, 3) and not outputs[:, 3:].any() and outputs[1, 2].all()
    assert not gradient[:, 3:].any()


@pytest.mark.parametrize("lengths", [[0, 0, 0], [5, 5, 5]], ids=["no steps", "all steps"])
def test_lengths_at_the_bounds(lengths):
    outputs, state = dynamic_rnn(BasicRNNCell(3), X, lengths, dtype=tf.float32)
    full, _ = dynamic_rnn(BasicRNNCell(3, reuse=True), X, dtype=tf.float32)
    outputs, state, full = evaluate([outputs, state, full])
    expected = full if lengths[0] else np.zeros_like(full)
    np.testing.assert_array_equal(outputs, expected)
    np.testing.assert_array_equal(state, expected[:, -1])


def test_the_state_goes_on_from_one_part_of_a_sequence_to_the_next():
    cell = MultiRNNCell([LSTMCell(3), GRUCell(2)])
    whole, end = dynamic_rnn(cell, X, dtype=tf.float32)
    first, state = dynamic_rnn(cell, X[:, :2], dtype=tf.float32)
    second, state = dynamic_rnn(cell, X[:, 2:], initial_state=state)
    results = evaluate([whole, tf.concat([first, second], 1), tf.nest.flatten(end), tf.nest.flatten(state)])
    np.testing.assert_allclose(results[0], results[1], rtol=1e-6)
    for one, other in zip(results[2], results[3]):
        np.testing.assert_allclose(one, other, rtol=1e-6)


def test_numpy_arrays_and_plain_tuples_are_states():
    outputs, state = dynamic_rnn(LSTMCell(2), X, initial_state=(np.zeros((3, 2), "float32"), np.ones((3, 2), "float32")))
    assert isinstance(state, LSTMStateTuple) and evaluate(outputs).shape == (3, 5, 2)


@pytest.mark.parametrize("loop", ["dynamic", "static"])
def test_cells_of_users(loop):
    results = []
    for make in (SumCell, OldCell):
        if loop == "dynamic":
            results.append(dynamic_rnn(make(), X, [5, 2, 0], dtype=tf.float32))
        else:
            outputs, state = static_rnn(make(), list(X.transpose(1, 0, 2)), sequence_length=[5, 2, 0],
                                        initial_state=make().zero_state(3, tf.float32))
            results.append((tf.stack(outputs, axis=1), state))
    assert variable_names() == ["rnn/sum_cell/scale", "rnn/old/W"]
    (sums, (total, count)), (outputs, state) = evaluate(results)
    expected = np.cumsum(X, axis=1) * (np.arange(5)[None, :, None] < np.array([5, 2, 0])[:, None, None])
    np.testing.assert_allclose(sums, expected, rtol=1e-5)
    np.testing.assert_allclose(total, [expected[0, 4], expected[1, 1], np.zeros(4)], rtol=1e-5)
    np.testing.assert_array_equal(count, [5, 2, 0])
    np.testing.assert_array_equal(state[1], outputs[1, 1])


def test_a_scalar_in_the_state_belongs_to_no_sequence():
    _, (_, count) = dynamic_rnn(SumCell(), X, [2, 3, 0], initial_state=(np.zeros([3, 4], "float32"), 0.))
    assert evaluate(count) == 3


def test_inputs_and_outputs_may_be_structures():
    matrices = np.arange(60, dtype="float32").reshape(3, 5, 2, 2)
    outputs, _ = dynamic_rnn(PairCell(), (X, matrices), [5, 5, 2], dtype=tf.float32)
    outputs = evaluate(outputs)
    np.testing.assert_allclose(outputs["sum"][0], np.cumsum(X[0], axis=0), rtol=1e-5)
    np.testing.assert_array_equal(outputs["first"][:2], matrices[:2])
    assert not outputs["first"][2, 2:].any()


def test_half_precision():
    outputs, state = dynamic_rnn(MultiRNNCell([LSTMCell(3, True, num_proj=2), GRUCell(3)]), X.astype("float16"), [5, 2, 3],
                                 dtype=tf.float16)
    assert {variable.dtype.base_dtype for variable in tf.global_variables()} == {tf.float16}
    assert evaluate(outputs).dtype == "float16"


@pytest.mark.parametrize("cell, sizes", [
    (lambda: BasicLSTMCell(3), LSTMStateTuple(S(2, 3), S(2, 3))),
    (lambda: LSTMCell(3, num_proj=1, state_is_tuple=False), S(2, 4)),
    (lambda: MultiRNNCell([GRUCell(3), ResidualWrapper(LSTMCell(4))]), (S(2, 3), LSTMStateTuple(S(2, 4), S(2, 4)))),
    (SumCell, (S(2, 4), S(2))),
], ids=["lstm", "projection", "multi", "custom"])
@pytest.mark.parametrize("batch_size", [2, np.int64(2), "dimension", "tensor"], ids=str)
def test_zero_states(cell, sizes, batch_size):
    batch = {"dimension": lambda: tf.zeros([2, 5]).shape[0],
             "tensor": lambda: tf.shape(tf.placeholder_with_default(np.zeros((2, 5)), [None, 5]))[0]}
    state = cell().zero_state(batch.get(batch_size, lambda: batch_size)(), tf.float64)
    tf.nest.assert_same_structure(state, tf.nest.map_structure(str, sizes))
    flat = tf.nest.flatten(state)
    assert all(part.dtype == tf.float64 for part in flat)
    assert flat[0].shape.as_list()[0] == (None if batch_size == "tensor" else 2)
    for value, shape in zip(evaluate(flat), tf.nest.flatten(sizes)):
        assert value.shape == shape and not value.any()


# ---- dropout --------------------------------------------------------------------------------------------------------


def test_dropout_keeps_the_given_share():
    cell = DropoutWrapper(SumCell(), output_keep_prob=0.25)
    outputs, _ = evaluate(cell(np.ones((500, 4), "float32"), cell.zero_state(500, tf.float32)))
    assert set(np.unique(outputs)) == {0, 4} and np.mean(outputs) == pytest.approx(1, abs=0.2)


def test_dropout_of_one_changes_nothing():
    cell = LSTMCell(3)
    state = cell.zero_state(3, tf.float32)
    plain = cell(X[:, 0], state)
    num_operations = len(tf.get_default_graph().get_operations())
    wrapped = DropoutWrapper(cell, 1, 1.0, 1.0)
    cell(X[:, 0], state)
    per_call = len(tf.get_default_graph().get_operations()) - num_operations
    wrapped_result = wrapped(X[:, 0], state)
    # one more for the conversion of the inputs
    assert len(tf.get_default_graph().get_operations()) - num_operations <= 2 * per_call + 1
    one, other = evaluate([plain, wrapped_result])
    np.testing.assert_array_equal(one[0], other[0])


def test_a_keep_probability_may_be_fed():
    keep = tf.placeholder_with_default(1.0, [])
    cell = DropoutWrapper(BasicRNNCell(50), keep, keep, keep)
    outputs, _ = dynamic_rnn(cell, X, dtype=tf.float32)
    assert evaluate(outputs).all()
    assert np.mean(evaluate(outputs, {keep: 0.3}) != 0) == pytest.approx(0.3, abs=0.1)


def test_dropout_of_the_state_keeps_the_cell_state_of_an_lstm():
    cell = DropoutWrapper(MultiRNNCell([LSTMCell(50), GRUCell(50)]), state_keep_prob=0.5)
    _, (lstm, gru) = evaluate(cell(X[:, 0], cell.zero_state(3, tf.float32)))
    assert lstm.c.all() and 0.2 < np.mean(lstm.h == 0) < 0.8 and 0.2 < np.mean(gru == 0) < 0.8


def test_a_visitor_says_which_state_is_dropped():
    def visitor(state):
        if isinstance(state, LSTMStateTuple):
            return LSTMStateTuple(c=True, h=False)
        return state.shape[-1] != 30 if isinstance(state, tf.Tensor) else True

    cell = DropoutWrapper(MultiRNNCell([LSTMCell(50), GRUCell(30), GRUCell(40)]), state_keep_prob=0.5,
                          dropout_state_filter_visitor=visitor)
    _, (lstm, kept, dropped) = evaluate(cell(X[:, 0], cell.zero_state(3, tf.float32)))
    assert lstm.h.all() and not lstm.c.all() and kept.all() and not dropped.all()


def test_variational_dropout_has_one_mask_for_all_steps():
    cell = DropoutWrapper(SumCell(), input_keep_prob=0.5, variational_recurrent=True, input_size=tf.TensorShape([4]),
                          dtype=tf.float32, seed=1)
    outputs, _ = dynamic_rnn(cell, np.ones((6, 5, 4), "float32"), dtype=tf.float32)
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        masks = []
        for _ in range(20):
            values = sess.run(outputs)
            np.testing.assert_array_equal(values, np.broadcast_to(values[:1, :1] * np.arange(1, 6)[:, None], (6, 5, 4)))
            masks.append(tuple(values[0, 0]))
    assert len(set(masks)) > 3 and set(np.unique(masks)) == {0, 2}


# ---- errors ---------------------------------------------------------------------------------------------------------


def cell_in_two_graphs():
    cell = GRUCell(3)
    cell(X[:, 0], tf.zeros([3, 3]))
    with tf.Graph().as_default():
        cell(X[:, 0], tf.zeros([3, 3]))


MISTAKES = {
    "no dtype": (lambda: dynamic_rnn(GRUCell(3), X), ValueError, "dynamic_rnn: without initial_state, dtype"),
    "no dtype, static": (lambda: static_rnn(GRUCell(3), [X[:, 0]]), ValueError, "static_rnn: without initial_state"),
    "vectors": (lambda: dynamic_rnn(GRUCell(3), X[0, 0], dtype=tf.float32), ValueError, r"\[batch, time, ...\].*\(4,\)"),
    "matrices": (lambda: dynamic_rnn(GRUCell(3), X[0], dtype=tf.float32), ValueError, r"GRUCell: inputs must.*\(5,\)|depth"),
    "unknown depth": (lambda: GRUCell(3)(tf.placeholder(tf.float32, [3, None]), tf.zeros([3, 3])), ValueError, "depth must be"),
    "lengths": (lambda: dynamic_rnn(GRUCell(3), X, [1, 2], dtype=tf.float32), ValueError, r"\[batch\] = \(3,\); got \(2,\)"),
    "length": (lambda: dynamic_rnn(GRUCell(3), X, 2, dtype=tf.float32), ValueError, r"\[batch\] = \(3,\); got \(\)"),
    "a tensor for static": (lambda: static_rnn(GRUCell(3), X, dtype=tf.float32), TypeError, "tf.unstack"),
    "no steps": (lambda: static_rnn(GRUCell(3), [], dtype=tf.float32), ValueError, "at least one step"),
    "a class": (lambda: dynamic_rnn(LSTMCell, X, dtype=tf.float32), TypeError, r"must be a recurrent cell.*try LSTMCell\("),
    "number as cell": (lambda: bidirectional_dynamic_rnn(GRUCell(3), 3, X), TypeError, "must be a recurrent cell.*got 3"),
    "one tensor as state": (lambda: LSTMCell(3)(X[:, 0], tf.zeros([3, 6])), TypeError, r"LSTMStateTuple \(c, h\)"),
    "state of the wrong cell": (lambda: dynamic_rnn(LSTMCell(3), X, initial_state=tf.zeros([3, 3])), ValueError,
                                "initial state of a cell must have the structure"),
    "units": (lambda: LSTMCell(0), ValueError, "LSTMCell: num_units must be at least 1; got 0"),
    "float units": (lambda: GRUCell(3.5), ValueError, "GRUCell: num_units .* got 3.5"),
    "activation": (lambda: BasicRNNCell(3, activation="tahn"), ValueError, "BasicRNNCell: activation .*tanh.* got 'tahn'"),
    "no cells": (lambda: MultiRNNCell([]), ValueError, "at least one cell"),
    "a cell, no list": (lambda: MultiRNNCell(GRUCell(3)), TypeError, "list of cells"),
    "tuples to concatenate": (lambda: MultiRNNCell([LSTMCell(3)], state_is_tuple=False), ValueError, "be concatenated"),
    "state of a stack": (lambda: MultiRNNCell([GRUCell(3)])(X[:, 0], tf.zeros([3, 3])), ValueError, "each of 1 cells"),
    "probability": (lambda: DropoutWrapper(GRUCell(3), 1.5), ValueError, r"input_keep_prob must be in \[0, 1\]; got 1.5"),
    "wrapped function": (lambda: ResidualWrapper(abs), TypeError, "ResidualWrapper: cell must be"),
    "variational": (lambda: DropoutWrapper(GRUCell(3), 0.5, variational_recurrent=True), ValueError, "dtype must"),
    "variational without size": (lambda: DropoutWrapper(GRUCell(3), 0.5, variational_recurrent=True, dtype=tf.float32),
                                 ValueError, "input_size must"),
    "residual of other size": (lambda: ResidualWrapper(GRUCell(3))(X[:, 0], tf.zeros([3, 3])), ValueError,
                               r"same shape; got \(3, 4\) and \(3, 3\)"),
    "two graphs": (cell_in_two_graphs, RuntimeError, "GRUCell: it must stay in the graph"),
    "no state_size": (lambda: RNNCell().zero_state(3, tf.float32), NotImplementedError, "RNNCell: override state_size"),
    "mixed state": (lambda: LSTMStateTuple(tf.zeros([1]), tf.zeros([1], tf.float64)).dtype, TypeError, "same dtype"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_mistakes_are_explained(name):
    function, error, message = MISTAKES[name]
    with pytest.raises(error, match=message):
        function()


def test_cells_that_are_the_same_object_are_warned_of(log_records):
    cell = GRUCell(4)
    MultiRNNCell([cell, cell])
    assert "same object" in log_records[-1].getMessage()
