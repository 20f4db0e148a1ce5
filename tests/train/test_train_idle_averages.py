"""Averages that a layer of normalization moves by operations which nothing runs."""
import numpy as np
import pytest
from told import messages

from tensorpack import FullyConnected, ModelDesc, SimpleTrainer
from tensorpack.compat import tfv1 as tf
from tensorpack.dataflow import BatchData, DataFromList
from tensorpack.tfutils.collection import freeze_collection
from tensorpack.train import TrainConfig, launch_train_with_config

IS_TF1 = tf.__version__.startswith("1.")


def _moved(x):
    """What a layer makes that moves an average, and puts nowhere."""
    average = tf.get_variable("average", [], trainable=False, initializer=tf.zeros_initializer())
    with tf.name_scope("layer/AssignMovingAvg") as scope:
        return tf.assign_sub(average, (average - tf.reduce_mean(x)) * .1, name=scope)


def _in_update_ops(x):
    tf.add_to_collection(tf.GraphKeys.UPDATE_OPS, _moved(x).op)
    return x


def _left_out_on_purpose(x):
    with freeze_collection([tf.GraphKeys.UPDATE_OPS]):
        return _in_update_ops(x)


def _with_the_cost(x):
    with tf.control_dependencies([_moved(x)]):
        return tf.identity(x)


def _average_of_ones_own(x):
    tf.train.ExponentialMovingAverage(.9).apply([tf.reduce_mean(x)])
    return x


def _of_keras(x):
    import tensorflow

    return tensorflow.keras.layers.BatchNormalization()(x, training=True)


@pytest.mark.parametrize("layer, is_told", [
    (lambda x: [x, _moved(x)][0], True), (_in_update_ops, False), (_left_out_on_purpose, False), (_with_the_cost, False),
    (_average_of_ones_own, False),
    pytest.param(_of_keras, True, marks=pytest.mark.skipif(not IS_TF1, reason="Keras 3 is refused")),
], ids=["nowhere", "UPDATE_OPS", "left out", "with the cost", "an average of one's own", "tf.keras"])
def test_averages_that_nothing_moves(layer, is_told, log_records):
    class Model(ModelDesc):
        def inputs(self):
            return [tf.TensorSpec([None, 4], tf.float32, "x")]

        def build_graph(self, x):
            return tf.reduce_mean(tf.square(FullyConnected("fc", layer(FullyConnected("body", x, 3)), 1)), name="cost")

        def optimizer(self):
            return tf.train.GradientDescentOptimizer(.1)

    flow = BatchData(DataFromList([(np.ones(4, "f4"),)] * 8), 4)
    launch_train_with_config(TrainConfig(model=Model(), dataflow=flow, callbacks=[], monitors=[], steps_per_epoch=2,
                                         max_epoch=1), SimpleTrainer())
    told = [m for m in messages(log_records, "WARNING") if "that move averages" in m]
    assert len(told) == is_told and all("AssignMovingAvg" in m for m in told)
