"""Functions and classes of `tf.layers`, `contrib.layers` and `contrib.framework` build the graphs that TensorFlow 1.15 does."""
import pytest
from layers_catalogue import BUILDERS, check, our_names, read, record


@pytest.fixture(scope="module")
def stored():
    return read()


@pytest.fixture(scope="module")
def ours():
    return our_names()


def test_all_graphs_are_stored(stored):
    assert set(stored) == set(BUILDERS)


@pytest.mark.parametrize("key", list(BUILDERS))
def test_graph_and_values_are_tensorflows(key, stored, ours):
    facts, arrays = record(key, ours)
    check(key, facts, arrays, *stored[key])
