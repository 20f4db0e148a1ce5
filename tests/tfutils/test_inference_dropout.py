"""Dropout that is not switched off is told when an inference tower is built."""
import pytest

from tensorpack import Dropout, FullyConnected, TowerContext, get_current_tower_context
from tensorpack.compat import tfv1 as tf
from tensorpack.tfutils.tower import PredictTowerContext


def told_of(log_records):
    return [each.getMessage() for each in log_records if "Dropout is at work" in each.getMessage()]


def build(model, context=None):
    with tf.Graph().as_default(), context or TowerContext("", is_training=False):
        model(tf.placeholder(tf.float32, [None, 8], "x"))


def switched(x):
    return tf.nn.dropout(x, rate=0.5) if get_current_tower_context().is_training else x


@pytest.mark.parametrize("model, scope", [
    (lambda x: tf.nn.dropout(FullyConnected("fc", x, 4), rate=0.5), "dropout"),
    (lambda x: tf.nn.dropout(x, keep_prob=0.5, name="mine"), "mine"),
    (lambda x: FullyConnected("fc", x, 4, activation=lambda y: tf.nn.dropout(y, rate=0.1)), "fc/dropout"),
])
@pytest.mark.parametrize("tower", ["", "val"])
def test_dropout_in_an_inference_tower(log_records, model, scope, tower):
    build(model, PredictTowerContext(tower) if tower else None)
    told, = told_of(log_records)
    name = "/".join(each for each in (tower, scope) if each)
    assert "tower '{}'".format(tower) in told and ": {}. ".format(name) in told and "Dropout(x, rate=...)" in told


@pytest.mark.parametrize("model", [
    lambda x: Dropout("drop", x, rate=0.5), switched,
    lambda x: Dropout("drop", x, rate=0.5, training=tf.placeholder_with_default(False, [])),
    lambda x: x + tf.random_normal(tf.shape(x)),
    lambda x: tf.where(tf.random_uniform(tf.shape(x)) < 0.5, x, -x)], ids=["layer", "switched", "fed", "noise", "signs"])
def test_what_is_no_dropout(log_records, model):
    build(model)
    assert not told_of(log_records)


def test_training_towers_have_it(log_records):
    build(lambda x: tf.nn.dropout(x, rate=0.5), TowerContext("", is_training=True))
    assert not told_of(log_records)


def test_it_is_told_once_for_all_towers_of_a_graph(log_records):
    with tf.Graph().as_default():
        x = tf.placeholder(tf.float32, [None, 8], "x")
        for name in "val", "test":
            with PredictTowerContext(name):
                tf.nn.dropout(x, rate=0.5)
    assert len(told_of(log_records)) == 1
