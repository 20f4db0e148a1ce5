"""Each function and class of `tf.layers`, `contrib.layers` and `contrib.framework` builds the graph that TensorFlow 1.15 builds."""
import pytest
from layers_catalogue import BUILDERS, check, our_names, read, record, tensorflow_names

from tensorpack import compat
from tensorpack.compat import tfv1 as tf


@pytest.fixture(scope="module")
def stored():
    return read()


@pytest.fixture(scope="module")
def ours():
    return our_names()


def test_all_graphs_are_stored(stored):
    assert set(stored[0]) == set(BUILDERS)


@pytest.mark.parametrize("key", list(BUILDERS))
def test_graph_and_values_are_tensorflows(key, stored, ours):
    facts, arrays = record(key, ours)
    check(key, facts, arrays, stored[0][key], stored[1][key])
