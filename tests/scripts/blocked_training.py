"""A training whose DataFlow gives five datapoints and then nothing; run by tests/train/test_train_interrupt.py."""
import time

import numpy as np

from tensorpack import *

tf = tfv1


class Model(ModelDesc):
    def inputs(self):
        return [tf.TensorSpec((2,), tf.float32, "x")]

    def build_graph(self, x):
        return tf.reduce_sum(tf.square(x * tf.get_variable("w", [2])))

    def optimizer(self):
        return tf.train.GradientDescentOptimizer(0.1)


class Blocked(DataFlow):
    def __iter__(self):
        for _ in range(5):
            yield [np.ones(2, "float32")]
        print("BLOCKED", flush=True)
        time.sleep(600)


class Steps(Callback):
    def _trigger_step(self):
        print("STEP", self.global_step, flush=True)

    def _after_train(self):
        print("AFTER TRAIN at", self.global_step, flush=True)


if __name__ == "__main__":
    launch_train_with_config(TrainConfig(
        model=Model(), data=QueueInput(Blocked()), callbacks=[Steps()], monitors=[], steps_per_epoch=10), SimpleTrainer())
