"""What `tf.set_random_seed` has set holds in the graphs of later trainers and of predictors."""
import numpy as np
import pytest

from tensorpack import Callback, FullyConnected, ModelDesc, OfflinePredictor, PredictConfig, SimpleTrainer
from tensorpack.compat import tfv1 as tf
from tensorpack.dataflow import BatchData, DataFromList
from tensorpack.train import TrainConfig, launch_train_with_config


class Model(ModelDesc):
    """With noise, so that predictions depend on the seed, too."""

    def inputs(self):
        return [tf.TensorSpec([None, 4], tf.float32, "x")]

    def build_graph(self, x):
        x = FullyConnected("fc", x, 3)
        tf.identity(tf.random.uniform([2, 3]), name="noise")
        return tf.reduce_mean(tf.square(x), name="cost")

    def optimizer(self):
        return tf.train.GradientDescentOptimizer(.1)


def weights_at_start():
    values = []

    class Look(Callback):
        def _before_train(self):
            values.append(self.trainer.sess.run("fc/W:0"))

    flow = BatchData(DataFromList([(np.ones(4, "f4"),)] * 8), 4)
    launch_train_with_config(TrainConfig(model=Model(), dataflow=flow, callbacks=[Look()], monitors=[], steps_per_epoch=1,
                                         max_epoch=1), SimpleTrainer())
    return values[0]


def noise():
    with OfflinePredictor(PredictConfig(model=Model(), input_names=["x"], output_names=["noise"])) as predict:
        return predict(np.zeros([1, 4], "f4"))[0]


@pytest.mark.parametrize("seed", [None, 5])
def test_trainings_and_predictors_of_one_process(seed):
    if seed is not None:
        tf.set_random_seed(seed)
    first, second = weights_at_start(), weights_at_start()
    assert (first == second).all() == (seed is not None)
    assert (noise() == noise()).all() == (seed is not None)
