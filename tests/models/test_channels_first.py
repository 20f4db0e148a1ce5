"""A network that was trained with channels first predicts on a CPU, and in the other format, from the same variables."""
import layer_reference as ref
import numpy as np
import pytest

from tensorpack.compat import tfv1 as tf
from tensorpack.models import (
    AvgPooling,
    BatchNorm,
    BNReLU,
    Conv2D,
    Conv2DTranspose,
    FullyConnected,
    GlobalAvgPooling,
    InstanceNorm,
    LayerNorm,
    MaxPooling,
)
from tensorpack.predict import OfflinePredictor, PredictConfig
from tensorpack.tfutils.argscope import argscope
from tensorpack.tfutils.sessinit import SmartInit

WITH_FORMAT = [AvgPooling, BatchNorm, Conv2D, Conv2DTranspose, GlobalAvgPooling, InstanceNorm, LayerNorm, MaxPooling]


def norm(x):
    return BatchNorm("bn", x)


def block(name, x, channels, stride, axis):
    with tf.variable_scope(name):
        shortcut = x
        if stride != 1 or x.shape.as_list()[axis] != channels:
            shortcut = Conv2D("shortcut", x, channels, 1, strides=stride, activation=norm)
        x = Conv2D("conv1", x, channels, 3, strides=stride, activation=BNReLU)
        return tf.nn.relu(Conv2D("conv2", x, channels, 3, split=2, activation=norm) + shortcut)


class Network:
    """A small ResNet with one of every layer that knows formats; takes NHWC images and transposes them if need be."""

    def __init__(self, data_format):
        self.data_format = data_format

    def inputs(self):
        return [tf.TensorSpec((None, 16, 16, 3), tf.float32, "image")]

    def __call__(self, image):
        axis = 3
        if self.data_format == "NCHW":
            image, axis = tf.transpose(image, [0, 3, 1, 2]), 1
        with argscope(WITH_FORMAT, data_format=self.data_format), argscope(Conv2D, use_bias=False):
            x = Conv2D("conv0", image, 8, 3, dilation_rate=2, activation=tf.nn.relu)
            x = AvgPooling("avg", LayerNorm("ln", MaxPooling("max", x, 3, 1, padding="same")), 2)
            x = block("block1", x, 8, 1, axis)
            x = InstanceNorm("in", Conv2DTranspose("up", x, 6, 3, 2))
            x = GlobalAvgPooling("gap", block("block2", x, 12, 2, axis))
        return tf.nn.softmax(FullyConnected("fc", x, 10), name="prob")


def trained(data_format, folder):
    """Costs of some steps, and the path of a checkpoint after them."""
    images = ref.random_array(8, 16, 16, 3)
    with tf.Graph().as_default():
        with ref.training_tower():
            cost = -tf.reduce_mean(tf.log(Network(data_format)(tf.constant(images))[:, 0]))
        with tf.control_dependencies(tf.get_collection(tf.GraphKeys.UPDATE_OPS)):
            step = tf.train.MomentumOptimizer(0.05, 0.9).minimize(cost)
        with tf.Session() as sess:
            ref.randomize(sess)
            costs = [sess.run([cost, step])[0] for _ in range(5)]
            return costs, tf.train.Saver().save(sess, str(folder / data_format))


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("channels_first")
    return {data_format: trained(data_format, folder) for data_format in ("NHWC", "NCHW")}


def predict(data_format, checkpoint):
    network = Network(data_format)
    config = PredictConfig(input_signature=network.inputs(), tower_func=network, session_init=SmartInit(checkpoint),
                           input_names=["image"], output_names=["prob"])
    with OfflinePredictor(config) as predictor:
        return predictor(ref.random_array(5, 16, 16, 3, seed=1))[0]


def test_training_takes_the_same_course_in_both_formats(runs):
    np.testing.assert_allclose(runs["NCHW"][0], runs["NHWC"][0], rtol=1e-3)
    assert runs["NCHW"][0][-1] < runs["NCHW"][0][0]


def test_a_checkpoint_predicts_the_same_in_both_formats(runs):
    checkpoint = runs["NCHW"][1]
    np.testing.assert_allclose(predict("NCHW", checkpoint), predict("NHWC", checkpoint), rtol=1e-4, atol=1e-6)


def test_checkpoints_of_both_formats_have_the_same_variables(runs):
    variables = [dict(tf.train.list_variables(checkpoint)) for _, checkpoint in runs.values()]
    assert variables[0] == variables[1]
