"""A small training with monitors that are asked for: `tracked_training.py LOGDIR MAX_EPOCH MONITOR [kill|fail|quick|fork]`."""
import multiprocessing
import os
import signal
import sys
import time

import numpy as np

from tensorpack import (
    AutoResumeTrainConfig,
    Callback,
    DataFromList,
    FullyConnected,
    InferenceRunner,
    JSONWriter,
    MLflowMonitor,
    ModelDesc,
    ModelSaver,
    MultiProcessMapData,
    ScalarPrinter,
    ScalarStats,
    SimpleTrainer,
    WandbMonitor,
    launch_train_with_config,
    logger,
    summary,
)
from tensorpack import tfv1 as tf


class Model(ModelDesc):
    def inputs(self):
        return [tf.TensorSpec([None, 4], tf.float32, "x")]

    def build_graph(self, x):
        cost = tf.reduce_mean(FullyConnected("fc", x, 2) ** 2, name="cost")
        summary.add_moving_summary(cost)
        return cost

    def optimizer(self):
        return tf.train.GradientDescentOptimizer(1e-3)


class Pictures(Callback):
    def _trigger(self):
        self.trainer.monitors.put_image("picture", np.full([1, 6, 6, 3], 100, "uint8"))
        self.trainer.monitors.put_scalar("a (b)", self.epoch_num)
        self.trainer.monitors.put_histogram("numbers", np.arange(20.0))


class EndBy(Callback):
    def __init__(self, how):
        self._how = how

    def _trigger_epoch(self):
        if self.epoch_num == 2 and self._how == "kill":
            wait_until_all_is_sent()
            os.kill(os.getpid(), signal.SIGKILL)
        if self.epoch_num == 2 and self._how == "fail":
            raise ArithmeticError("on purpose")


class Forks(Callback):
    """After each epoch a process that puts statistics, and one that is forked without `multiprocessing`."""

    def _trigger_epoch(self):
        process = multiprocessing.get_context("fork").Process(target=self.trainer.monitors.put_scalar, args=("x", 1.0))
        process.start()
        process.join(60)
        forked = os.fork()
        if not forked:
            signal.alarm(60)
            self.trainer.monitors.put_scalar("x", 1.0)
            self.trainer.monitors.put_histogram("y", [1.0, 2.0])
            os._exit(0)
        print("processes ended: {} {}".format(process.exitcode, os.waitpid(forked, 0)[1]), flush=True)


def wait_until_all_is_sent():
    while MONITOR._sender._calls or MONITOR._sender._since is not None:
        time.sleep(0.1)


def make_monitor(text):
    kind, _, where = text.partition("=")
    options = {"config": {"rate": 0.1, "depth": 3}, "checkpoints": "quick" not in sys.argv,
               "flush_seconds": 2 if "quick" in sys.argv else 200}  # a busy machine is slow
    if kind == "wandb":
        return WandbMonitor("digits", dir=where, **options)
    return MLflowMonitor("digits", tracking_uri=where, run_name="first", **options)


if __name__ == "__main__":
    folder, max_epoch, monitor = sys.argv[1:4]
    logger.set_logger_dir(folder, "k")
    MONITOR = make_monitor(monitor)
    flow = DataFromList([[np.full([2, 4], k, "float32")] for k in range(10)], shuffle=False)
    start = time.time()
    callbacks = [Pictures(), ModelSaver(max_to_keep=1), EndBy(sys.argv[4] if sys.argv[4:] else "")]
    if "fork" in sys.argv:
        examples = MultiProcessMapData(flow, 2, list, buffer_size=4, strict=True)  # starts its processes after the tracker
        callbacks = [Pictures(), ModelSaver(max_to_keep=1), InferenceRunner(examples, [ScalarStats("cost")]), Forks()]
    launch_train_with_config(AutoResumeTrainConfig(
        model=Model(), dataflow=flow,
        callbacks=callbacks,
        monitors=[JSONWriter(), ScalarPrinter(), MONITOR], max_epoch=int(max_epoch), steps_per_epoch=5), SimpleTrainer())
    print("trained in {:.1f} seconds".format(time.time() - start))
