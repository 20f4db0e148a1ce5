"""Losses, metrics, train operations, pruning, images and optimizers of `tf.contrib` against those of TensorFlow 1.15.5."""
import json
import re

import contrib_catalogue
import numpy as np
import pytest
from slow_tests import few_on

from tensorpack.compat import VERSION
from tensorpack.tf1._tensorflow import contrib

with open(contrib_catalogue.GRAPHS) as f:
    GRAPHS = json.load(f)

needs_contrib = pytest.mark.skipif(VERSION >= (2, 0), reason="TensorFlow 2 has no contrib")


@pytest.fixture(scope="module")
def stored():
    with np.load(contrib_catalogue.VALUES) as f:
        return dict(f)


def check(name, packages, stored):
    graph, values = contrib_catalogue.run(packages, name)
    assert graph == GRAPHS[name]
    expected = {key: value for key, value in stored.items() if key.startswith(name + "/")}
    assert sorted(values) == sorted(expected)
    for key, value in values.items():
        assert value.dtype == expected[key].dtype, key
        np.testing.assert_allclose(value, expected[key], rtol=1e-5, atol=1e-6, err_msg=key)


def test_every_stored_case_is_in_the_catalogue():
    assert set(GRAPHS) == set(contrib_catalogue.CASES)


@pytest.mark.parametrize("name", few_on(1, sorted(contrib_catalogue.CASES)))
def test_graph_and_values_are_those_of_tensorflow(name, stored):
    check(name, contrib, stored)


@needs_contrib
@pytest.mark.parametrize("name", [name for name in sorted(contrib_catalogue.CASES) if not re.search(r"_\d+$", name)])
def test_the_stored_values_are_those_of_tensorflow(name, stored):
    import tensorflow.contrib

    check(name, tensorflow.contrib, stored)
