"""Parallel flows that feed a training: what happens to a worker ends the training, with the error that tells of it."""
import importlib.util
import os
import signal
import time

import numpy as np
import pytest

from tensorpack.dataflow.common import BatchData, MapData
from tensorpack.dataflow.parallel import MultiProcessRunner, MultiProcessRunnerZMQ, MultiThreadRunner
from tensorpack.dataflow.parallel_map import (
    MultiProcessMapAndBatchDataZMQ,
    MultiProcessMapDataComponentSharedArray,
    MultiProcessMapDataZMQ,
    MultiThreadMapData,
)
from tensorpack.dataflow.raw import DataFromGenerator

pytestmark = pytest.mark.skipif(importlib.util.find_spec("tensorflow") is None, reason="needs TensorFlow")

SHAPE = (4,)


def endless():
    k = 0
    while True:
        yield [k]
        k += 1


def numbers():
    return DataFromGenerator(endless)


def raise_at_40(number):
    if number == 40:
        raise OSError("the disk of the worker is gone")
    return np.full(SHAPE, number, "float32")


def die_at_40(number):
    if number == 40:
        os.kill(os.getpid(), signal.SIGKILL)
    return np.full(SHAPE, number, "float32")


class OnDatapoint:
    """A function of a number, as a function of a datapoint."""

    def __init__(self, function):
        self._function = function

    def __call__(self, dp):
        return [self._function(dp[0])]


def mapped(function):
    return MapData(numbers(), OnDatapoint(function))


FLOWS = {
    "MultiProcessRunner": lambda f: MultiProcessRunner(BatchData(mapped(f), 2), 5, 2),
    "MultiProcessRunnerZMQ": lambda f: MultiProcessRunnerZMQ(BatchData(mapped(f), 2), 2),
    "MultiThreadRunner": lambda f: MultiThreadRunner(lambda: BatchData(mapped(f), 2), 5, 2),
    "MultiProcessMapData": lambda f: BatchData(MultiProcessMapDataZMQ(numbers(), 2, OnDatapoint(f), buffer_size=10), 2),
    "MultiThreadMapData": lambda f: BatchData(MultiThreadMapData(numbers(), 2, OnDatapoint(f), buffer_size=10), 2),
    "MultiProcessMapAndBatchData": lambda f: MultiProcessMapAndBatchDataZMQ(numbers(), 2, OnDatapoint(f), 2),
    "SharedArray": lambda f: BatchData(MultiProcessMapDataComponentSharedArray(numbers(), 2, f, SHAPE, "float32"), 2),
}


def train(df):
    from tensorpack.compat import tfv1 as tf
    from tensorpack.input_source import QueueInput
    from tensorpack.train.trainers import SimpleTrainer

    def get_cost(x):
        return tf.reduce_mean(tf.square(x * tf.get_variable("w", [], initializer=tf.zeros_initializer())), name="cost")

    trainer = SimpleTrainer()
    trainer.setup_graph([tf.TensorSpec([None, SHAPE[0]], "float32", "x")], QueueInput(df), get_cost,
                        lambda: tf.train.GradientDescentOptimizer(1e-9))
    trainer.train_with_defaults(callbacks=[], monitors=[], extra_callbacks=[], steps_per_epoch=100000, max_epoch=1)


@pytest.mark.parametrize("name", sorted(FLOWS))
def test_an_error_in_a_worker_ends_the_training(name):
    start = time.time()
    with pytest.raises(OSError, match="the disk of the worker is gone"):
        train(FLOWS[name](raise_at_40))
    assert time.time() - start < 120


@pytest.mark.parametrize("name", sorted(name for name in FLOWS if "Thread" not in name))
def test_the_death_of_a_worker_ends_the_training(name):
    start = time.time()
    with pytest.raises(RuntimeError, match=r"killed by signal SIGKILL \(9\)"):
        train(FLOWS[name](die_at_40))
    assert time.time() - start < 120
