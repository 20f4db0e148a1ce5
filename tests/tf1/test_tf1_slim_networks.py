"""`slim.nets` against TensorFlow 1.15.5's: variables, end points and collections of all networks, values of small ones."""
import gzip
import importlib
import json

import numpy as np
import pytest
import slim_networks

from tensorpack.compat import VERSION
from tensorpack.compat import tfv1 as tf
from tensorpack.tf1._tensorflow.contrib import slim

with gzip.open(slim_networks.GRAPHS) as f:
    STORED = json.loads(f.read().decode())

needs_contrib = pytest.mark.skipif(VERSION >= (2, 0), reason="TensorFlow 2 has no contrib")


SLOW = ("inception_v2", "inception_v3", "resnet_v1_infer", "resnet_v2_infer")
SLOW_ENDS = ("101", "152", "200", "features")
ON_ONE = ("inception_v2", "inception_v3", "resnet_v1_dense", "resnet_v1_train", "resnet_v2")


def marks(name, is_slow):
    return [pytest.mark.slow] if is_slow else [pytest.mark.slow_on(1)] * name.startswith(ON_ONE)


@pytest.fixture(scope="module")
def values():
    with np.load(slim_networks.VALUES) as f:
        return dict(f)


def test_every_stored_network_is_in_the_catalogue(values):
    assert set(STORED["graphs"]) == set(slim_networks.GRAPH_CASES)
    assert set(values) == {name + end for name in slim_networks.VALUE_CASES for end in ("", "/keys")}


@pytest.mark.parametrize("name", [pytest.param(name, marks=marks(name, name.endswith(SLOW_ENDS)))
                                  for name in sorted(slim_networks.GRAPH_CASES)])
def test_graph_is_that_of_tensorflow(name):
    found, stored = slim_networks.describe(slim, name), STORED["graphs"][name]
    for part in stored:
        assert found[part] == stored[part], part


@pytest.mark.parametrize("name", [pytest.param(name, marks=marks(name, name in SLOW))
                                  for name in sorted(slim_networks.VALUE_CASES)])
def test_values_are_those_of_tensorflow(name, values):
    check_values(slim, name, values)


def check_values(slim, name, values):
    keys, sums = slim_networks.digest(slim_networks.run(slim, name))
    assert keys.tolist() == values[name + "/keys"].tolist()
    for key, found, expected in zip(keys, sums, values[name]):
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4 * max(0.1, np.abs(expected).max()), err_msg=key)


def test_arg_scopes_are_those_of_tensorflow():
    assert slim_networks.arg_scopes(slim) == STORED["arg_scopes"]


def slim_of_tensorflow():
    import tensorflow.contrib.slim as of_tensorflow

    # the package is known under two names, and the import makes the attribute of one of them
    of_tensorflow.nets = importlib.import_module("tensorflow.contrib.slim.nets")
    return of_tensorflow


@needs_contrib
@pytest.mark.parametrize("name", ["vgg_a", "inception_v3_Mixed_6a"])
def test_the_stored_graphs_are_those_of_tensorflow(name):
    of_tensorflow = slim_of_tensorflow()

    assert slim_networks.describe(of_tensorflow, name) == STORED["graphs"][name]


@needs_contrib
def test_the_stored_values_are_those_of_tensorflow(values):
    of_tensorflow = slim_of_tensorflow()

    check_values(of_tensorflow, "resnet_v1_train", values)


def test_default_sizes_of_images():
    nets = slim.nets
    assert nets.resnet_v1.resnet_v1.default_image_size == nets.resnet_v2.resnet_v2.default_image_size == 224
    assert nets.vgg.vgg_19.default_image_size == nets.alexnet.alexnet_v2.default_image_size == 224
    assert nets.inception.inception_v1.default_image_size == 224 and nets.inception.inception_v3.default_image_size == 299
    assert nets.vgg.vgg_d is nets.vgg.vgg_16 and nets.vgg.vgg_e is nets.vgg.vgg_19


@pytest.mark.parametrize("build, message", [
    (lambda x: slim.nets.resnet_v1.resnet_v1_50(x, output_stride=6), "multiple of 4"),
    (lambda x: slim.nets.resnet_v2.resnet_v2_50(x, output_stride=64), "output_stride=16"),
    (lambda x: slim.nets.inception.inception_v1_base(x, "Mixed_9z"), "Mixed_5c"),
    (lambda x: slim.nets.inception.inception_v2_base(x, "Mixed_9z"), "Mixed_5c"),
    (lambda x: slim.nets.inception.inception_v3_base(x, "Mixed_9z"), "Mixed_7c"),
    (lambda x: slim.nets.inception.inception_v3(x, depth_multiplier=0), "depth_multiplier"),
])
def test_what_cannot_be_built_is_refused(build, message):
    with pytest.raises(ValueError, match=message):
        build(tf.placeholder(tf.float32, [1, 64, 64, 3]))


def test_reuse_gives_the_same_variables():
    x = tf.placeholder(tf.float32, [1, 33, 33, 3])
    slim.nets.resnet_v2.resnet_v2_50(x, 3)
    names = [v.name for v in tf.global_variables()]
    slim.nets.resnet_v2.resnet_v2_50(x, 3, is_training=False, reuse=True)
    assert [v.name for v in tf.global_variables()] == names
