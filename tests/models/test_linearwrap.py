"""LinearWrap: chains of layers, TensorFlow functions and user functions."""
import copy

import layer_reference as ref
import numpy as np
import pytest

from tensorpack import compat
from tensorpack.compat import tfv1 as tf
from tensorpack.models import LinearWrap


def test_a_chain_of_layers():
    x = tf.placeholder(tf.float32, [None, 8, 8, 3])
    with ref.training_tower():
        y = (LinearWrap(x)
             .Conv2D("c", 4, 3, activation=tf.nn.relu)
             .BatchNorm("norm")
             .BNReLU()
             .BNReLU("named")
             .MaxPooling("p", 2)
             .FullyConnected("fc", 10)())
    assert y.shape.as_list() == [None, 10]
    assert ref.collection_names("trainable_variables") == [
        "c/W", "c/b", "norm/gamma", "norm/beta", "bn/gamma", "bn/beta", "named/bn/gamma", "named/bn/beta", "fc/W", "fc/b"]


def test_functions_of_tensorflow():
    x = tf.placeholder(tf.float32, [2, 3])
    y = LinearWrap(x).tf.multiply(0.5).tf.nn.relu(name="r").tf.reshape([3, 2])()
    assert y.shape.as_list() == [3, 2]
    with tf.Session() as sess:
        got = sess.run(y, {x: [[-2, 4, 6], [8, -10, 12]]})
    np.testing.assert_allclose(got, [[0, 2], [3, 4], [0, 6]])


def test_functions_that_only_tf1_has():
    x = tf.placeholder(tf.float32, [2, 3])
    assert LinearWrap(x).tf.to_int32()().dtype == tf.int32


def test_functions_that_only_the_installed_tensorflow_has(monkeypatch):
    monkeypatch.setattr(compat.tensorflow, "my_function", lambda x, a: (x, a), raising=False)
    x = tf.placeholder(tf.float32, [2, 3])
    assert LinearWrap(x).tf.my_function(3)() == (x, 3)


def test_apply_and_apply2():
    def f(*args, **kwargs):
        return args, kwargs

    assert LinearWrap("t").apply(f, 1, k=2)() == (("t", 1), {"k": 2})
    assert LinearWrap("t").apply2(f, 1, 2, k=3)() == ((1, "t", 2), {"k": 3})
    with pytest.raises(ValueError, match="before the tensor"):
        LinearWrap("t").apply2(f)


def test_tensor_unwraps_and_print_tensor_prints(capsys):
    x = tf.placeholder(tf.float32, [2, 3], name="shown")
    wrapped = LinearWrap(x)
    assert wrapped.tensor() is x and wrapped() is x
    assert wrapped.print_tensor() is wrapped
    assert "shown" in capsys.readouterr().out


def test_unknown_names_are_attribute_errors():
    wrapped = LinearWrap(tf.placeholder(tf.float32, [2, 3]))
    assert not hasattr(wrapped, "Conv7D")
    with pytest.raises(AttributeError, match="no layer 'Conv7D'"):
        wrapped.Conv7D("c")
    with pytest.raises(AttributeError, match=r"LinearWrap.tf.nn.no_such"):
        wrapped.tf.nn.no_such()
    assert copy.copy(wrapped)() is wrapped()


def test_a_missing_layer_name_is_explained():
    with pytest.raises(ValueError, match=r"LinearWrap.Conv2D: the first argument must be the name.*got 8"):
        LinearWrap(tf.placeholder(tf.float32, [2, 4, 4, 3])).Conv2D(8, 3)
