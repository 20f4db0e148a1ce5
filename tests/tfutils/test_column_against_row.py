"""(batch, 1) against (batch,), which makes (batch, batch)."""
import numpy as np
import pytest
from told import messages

from tensorpack import FullyConnected, ModelDesc, SimpleTrainer, SyncMultiGPUTrainerReplicated
from tensorpack.compat import tfv1 as tf
from tensorpack.dataflow import BatchData, DataFromList
from tensorpack.tfutils._column_against_row import warn_of_columns_against_rows
from tensorpack.train import TrainConfig, launch_train_with_config


def _inputs(batch=None):
    data = tf.placeholder(tf.float32, [batch, 4])
    weights = tf.get_variable("weights", [4, 1], initializer=tf.ones_initializer())
    return data, tf.matmul(data, weights), tf.placeholder(tf.float32, [batch])


MISTAKES = {
    "difference": lambda data, predicted, label: predicted - label,
    "the other way": lambda data, predicted, label: label - predicted,
    "squared difference": lambda data, predicted, label: tf.squared_difference(predicted, label),
    "product": lambda data, predicted, label: predicted * label,
    "compared": lambda data, predicted, label: tf.not_equal(tf.round(predicted), label),
    "activation": lambda data, predicted, label: tf.sigmoid(predicted) - tf.stop_gradient(label),
    "converted": lambda data, predicted, label: tf.cast(predicted, tf.float64) - tf.cast(label, tf.float64),
    "scaled": lambda data, predicted, label: tf.identity(predicted * 2. + 1.) - label * 3.,
    "bias": lambda data, predicted, label: tf.nn.bias_add(predicted, [1.]) - label,
    "slice": lambda data, predicted, label: data[:, :1] - label,
    "split": lambda data, predicted, label: tf.split(data, 4, axis=1)[2] - label,
    "input": lambda data, predicted, label: tf.placeholder(tf.float32, [data.shape[0], 1]) - data[:, 0],
}
MEANT = {
    "pairs": lambda data, predicted, label: label[:, None] - label,
    "expand_dims": lambda data, predicted, label: tf.equal(tf.expand_dims(label, 1), label),
    "reshape": lambda data, predicted, label: tf.reshape(label, [-1, 1]) * label,
    "keepdims": lambda data, predicted, label: tf.reduce_sum(data, 1, keepdims=True) + tf.reduce_sum(data, 1),
    "sequence mask": lambda data, predicted, label: tf.sequence_mask(tf.cast(label, tf.int32), tf.shape(data)[1]),
    "range": lambda data, predicted, label: predicted < tf.to_float(tf.range(tf.shape(data)[0])),
    "a few weights": lambda data, predicted, label: predicted * [1., 2., 3.],
    "column against column": lambda data, predicted, label: predicted - label[:, None],
    "column against matrix": lambda data, predicted, label: predicted - data,
    "row against row": lambda data, predicted, label: predicted[:, 0] - label,
    "bias of one": lambda data, predicted, label: predicted + tf.get_variable("bias", [1], initializer=tf.zeros_initializer()),
    "scalar": lambda data, predicted, label: predicted - tf.reduce_mean(label),
}


@pytest.mark.parametrize("batch", [None, 8], ids=["any", "8"])
@pytest.mark.parametrize("name", MISTAKES)
def test_a_column_against_a_row_is_told(log_records, name, batch):
    MISTAKES[name](*_inputs(batch))
    warn_of_columns_against_rows()
    warning, = messages(log_records, "WARNING")
    assert "each sample meets all others" in warning and "tf.squeeze" in warning


@pytest.mark.parametrize("batch", [None, 8], ids=["any", "8"])
@pytest.mark.parametrize("name", MEANT)
def test_what_is_meant_is_let_be(log_records, name, batch):
    MEANT[name](*_inputs(batch))
    warn_of_columns_against_rows()
    assert messages(log_records, "WARNING") == []


class Model(ModelDesc):
    """A regression; `squeeze` says whether it is right."""

    def __init__(self, squeeze):
        super().__init__()
        self.squeeze = squeeze

    def inputs(self):
        return [tf.TensorSpec([None, 4], tf.float32, "x"), tf.TensorSpec([None], tf.float32, "y")]

    def build_graph(self, x, y):
        predicted = FullyConnected("fc", x, 1)
        if self.squeeze:
            predicted = tf.squeeze(predicted, axis=1)
        return tf.reduce_mean(tf.square(predicted - y), name="cost")

    def optimizer(self):
        return tf.train.AdamOptimizer(.1)


@pytest.mark.parametrize("make", [SimpleTrainer, lambda: SyncMultiGPUTrainerReplicated([0, 1])], ids=["one", "two towers"])
@pytest.mark.parametrize("squeeze", [True, False])
def test_a_training_tells_it_once(log_records, make, squeeze):
    flow = BatchData(DataFromList([(np.ones(4, "f4"), np.float32(1))] * 8), 4)
    launch_train_with_config(TrainConfig(model=Model(squeeze), dataflow=flow, callbacks=[], monitors=[], steps_per_epoch=2,
                                         max_epoch=1), make())
    told = [m for m in messages(log_records, "WARNING") if "meets all others" in m]
    assert len(told) == (not squeeze)
    assert all("fc/output" in m and "(?, ?)" in m for m in told)
