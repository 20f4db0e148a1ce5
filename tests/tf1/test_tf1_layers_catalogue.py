"""Functions and classes of `tf.layers`, `contrib.layers` and `contrib.framework` build the graphs that TensorFlow 1.15 does."""
import pytest
from layers_catalogue import BUILDERS, check, our_names, read, record, tensorflow_names
from slow_tests import few_on

from tensorpack import compat


@pytest.fixture(scope="module")
def stored():
    return read()


@pytest.fixture(scope="module")
def ours():
    return our_names()


@pytest.fixture(scope="module")
def tensorflows():
    return tensorflow_names() if compat.VERSION < (2, 0) else None


def test_all_graphs_are_stored(stored):
    assert set(stored) == set(BUILDERS)


@pytest.mark.parametrize("key", few_on(1, BUILDERS))
def test_graph_and_values_are_tensorflows(key, stored, ours, tensorflows):
    check(key, record(key, ours), stored[key])
    if tensorflows is not None:
        check(key, record(key, tensorflows), stored[key])
