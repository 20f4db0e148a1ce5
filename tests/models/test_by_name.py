"""Initializers and regularizers by their names in Keras, as tf.layers took them, and what is none."""
import numpy as np
import pytest

from tensorpack import BatchNorm, Conv2D, FullyConnected, LayerNorm, TowerContext, l2_regularizer, regularize_cost
from tensorpack.compat import tfv1 as tf
from tensorpack.models._by_name import initializer_of


def values_of(initializer, shape=(200, 300)):
    with tf.Graph().as_default(), tf.Session() as sess:
        tf.set_random_seed(1)
        return sess.run(initializer(list(shape), tf.float32))


def layer(function):
    with tf.Graph().as_default(), TowerContext("", is_training=True):
        x = tf.placeholder(tf.float32, [None, 8, 8, 3], "x")
        return function(x)


SPREADS = {  # name -> standard deviation for 200 inputs and 300 outputs, and the largest value
    "glorot_normal": (np.sqrt(2 / 500), None), "glorot_uniform": (np.sqrt(2 / 500), np.sqrt(6 / 500)),
    "he_normal": (np.sqrt(2 / 200), None), "he_uniform": (np.sqrt(2 / 200), np.sqrt(6 / 200)),
    "lecun_normal": (np.sqrt(1 / 200), None), "lecun_uniform": (np.sqrt(1 / 200), np.sqrt(3 / 200)),
    "random_normal": (0.05, None), "random_uniform": (0.05 / np.sqrt(3), 0.05), "zeros": (0, 0), "ones": (0, 1)}


@pytest.mark.parametrize("name", sorted(SPREADS))
def test_the_initializer_of_a_name(name):
    spread, largest = SPREADS[name]
    values = values_of(initializer_of(name))
    assert abs(values.std() - spread) < 0.02 * spread + 1e-7
    assert largest is None or abs(abs(values).max() - largest) < 0.01 * largest + 1e-7


@pytest.mark.parametrize("make", [
    lambda x: FullyConnected("l", x, 4, kernel_initializer="he_normal", bias_initializer="zeros"),
    lambda x: Conv2D("l", x, 4, 3, kernel_initializer="glorot_uniform", bias_initializer="ones"),
    lambda x: Conv2D("l", x, 4, 3, kernel_initializer=tf.zeros_initializer),
    lambda x: BatchNorm("l", x, gamma_initializer="zeros", beta_initializer="ones"),
    lambda x: LayerNorm("l", x, gamma_initializer="zeros")], ids=["fc", "conv", "class", "bn", "ln"])
def test_layers_take_names_and_classes(make):
    assert layer(make).variables


@pytest.mark.parametrize("name, expected", [("l1", 0.12), ("l2", 0.3), ("l1_l2", 0.42)])
def test_the_regularizer_of_a_name(name, expected):
    with tf.Graph().as_default(), TowerContext("", is_training=True), tf.Session() as sess:
        x = tf.placeholder(tf.float32, [None, 2], "x")
        FullyConnected("l", x, 3, kernel_initializer=tf.constant_initializer([1, -3, 1, -1, 3, -3]), kernel_regularizer=name)
        loss, = tf.get_collection(tf.GraphKeys.REGULARIZATION_LOSSES)
        sess.run(tf.global_variables_initializer())
        assert abs(sess.run(loss) - expected) < 1e-6


KERAS_L2 = type("L2", (), {"l2": 0.003, "__module__": "keras.src.regularizers", "__call__": lambda self, w: w})()


@pytest.mark.parametrize("arguments, words", [
    ({"kernel_initializer": "he_norml"}, "kernel_initializer must be None, an initializer, or one of .*he_normal.*'he_norml'"),
    ({"kernel_initializer": 0.1}, "kernel_initializer must be an initializer.*got 0.1; write tf.constant_initializer\\(0.1\\)"),
    ({"bias_initializer": 0.0}, "bias_initializer must be an initializer.*write tf.constant_initializer\\(0.0\\)"),
    ({"bias_initializer": np.zeros(4)}, "bias_initializer must be an initializer.*write tf.constant_initializer\\(array\\)"),
    ({"kernel_regularizer": 1e-4}, "kernel_regularizer must be a function of a variable.*write l2_regularizer\\(0.0001\\)"),
    ({"bias_regularizer": "l3"}, "bias_regularizer must be None, a function of a variable, or one of l1, l1_l2, l2; got 'l3'"),
    ({"kernel_regularizer": KERAS_L2}, ".*got L2 of Keras 3; write lambda w: 0.003 \\* tf.reduce_sum"),
    ({"activity_regularizer": 0.1}, "activity_regularizer must be a function"),
    ({"activation": "rleu"}, "activation must be None, a function of a tensor, or one of .*relu"),
], ids=lambda value: "-".join(value) if isinstance(value, dict) else "")
@pytest.mark.parametrize("make", [
    lambda x, kw: FullyConnected("head", x, 4, **kw), lambda x, kw: Conv2D("head", x, 4, 3, **kw)], ids=["fc", "conv"])
def test_what_is_none_is_refused_by_the_names_of_layer_and_argument(make, arguments, words):
    with pytest.raises(ValueError, match="^layer 'head': " + words):
        layer(lambda x: make(x, arguments))


@pytest.mark.parametrize("make, argument", [
    (lambda x: BatchNorm("bn", x, gamma_initializer=0.), "gamma"), (lambda x: BatchNorm("bn", x, beta_initializer=1), "beta"),
    (lambda x: LayerNorm("ln", x, gamma_initializer=0.), "gamma")])
def test_normalizations_refuse_constants(make, argument):
    with pytest.raises(ValueError, match="layer '.n': {}_initializer must be an initializer".format(argument)):
        layer(make)


def test_a_regularizer_of_keras_3_is_refused_by_regularize_cost():
    with pytest.raises(ValueError, match="regularize_cost: func must be .* L2 of Keras 3"):
        layer(lambda x: regularize_cost(".*/W", KERAS_L2))
    assert layer(lambda x: regularize_cost(".*/W", l2_regularizer(1.))) is not None
