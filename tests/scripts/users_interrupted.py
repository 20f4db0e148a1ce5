"""A training with a feeding thread and a process of its own; tests/test_users_ask.py sends it signals.

Prints READY when training, and CLEANED when a callback's `after_train` has run.
"""
import multiprocessing
import time

from tensorpack import *
from tensorpack.utils.concurrency import enable_death_signal

tf = tfv1


class Model(ModelDesc):
    def inputs(self):
        return [tf.TensorSpec((4, 3), tf.float32, "x")]

    def build_graph(self, x):
        return tf.reduce_mean(FullyConnected("fc", x, 1) ** 2, name="cost")

    def optimizer(self):
        return tf.train.GradientDescentOptimizer(0.1)


class Report(Callback):
    def _before_epoch(self):
        print("READY", flush=True)

    def _after_train(self):
        print("CLEANED", flush=True)


def idle():
    enable_death_signal()
    time.sleep(600)


if __name__ == "__main__":
    launch_train_with_config(TrainConfig(
        model=Model(), data=QueueInput(FakeData([[4, 3]], 10, random=False, dtype="float32")),
        callbacks=[StartProcOrThread(multiprocessing.Process(target=idle)), Report()], monitors=[],
        extra_callbacks=[], steps_per_epoch=10**9), SimpleTrainer())
