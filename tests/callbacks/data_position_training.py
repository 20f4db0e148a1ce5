"""A training that notes which datapoints each of its steps has seen, and that can be killed and resumed.

As a script: data_position_training.py LOGDIR NOTES OPTIONS, where OPTIONS is JSON, the keyword arguments of `train`.
"""
import json
import os
import signal
import sys

import numpy as np

from tensorpack import (
    AutoResumeTrainConfig,
    BatchData,
    BatchQueueInput,
    Callback,
    DataFromList,
    FeedInput,
    MapData,
    MaxSaver,
    ModelDesc,
    ModelSaver,
    PeriodicTrigger,
    QueueInput,
    RepeatedData,
    RNGDataFlow,
    SimpleTrainer,
    StagingInput,
    TFDatasetInput,
    launch_train_with_config,
    logger,
)
from tensorpack.callbacks.data_position import DataPosition
from tensorpack.compat import tfv1 as tf
from tensorpack.dataflow.resumable import ResumableData
from tensorpack.train.trainers import CollectiveTrainer, SyncMultiGPUTrainerReplicated
from tensorpack.utils.utils import fix_rng_seed


class Model(ModelDesc):
    """The operation `seen` gives the datapoints of a step, as numbers."""

    def inputs(self):
        return [tf.TensorSpec((None, 2), tf.float32, "x")]

    def build_graph(self, x):
        tf.identity(x, name="seen")
        w = tf.get_variable("w", [2, 1], initializer=tf.ones_initializer())
        return tf.reduce_mean(tf.square(tf.matmul(x, w)), name="cost")

    def optimizer(self):
        return tf.train.GradientDescentOptimizer(1e-6)


class Noise(RNGDataFlow):
    """Adds a random number to each datapoint."""

    def __init__(self, ds):
        self.ds = ds

    def __len__(self):
        return len(self.ds)

    def reset_state(self):
        super().reset_state()
        self.ds.reset_state()

    def __iter__(self):
        for dp in self.ds:
            yield [np.array([dp[0], self.rng.rand()], "float32")]


class Notes(Callback):
    """Appends a line to a file for each step: its number, and what its towers have seen."""

    _chief_only = False

    def __init__(self, path, towers):
        self.path = path
        self.tensors = ["tower{}/seen:0".format(k) for k in range(towers)] if towers > 1 else ["seen:0"]

    def _before_run(self, ctx):
        return self.tensors

    def _after_run(self, ctx, values):
        rows = sorted(np.concatenate(values.results).tolist())
        with open(self.path, "a") as f:
            f.write(json.dumps([self.global_step, rows]) + "\n")

    def _trigger_epoch(self):
        self.trainer.monitors.put_scalar("steps", self.global_step)


class EndAt(Callback):
    """Ends the process, or the training, after a step."""

    def __init__(self, step, by):
        self.step, self.by = step, by

    def _trigger_step(self):
        if self.global_step == self.step:
            if self.by == "kill":
                os.kill(os.getpid(), signal.SIGKILL)
            raise ArithmeticError("the end")


def numbers(size, batch):
    df = Noise(DataFromList([[k] for k in range(size)], shuffle=True))
    return BatchData(df, batch) if batch else df


INPUTS = {
    "feed": FeedInput,
    "queue": QueueInput,
    "staging": lambda df: StagingInput(QueueInput(df), nr_stage=2),
    "batch-queue": lambda df: BatchQueueInput(df, 3),
    "dataset": lambda df: TFDatasetInput(RepeatedData(df, -1)),
    "inside": lambda df: QueueInput(MapData(df, lambda dp: dp)),
}


def train(logdir, notes, kind="queue", seed=1, size=23, batch=3, steps=4, epochs=4, save_every=None, end_at=None, by="error",
          keep_every=1, towers=1, collective=False, position=True, per_step=None, flow=None):
    """Train, going on from the newest checkpoint in `logdir`."""
    fix_rng_seed(seed)
    trainer = CollectiveTrainer() if collective else SimpleTrainer() if towers == 1 else \
        SyncMultiGPUTrainerReplicated(towers, mode="cpu", device_type="cpu")
    df = flow or ResumableData(numbers(size, batch))
    logger.set_logger_dir(logdir, "k")
    saver = ModelSaver(max_to_keep=100)
    saver = [PeriodicTrigger(saver, every_k_steps=save_every) if save_every else saver]
    keeper = [PeriodicTrigger(DataPosition(df, per_step), every_k_epochs=keep_every)] if position else []
    with trainer.graph.as_default():
        launch_train_with_config(AutoResumeTrainConfig(
            model=Model(), data=INPUTS[kind](df), callbacks=keeper + saver + [Notes(notes, towers)] + (
                [EndAt(end_at, by)] if end_at else []) + [MaxSaver("steps")],
            extra_callbacks=[], monitors=[], steps_per_epoch=steps, max_epoch=epochs), trainer)


if __name__ == "__main__":
    rank = json.loads(os.environ.get("TF_CONFIG", "{}")).get("task", {}).get("index", 0)
    train(*["{}-{}".format(path, rank) if rank else path for path in sys.argv[1:3]], **json.loads(sys.argv[3]))
