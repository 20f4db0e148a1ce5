"""A training that resumes itself; run by tests/test_resume.py.

Usage: resumable_training.py LOGDIR MAX_EPOCH [MOMENT EPOCH]: kills itself with SIGKILL at the moment (before_train, step,
after_saver) of the epoch. Prints the final weights.
"""
import os
import signal
import sys

import numpy as np

from tensorpack import *
from tensorpack.tfutils.summary import add_moving_summary

tf = tfv1


class Model(ModelDesc):
    def inputs(self):
        return [tf.TensorSpec((None, 3), tf.float32, "x"), tf.TensorSpec((None,), tf.float32, "y")]

    def build_graph(self, x, y):
        prediction = FullyConnected("fc", x, 1, kernel_initializer=tf.ones_initializer())[:, 0]
        cost = tf.reduce_mean(tf.square(prediction - y), name="cost")
        add_moving_summary(cost)
        return cost

    def optimizer(self):
        return tf.train.MomentumOptimizer(0.05, 0.9)


class Data(DataFlow):
    def __len__(self):
        return 6

    def __iter__(self):
        for i in range(len(self)):
            x = np.random.RandomState(i).rand(4, 3).astype("float32")
            yield [x, x.sum(1)]


class Killer(Callback):
    def __init__(self, moment, epoch):
        self.moment, self.epoch = moment, epoch

    def _reached(self, moment):
        if self.moment == moment and self.epoch == self.epoch_num:
            os.kill(os.getpid(), signal.SIGKILL)

    def _before_train(self):
        self._reached("before_train")

    def _trigger_step(self):
        if self.local_step == 3:
            self._reached("step")

    def _trigger_epoch(self):
        self._reached("after_saver")


class Printer(Callback):
    def _after_train(self):
        print("WEIGHTS", self.trainer.sess.run("fc/W:0")[:, 0].tolist(), self.trainer.global_step)


if __name__ == "__main__":
    logger.set_logger_dir(sys.argv[1], "k")
    killer = [Killer(sys.argv[3], int(sys.argv[4]))] if len(sys.argv) > 3 else []
    launch_train_with_config(AutoResumeTrainConfig(
        model=Model(), dataflow=Data(), callbacks=[ModelSaver()] + killer + [Printer()],
        extra_callbacks=[MovingAverageSummary(), MergeAllSummaries(period=2), RunUpdateOps()],
        max_epoch=int(sys.argv[2])), SimpleTrainer())
