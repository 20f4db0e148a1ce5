"""A tiny training to which one fault of the system happens, in a process of its own; see fault_torture.py.

Usage: _fault_worker.py LOGDIR SETTINGS; the settings are a JSON object: `kind`, `seed`, `user` (a number, or null). Lines that
begin with @ are for the parent.
"""
import errno
import json
import multiprocessing.popen_fork  # noqa: F401 another user may not read it later
import os
import random
import resource
import signal
import subprocess
import sys
import threading
import time

import numpy as np

STEPS, EPOCHS = 5, 8
CAREFUL = 0.02  # seconds of a step, so that faults from outside meet the training


def train(logdir, settings):
    from tensorpack import (
        AutoResumeTrainConfig,
        Callback,
        DataFromList,
        FullyConnected,
        InferenceRunner,
        MinSaver,
        ModelDesc,
        ModelSaver,
        MultiProcessRunner,
        ScalarStats,
        SimpleTrainer,
        launch_train_with_config,
        logger,
    )
    from tensorpack import tfv1 as tf

    class Model(ModelDesc):
        def inputs(self):
            return [tf.TensorSpec((None, 3), tf.float32, "x"), tf.TensorSpec((None,), tf.float32, "y")]

        def build_graph(self, x, y):
            tf.get_variable("ballast", [20000], initializer=tf.ones_initializer(), trainable=False)
            prediction = FullyConnected("fc", x, 1, kernel_initializer=tf.ones_initializer())[:, 0]
            return tf.reduce_mean(tf.square(prediction - y), name="cost")

        def optimizer(self):
            return tf.train.GradientDescentOptimizer(0.1)

    class Moments(Callback):
        """Tells the parent where the training is, and lets the fault happen."""

        def _before_train(self):
            print("@start {}".format(self.global_step), flush=True)
            fault.reached(self.global_step)

        def _trigger_epoch(self):
            self.trainer.monitors.put_scalar("known", self.epoch_num)  # before the checkpoint, so that no epoch can be lost

        def _trigger_step(self):
            time.sleep(CAREFUL)
            fault.reached(self.global_step)

    fault = Fault(settings)
    if settings["user"] is not None:
        os.setgid(settings["user"])
        os.setuid(settings["user"])
    fault.reached(None)
    logger.set_logger_dir(logdir, "k")
    rng = np.random.RandomState(0)
    data = [[x, 3 * x.sum(1) - 1] for x in rng.rand(STEPS, 4, 3).astype("float32")]
    flow = DataFromList(data, shuffle=False)
    validation = DataFromList(data[:2], shuffle=False)
    if settings["seed"] % 2:  # a process of the data; the number of steps is that of an epoch, so that the order stays
        validation = MultiProcessRunner(validation, 2, 1)
    launch_train_with_config(AutoResumeTrainConfig(
        model=Model(), dataflow=flow, max_epoch=EPOCHS, steps_per_epoch=STEPS, callbacks=[
            Moments(), ModelSaver(max_to_keep=0 if settings["kind"] == "all kept" else 3),
            InferenceRunner(validation, [ScalarStats("cost")]), MinSaver("validation_cost")]), SimpleTrainer())
    print("@end", flush=True)


class Fault:
    """What happens inside of the process, at a step that is drawn: None is before anything, 0 before training."""

    def __init__(self, settings):
        self._rng = random.Random(settings["seed"])
        self._happen = getattr(self, "_" + settings["kind"].replace(" ", "_"), None)
        self._moment = self._rng.choice([None, 0] + list(range(1, STEPS * EPOCHS)) * 2)
        self._done = self._happen is None

    def reached(self, step):
        if self._done or (step is None) != (self._moment is None) or step is not None and step < self._moment:
            return
        self._done = True
        print("@fault", flush=True)
        self._happen()

    def _file_size(self):
        resource.setrlimit(resource.RLIMIT_FSIZE, (self._rng.choice([0, 10, 500, 5000, 50000, 100000]),) * 2)

    def _descriptors(self):
        used = len(os.listdir("/proc/self/fd"))
        resource.setrlimit(resource.RLIMIT_NOFILE, (used + self._rng.randint(0, 12),) * 2)

    def _processes(self):
        used = len(os.listdir("/proc/self/task"))
        resource.setrlimit(resource.RLIMIT_NPROC, (used + self._rng.randint(0, 3),) * 2)

    def _clock(self):
        real, jump = time.time, self._rng.choice([-3e8, -4000, -1, 1, 4000, 3e8])
        time.time = lambda: real() + jump

    def _errors(self):
        """Operations on files fail from here on: one of them, or some in a row, or each with a chance."""
        budget, chance = self._rng.choice([1, 3, 10 ** 6]), self._rng.choice([0.1, 0.5, 1.0])
        for where, name in ((os, "fsync"), (os, "replace"), (os, "rename"), (os, "remove"), (os, "mkdir")):
            setattr(where, name, self._failing(getattr(where, name), budget, chance))
        opened = open

        def failing_open(file, mode="r", *args, **kwargs):
            if isinstance(file, str) and logdir_of_run() in file and set(mode) & set("wa+"):
                self._failing(lambda: None, budget, chance)()
            return opened(file, mode, *args, **kwargs)

        __builtins__.open = failing_open

    def _failing(self, function, budget, chance):
        left = [budget]

        def call(*args, **kwargs):
            if left[0] and threading.current_thread() is threading.main_thread() and self._rng.random() < chance:
                left[0] -= 1
                raise OSError(errno.EIO, os.strerror(errno.EIO))
            return function(*args, **kwargs)

        return call


def logdir_of_run():
    return sys.argv[1]


def keep_output_out_of_the_limit():
    """Let a process without limits write what this one prints."""
    writer = subprocess.Popen(["cat"], stdin=subprocess.PIPE)
    for number in (1, 2):
        os.dup2(writer.stdin.fileno(), number)


if __name__ == "__main__":
    import builtins

    __builtins__ = builtins  # in a program that another one has forked it is a dict
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    given = json.loads(sys.argv[2])
    if given["kind"] == "file size":
        keep_output_out_of_the_limit()
    train(sys.argv[1], given)
