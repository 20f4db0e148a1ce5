"""The cells compute what TensorFlow 1.15's own cells compute: values, gradients, variable names, checkpoints."""
import numpy as np
import pytest
import rnn_catalogue
from slow_tests import few_on

from tensorpack.compat import tfv1 as tf
from tensorpack.contrib import rnn
from tensorpack.tfutils.sessinit import SaverRestore

HAS_TF1_CELLS = hasattr(tf.nn, "rnn_cell") and hasattr(tf.nn.rnn_cell, "BasicLSTMCell")
needs_tf1_cells = pytest.mark.skipif(not HAS_TF1_CELLS, reason="TensorFlow has lost its cells")


@pytest.fixture(scope="module")
def stored():
    with np.load(rnn_catalogue.VALUES) as values:
        return dict(values)


def assert_equal_results(actual, expected):
    assert sorted(actual) == sorted(expected)
    for key, value in expected.items():
        np.testing.assert_allclose(actual[key], value, rtol=2e-5, atol=2e-6, err_msg=key)


@pytest.mark.parametrize("name", few_on(1, rnn_catalogue.NETWORKS, 3))
def test_networks_compute_what_tensorflow_1_computes(name, stored):
    actual = rnn_catalogue.run_network(name, rnn)
    assert_equal_results(actual, {key.split(":", 1)[1]: value for key, value in stored.items() if key.startswith(name + ":")})
    if HAS_TF1_CELLS:
        assert_equal_results(actual, rnn_catalogue.run_network(name, rnn_catalogue.tensorflow_cells()))


def test_the_stored_values_cover_all_networks(stored):
    assert {key.split(":")[0] for key in stored} == set(rnn_catalogue.NETWORKS)


def assert_restores(path):
    rnn_catalogue.NETWORKS["multi"](rnn, tf.zeros([3, 5, 4]))
    with tf.Session() as sess:
        SaverRestore(path).init(sess)
        for variable in tf.global_variables():
            np.testing.assert_array_equal(sess.run(variable),
                                          rnn_catalogue.values_for(variable.op.name, variable.shape.as_list()))


def test_a_checkpoint_of_tensorflow_1_cells_loads():
    assert_restores(rnn_catalogue.CHECKPOINT)


@needs_tf1_cells
def test_a_checkpoint_of_the_cells_of_this_tensorflow_loads(tmp_path):
    rnn_catalogue.save_checkpoint(rnn_catalogue.tensorflow_cells(), str(tmp_path / "model"))
    assert_restores(str(tmp_path / "model"))


@needs_tf1_cells
def test_cells_of_tensorflow_work_in_our_loops_and_ours_in_its():
    own = rnn_catalogue.tensorflow_cells()
    x = tf.constant(rnn_catalogue.values_for("input", [3, 5, 4]))

    def build(cells, loops, scope):
        with tf.variable_scope("net", reuse=tf.AUTO_REUSE, auxiliary_name_scope=False):
            cell = cells.MultiRNNCell([cells.LSTMCell(3), cells.GRUCell(2)])
            return loops.dynamic_rnn(cell, x, [5, 2, 0], dtype=tf.float32, scope=scope)

    results = [build(cells, loops, "rnn") for cells in (own, rnn) for loops in (own, rnn)]
    assert len(tf.global_variables()) == 6
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        values = [[np.array(x) for x in tf.nest.flatten(result)] for result in sess.run(results)]
    for other in values[1:]:
        for one, expected in zip(other, values[0]):
            np.testing.assert_allclose(one, expected, rtol=1e-6, atol=1e-7)


@needs_tf1_cells
@pytest.mark.parametrize("options", [
    {"input_keep_prob": 0.6}, {"output_keep_prob": 0.6}, {"state_keep_prob": 0.6},
    {"input_keep_prob": 0.7, "output_keep_prob": 0.8, "state_keep_prob": 0.9},
    {"input_keep_prob": 0.6, "output_keep_prob": 0.6, "state_keep_prob": 0.6, "variational_recurrent": True,
     "input_size": 4, "dtype": tf.float32},
], ids=["input", "output", "state", "all", "variational"])
def test_dropout_with_a_seed_drops_what_tensorflow_drops(options):
    x = rnn_catalogue.values_for("input", [3, 5, 4])

    def run(lib):
        with tf.Graph().as_default(), tf.Session() as sess:
            tf.set_random_seed(3)
            cell = lib.DropoutWrapper(lib.MultiRNNCell([lib.LSTMCell(3), lib.GRUCell(2)]), seed=7, **options)
            result = lib.dynamic_rnn(cell, x, dtype=tf.float32, parallel_iterations=1)  # else steps draw in any order
            for variable in tf.global_variables():
                variable.load(rnn_catalogue.values_for(variable.op.name, variable.shape.as_list()), sess)
            return sess.run(tf.nest.flatten(result))

    for one, expected in zip(run(rnn), run(rnn_catalogue.tensorflow_cells())):
        np.testing.assert_allclose(one, expected, rtol=1e-5, atol=1e-6)
