"""Losses that apply softmax or sigmoid themselves, given what it was applied to already."""
import numpy as np
import pytest
from told import messages

from tensorpack import FullyConnected, InferenceRunner, ModelDesc, ScalarStats, SimpleTrainer, SyncMultiGPUTrainerReplicated
from tensorpack.compat import tfv1 as tf
from tensorpack.dataflow import BatchData, DataFromList
from tensorpack.tfutils._activation_twice import warn_of_activation_twice
from tensorpack.train import TrainConfig, launch_train_with_config

LOGITS = [[1., 2., 3.]]
SPARSE, DENSE = [1], [[0., 1., 0.]]


def _weighted(logits):
    return tf.nn.weighted_cross_entropy_with_logits(targets=DENSE, logits=logits, pos_weight=2.)


SOFTMAX = [
    ("sparse", lambda x: tf.nn.sparse_softmax_cross_entropy_with_logits(labels=SPARSE, logits=x)),
    ("dense", lambda x: tf.nn.softmax_cross_entropy_with_logits(labels=DENSE, logits=x)),
    ("dense, version 2", lambda x: tf.nn.softmax_cross_entropy_with_logits_v2(labels=DENSE, logits=x)),
    ("tf.losses", lambda x: tf.losses.sparse_softmax_cross_entropy(SPARSE, x)),
    ("view", lambda x: tf.nn.sparse_softmax_cross_entropy_with_logits(labels=[SPARSE], logits=tf.identity(x)[None])),
]
SIGMOID = [
    ("plain", lambda x: tf.nn.sigmoid_cross_entropy_with_logits(labels=DENSE, logits=x)),
    ("weighted", _weighted),
    ("tf.losses", lambda x: tf.losses.sigmoid_cross_entropy(DENSE, x)),
    ("view", lambda x: tf.nn.sigmoid_cross_entropy_with_logits(labels=DENSE, logits=tf.reshape(x, [1, 3]))),
]
CASES = [(tf.nn.softmax, "softmax", loss, name) for name, loss in SOFTMAX] + \
        [(tf.nn.sigmoid, "sigmoid", loss, name) for name, loss in SIGMOID]


@pytest.mark.parametrize("activation, word, loss", [c[:3] for c in CASES], ids=["{1} {3}".format(*c) for c in CASES])
def test_an_activation_before_a_loss_that_applies_it_is_told(log_records, activation, word, loss):
    logits = tf.constant(LOGITS)
    loss(logits)
    warn_of_activation_twice()
    assert messages(log_records, "WARNING") == []
    loss(activation(logits, name="probabilities"))
    warn_of_activation_twice()
    warning, = messages(log_records, "WARNING")
    assert "applies {} itself".format(word) in warning and "'probabilities'" in warning


@pytest.mark.parametrize("build", [
    lambda x: tf.nn.softmax_cross_entropy_with_logits_v2(labels=tf.nn.softmax(x), logits=x),  # of a teacher
    lambda x: tf.nn.sparse_softmax_cross_entropy_with_logits(labels=SPARSE, logits=tf.log(tf.nn.softmax(x))),
    lambda x: tf.nn.sigmoid_cross_entropy_with_logits(labels=tf.sigmoid(x), logits=x),
    lambda x: tf.abs(tf.sigmoid(x)) + tf.to_float(tf.sigmoid(x) >= .5),
    lambda x: tf.nn.softmax_cross_entropy_with_logits_v2(labels=DENSE, logits=tf.sigmoid(x)),  # bounded on purpose
], ids=["labels", "log", "labels of sigmoid", "no loss", "another activation"])
def test_what_is_right_is_let_be(log_records, build):
    build(tf.constant(LOGITS))
    warn_of_activation_twice()
    assert messages(log_records, "WARNING") == []


class Model(ModelDesc):
    """Two heads, each with a softmax too many."""

    def inputs(self):
        return [tf.TensorSpec([None, 4], tf.float32, "x"), tf.TensorSpec([None], tf.int32, "label")]

    def build_graph(self, x, label):
        heads = [tf.nn.softmax(FullyConnected(name, x, 3)) for name in ("a", "b")]
        costs = [tf.nn.sparse_softmax_cross_entropy_with_logits(labels=label, logits=head) for head in heads]
        return tf.add(*map(tf.reduce_mean, costs), name="cost")

    def optimizer(self):
        return tf.train.GradientDescentOptimizer(.1)


@pytest.mark.parametrize("make", [SimpleTrainer, lambda: SyncMultiGPUTrainerReplicated([0, 1])], ids=["one", "two towers"])
def test_a_training_tells_each_head_once(log_records, make):
    flow = BatchData(DataFromList([(np.ones(4, "f4"), 1)] * 8), 4)
    launch_train_with_config(TrainConfig(
        model=Model(), dataflow=flow, callbacks=[InferenceRunner(flow, ScalarStats("cost"))], monitors=[],
        steps_per_epoch=2, max_epoch=1), make())
    told = [m for m in messages(log_records, "WARNING") if "itself" in m]
    assert ["'Softmax'" in m for m in told].count(True) <= 1 and len(told) == 2
