"""Each network of the catalogue has the variables of TensorFlow 1.15 and computes what it computes."""
import importlib
import json

import cells_catalogue
import numpy as np
import pytest
from slow_tests import few_on

from tensorpack.compat import VERSION
from tensorpack.compat import tfv1 as tf
from tensorpack.tfutils.sessinit import SaverRestore

is_version_1 = pytest.mark.skipif(VERSION >= (2, 0), reason="needs TensorFlow 1.15's own names")


@pytest.fixture(scope="module")
def stored():
    with open(cells_catalogue.VARIABLES) as f:
        variables = json.load(f)
    values = {name: {} for name in variables}
    with np.load(cells_catalogue.VALUES) as arrays:
        for key, value in arrays.items():
            name, what = key.split(":", 1)
            values[name][what] = value
    return values, variables


@pytest.fixture(scope="module")
def ours():
    return cells_catalogue.our_names()


def assert_equal_results(actual, expected):
    assert sorted(actual) == sorted(expected)
    for key, value in expected.items():
        found = actual[key]
        assert found.shape == value.shape and found.dtype.kind == value.dtype.kind, key
        if value.dtype.kind in "Sb":
            assert found.tolist() == value.tolist(), key
        else:
            np.testing.assert_allclose(found, value, rtol=1e-4, atol=1e-5, err_msg=key)


@pytest.mark.parametrize("name", few_on(1, cells_catalogue.NETWORKS))
def test_networks_compute_what_tensorflow_1_computes(name, ours, stored):
    results, variables = cells_catalogue.run_network(name, ours)
    assert variables == stored[1][name]
    assert_equal_results(results, stored[0][name])


HALVES = ["basic_rnn", "coupled", "gru", "layer_norm_lstm_plain", "lstm_block", "lstm_full", "nas", "sru"]


@pytest.mark.parametrize("name", HALVES)
def test_cells_of_half_precision_compute_the_same_with_less_precision(name, ours, stored):
    results, variables = cells_catalogue.run_network("cell_" + name, ours, "float16")
    assert {dtype for _, _, dtype, _ in variables} == {"float16"}
    for key, expected in stored[0]["cell_" + name].items():
        assert results[key].dtype == np.float16, key
        np.testing.assert_allclose(results[key], expected, rtol=0.05, atol=0.01, err_msg=key)


@is_version_1
@pytest.mark.parametrize("name", list(cells_catalogue.NETWORKS)[::12])
def test_stored_values_are_those_of_the_tensorflow_that_is_installed(name, stored):
    results, variables = cells_catalogue.run_network(name, cells_catalogue.tensorflow_names())
    assert variables == stored[1][name]
    assert_equal_results(results, stored[0][name])


def test_the_stored_values_cover_all_networks(stored):
    assert set(stored[1]) == set(cells_catalogue.NETWORKS)


@pytest.mark.parametrize("name", cells_catalogue.CHECKPOINTS)
def test_checkpoints_of_tensorflow_1_load(name, ours):
    network = cells_catalogue.NETWORKS[name]
    network.build(ours, *[tf.placeholder(tf.float32, shape) for shape in network.inputs.values()])
    with tf.Session() as sess:
        SaverRestore(cells_catalogue.checkpoint_of(name)).init(sess)
        for variable in tf.global_variables():
            expected = cells_catalogue.values_for(variable.op.name, variable.shape.as_list())
            np.testing.assert_array_equal(sess.run(variable), expected)


@pytest.mark.parametrize("package", cells_catalogue.PACKAGES + ["eager"])
def test_all_names_of_a_package_can_be_used(package):
    module = importlib.import_module("tensorpack.tf1._tensorflow.contrib." + package)
    assert module.__all__
    for name in module.__all__:
        assert getattr(module, name) is not None
        assert name in dir(module)
