"""A linear model that trains in milliseconds, and its batches, for tests of optimizers."""
import numpy as np

from tensorpack import Callback, DataFlow, ModelDesc, SimpleTrainer, TrainConfig, launch_train_with_config
from tensorpack.compat import tfv1 as tf

BATCHES_PER_EPOCH = 8


def batch(index):
    """Inputs (4, 3) and targets (4,)."""
    x = np.random.RandomState(index).rand(4, 3).astype("float32")
    return x, x.dot(np.array([1, -2, 0.5], "float32"))


def gradient(weights, x, y):
    """Of the mean squared error, in float64."""
    weights = np.asarray(weights, "float64")
    return 2 * x.T.dot(x.dot(weights) - y[:, None]) / len(x)


class LinearModel(ModelDesc):
    def __init__(self, make_optimizer):
        super().__init__()
        self.make_optimizer = make_optimizer

    def inputs(self):
        return [tf.TensorSpec((None, 3), tf.float32, "x"), tf.TensorSpec((None,), tf.float32, "y")]

    def build_graph(self, x, y):
        weights = tf.get_variable("W", [3, 1], initializer=tf.zeros_initializer())
        return tf.reduce_mean(tf.square(tf.matmul(x, weights)[:, 0] - y), name="cost")

    def optimizer(self):
        return self.make_optimizer()


class LinearData(DataFlow):
    def __len__(self):
        return BATCHES_PER_EPOCH

    def __iter__(self):
        for index in range(BATCHES_PER_EPOCH):
            yield list(batch(index))


class WeightsAfterSteps(Callback):
    def __init__(self):
        self.seen = []

    def _trigger_step(self):
        self.seen.append(self.trainer.sess.run("W:0"))


def train_linear(make_optimizer):
    """Train for two epochs in a graph of its own: (the weights after each step, the graph)."""
    recorder = WeightsAfterSteps()
    with tf.Graph().as_default() as graph:
        launch_train_with_config(TrainConfig(model=LinearModel(make_optimizer), dataflow=LinearData(), max_epoch=2,
                                             callbacks=[recorder], monitors=[]), SimpleTrainer())
    return recorder.seen, graph
