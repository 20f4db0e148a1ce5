"""Sizes of layers: whole floats such as 48 / 4 are taken as numbers are, everything else is refused by layer and argument."""
import functools

import numpy as np
import pytest

from tensorpack.compat import tfv1 as tf
from tensorpack.contrib.rnn import BasicLSTMCell, BasicRNNCell, GRUCell, LSTMCell, dynamic_rnn
from tensorpack.models import (
    AvgPooling,
    BatchNorm,
    ConcatWith,
    Conv2D,
    Conv2DTranspose,
    FixedUnPooling,
    FullyConnected,
    LinearWrap,
    Maxout,
    MaxPooling,
)
from tensorpack.tfutils.argscope import argscope
from tensorpack.tfutils.tower import TowerContext


def image():
    return tf.zeros([4, 8, 8, 4])


def norm(**kwargs):
    with TowerContext("", is_training=True):
        return BatchNorm("b", image(), **kwargs)


def rnn(make, k):
    return dynamic_rnn(make(k), tf.zeros([2, 3, 4]), dtype=tf.float32)[0]


# layer and argument -> a tensor made with that number
SIZES = {
    "AvgPooling.pool_size": lambda k: AvgPooling("p", image(), k),
    "AvgPooling.strides": lambda k: AvgPooling("p", image(), 3, strides=k),
    "BasicLSTMCell.num_units": lambda k: rnn(BasicLSTMCell, k),
    "BasicRNNCell.num_units": lambda k: rnn(BasicRNNCell, k),
    "BatchNorm.virtual_batch_size": lambda k: norm(virtual_batch_size=k, ema_update="skip"),
    "Conv2D.dilation_rate": lambda k: Conv2D("c", image(), 4, 3, dilation_rate=k),
    "Conv2D.filters": lambda k: Conv2D("c", image(), k, 3),
    "Conv2D.kernel_size": lambda k: Conv2D("c", image(), 4, k),
    "Conv2D.split": lambda k: Conv2D("c", image(), 4, 3, split=k),
    "Conv2D.strides": lambda k: Conv2D("c", image(), 4, 3, strides=k),
    "Conv2DTranspose.filters": lambda k: Conv2DTranspose("c", image(), k, 3),
    "Conv2DTranspose.kernel_size": lambda k: Conv2DTranspose("c", image(), 4, k),
    "Conv2DTranspose.strides": lambda k: Conv2DTranspose("c", image(), 4, 3, k),
    "FixedUnPooling.shape": lambda k: FixedUnPooling("u", image(), k),
    "FullyConnected.units": lambda k: FullyConnected("f", image(), k),
    "GRUCell.num_units": lambda k: rnn(GRUCell, k),
    "LSTMCell.num_proj": lambda k: rnn(lambda k: LSTMCell(3, num_proj=k), k),
    "LSTMCell.num_unit_shards": lambda k: rnn(lambda k: LSTMCell(3, num_unit_shards=k), k),
    "LSTMCell.num_units": lambda k: rnn(LSTMCell, k),
    "MaxPooling.pool_size": lambda k: MaxPooling("p", image(), k),
    "MaxPooling.strides": lambda k: MaxPooling("p", image(), 3, strides=k),
    "Maxout.num_unit": lambda k: Maxout(image(), k),
}
ALL = pytest.mark.parametrize("name", sorted(SIZES))


def shapes(make, number):
    with tf.Graph().as_default():
        return [make(number).shape.as_list()] + [variable.shape.as_list() for variable in tf.global_variables()]


@functools.lru_cache(maxsize=None)
def shapes_of_two(name):
    return shapes(SIZES[name], 2)


@ALL
@pytest.mark.parametrize("convert", [lambda k: 8 / (8 // k), np.int64, np.float32, np.array, tf.Dimension],
                         ids=["float", "int64", "float32", "array", "dimension"])
def test_whole_numbers_of_any_kind_are_taken(name, convert):
    assert shapes(SIZES[name], convert(2)) == shapes_of_two(name)


@ALL
@pytest.mark.parametrize("value, error", [(1.5, ValueError), (-1, ValueError), (float("nan"), ValueError), ("2", TypeError),
                                          (True, TypeError)], ids=str)
def test_others_are_refused_by_layer_and_argument(name, value, error):
    layer, argument = name.split(".")
    with pytest.raises(error, match="{}.*{}.* must be .*; got {!r}".format(layer, argument, value)):
        SIZES[name](value)


PAIRS = sorted(set(name for name in SIZES if name.split(".")[1] in (
    "pool_size", "strides", "kernel_size", "dilation_rate", "shape")))


@pytest.mark.parametrize("name", PAIRS)
def test_pairs_of_sizes(name):
    layer, argument = name.split(".")
    assert shapes(SIZES[name], (2.0, 1)) == shapes(SIZES[name], [2, np.float32(1)]) == shapes(SIZES[name], (2, 1))
    for wrong in ((1, 2.5), (1, 0), (1,), (1, 2, 3), (1, None)):
        with pytest.raises((TypeError, ValueError), match="{}.*{}".format(layer, argument)):
            SIZES[name](wrong)


def test_old_names_scopes_and_wraps_take_them_too():
    assert Conv2D("a", image(), out_channel=48 / 4, kernel_shape=3.0).shape.as_list() == [4, 8, 8, 12]
    with argscope(Conv2D, kernel_size=3.0):
        assert LinearWrap(image()).Conv2D("b", 6.0)().shape.as_list() == [4, 8, 8, 6]
    assert MaxPooling("m", image(), shape=4 / 2).shape.as_list() == [4, 4, 4, 4]


def test_an_axis_may_be_a_whole_float():
    assert ConcatWith(image(), image(), 3.0).shape.as_list() == [4, 8, 8, 8]
    assert norm(axis=3.0).shape.as_list() == [4, 8, 8, 4]
    with pytest.raises(ValueError, match="ConcatWith: dim must be a whole number; got 1.5"):
        ConcatWith(image(), image(), 1.5)


def test_a_projection_of_nothing_is_none():
    assert LSTMCell(3, num_proj=0).output_size == LSTMCell(3).output_size == 3


@pytest.mark.parametrize("batch_size, error", [(2.5, ValueError), ("2", TypeError), (-1, ValueError)], ids=str)
def test_the_batch_size_of_a_state(batch_size, error):
    assert GRUCell(3).zero_state(2.0, tf.float32).shape.as_list() == [2, 3]
    with pytest.raises(error, match="zero_state: batch_size must be .*; got {!r}".format(batch_size)):
        GRUCell(3).zero_state(batch_size, tf.float32)
