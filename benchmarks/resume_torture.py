#!/usr/bin/env python
"""Kills a training with SIGKILL again and again, starts it again each time, and looks whether anything was lost.

A third of the kills come at random moments, a third while some file is being written, and a third between two file operations
of the training itself, which may be in its start. After each kill: `stats.json` is valid, has each epoch once, and every value
in it (the learning rate among them) is that of a training without kills. The next run goes on after the newest checkpoint, with
the weights that the training without kills had there. The best models of MinSaver and MaxSaver are as good as before, and as
the best value in `stats.json`. In the end statistics, weights and best models are those of the training without kills.
Target: all kills pass.

Usage: resume_torture.py [--kills N] [--seed N] [--json FILE]
"""
import argparse
import json
import math
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time

from _harness import ROOT, Row, report, tensorflow_version

STEPS = 6
EPOCHS_PER_KILL = 20
BALLAST = 1 << 21  # elements of a variable that makes checkpoints big enough to be killed in
BEST = {"min-wobble": ("wobble", min), "max-validation_cost": ("validation_cost", max)}
KINDS = ["random moment", "while writing", "between operations"]
PATIENCE = 900  # seconds; on a busy machine the import of TensorFlow alone may take minutes


def worker(logdir, max_epoch, die_at):
    """The training; its lines that begin with @ are for the parent. Kills itself before file operation `die_at`, if any."""
    import numpy as np

    from tensorpack import (
        AutoResumeTrainConfig,
        Callback,
        DataFromList,
        FullyConnected,
        InferenceRunner,
        MaxSaver,
        MergeAllSummaries,
        MinSaver,
        ModelDesc,
        ModelSaver,
        MovingAverageSummary,
        RunUpdateOps,
        ScalarStats,
        ScheduledHyperParamSetter,
        SimpleTrainer,
        launch_train_with_config,
        logger,
    )
    from tensorpack import tfv1 as tf

    class Model(ModelDesc):
        def inputs(self):
            return [tf.TensorSpec((None, 3), tf.float32, "x"), tf.TensorSpec((None,), tf.float32, "y")]

        def build_graph(self, x, y):
            tf.get_variable("ballast", [BALLAST], initializer=tf.ones_initializer(), trainable=False)
            prediction = FullyConnected("fc", x, 1, kernel_initializer=tf.ones_initializer())[:, 0]
            return tf.reduce_mean(tf.square(prediction - y), name="cost")

        def optimizer(self):
            rate = tf.get_variable("learning_rate", initializer=0.0, trainable=False)
            tf.summary.scalar("learning_rate-summary", rate)
            return tf.train.MomentumOptimizer(rate, 0.9)

    class Wobble(Callback):
        """A statistic that falls and rises."""

        def _trigger_epoch(self):
            self.trainer.monitors.put_scalar("wobble", math.sin(self.epoch_num * 0.7) + math.cos(self.epoch_num * 0.23))

    class Tell(Callback):
        """Tells the parent what has been reached."""

        def _tell(self, what, epoch):
            weights = self.trainer.sess.run("fc/W:0")[:, 0].tolist()
            print("@" + json.dumps([what, epoch, self.global_step, weights]), flush=True)

        def _before_train(self):
            self._tell("start", self.trainer.starting_epoch)

        def _trigger_epoch(self):
            self._tell("finished", self.epoch_num)

    if die_at:
        kill_before_operation(die_at, [
            (os, "replace"), (os, "rename"), (os, "remove"), (tf.gfile, "Rename"), (tf.gfile, "Remove"),
            (tf.gfile, "DeleteRecursively"), (tf.train.Saver, "save")])
    logger.set_logger_dir(logdir, "k")
    rng = np.random.RandomState(0)
    data = [[x, 3 * x.sum(1) - 1] for x in rng.rand(STEPS, 4, 3).astype("float32")]
    launch_train_with_config(AutoResumeTrainConfig(
        model=Model(), dataflow=DataFromList(data, shuffle=False), max_epoch=max_epoch, callbacks=[
            ScheduledHyperParamSetter("learning_rate", [(0, 0.1), (max_epoch // 2, 0.01), (max_epoch, 0.001)], "linear"),
            ModelSaver(max_to_keep=3), InferenceRunner(DataFromList(data[:2], shuffle=False), [ScalarStats("cost")]), Wobble(),
            MinSaver("wobble"), MaxSaver("validation_cost"), Tell()],
        extra_callbacks=[MovingAverageSummary(), MergeAllSummaries(), RunUpdateOps()]), SimpleTrainer())


def kill_before_operation(number, functions):
    """Let this process die before the so-many-th call of the functions, given as (where, name)."""
    calls = []

    def counted(function):
        def call(*args, **kwargs):
            calls.append(function)
            if len(calls) == number:
                os.kill(os.getpid(), signal.SIGKILL)
            return function(*args, **kwargs)
        return call

    for where, name in functions:
        setattr(where, name, counted(getattr(where, name)))


class Run:
    """A process of the training, and what it has said."""

    def __init__(self, logdir, max_epoch, die_at=0):
        self.output = open(logdir + ".output", "a+b")
        self.start = self.output.seek(0, os.SEEK_END)
        self.process = subprocess.Popen(
            [sys.executable, os.path.abspath(__file__), "--worker", logdir, str(max_epoch), str(die_at)],
            stdin=subprocess.DEVNULL, stdout=self.output, stderr=subprocess.STDOUT, env=dict(os.environ, PYTHONPATH=ROOT))

    def text(self):
        self.output.seek(self.start)
        return self.output.read().decode("utf-8", "replace")

    def messages(self, kind):
        """What follows the word `kind` in all complete messages so far."""
        lines = [line[line.index("@["):] for line in self.text().split("\n")[:-1] if "@[" in line]
        return [message[1:] for message in (json.loads(line[1:]) for line in lines) if message[0] == kind]

    def has_started(self):
        """Wait for the start of the training; False if it killed itself before."""
        deadline = time.time() + PATIENCE
        while not self.messages("start"):
            if self.process.poll() == -signal.SIGKILL:
                return False
            check(self.process.poll() is None and time.time() < deadline, "does not start:\n" + self.text()[-3000:])
            time.sleep(0.02)
        return True

    def kill(self):
        """Kill the process if it lives. Returns its exit status."""
        if self.process.poll() is None:
            self.process.kill()
        return self.process.wait()


def wait_for_moment(run, logdir, rng, kind):
    """Return at the moment to kill."""
    if kind == "between operations":
        run.process.wait(PATIENCE)  # it kills itself
        return
    time.sleep(rng.uniform(0, 0.8 if kind == "random moment" else 0.2))
    deadline = time.time() + PATIENCE
    while kind == "while writing" and time.time() < deadline and not unfinished(logdir):
        pass
    time.sleep(rng.choice([0, rng.uniform(0, 0.02)]))


def unfinished(logdir):
    """Names of what is being written, or was when the process died."""
    return [name for name in os.listdir(logdir) if "tempstate" in name or name.startswith(".") or ".tmp" in name]


def check_statistics(logdir, truth):
    """The records of `stats.json`, which must be the first ones of the training without kills."""
    path = os.path.join(logdir, "stats.json")
    records = []
    if os.path.exists(path):
        with open(path) as f:
            records = json.load(f, parse_constant=lambda word: check(False, "stats.json has the word " + word))
    epochs = [record["epoch_num"] for record in records]
    check(epochs == list(range(1, len(epochs) + 1)), "stats.json has the epochs {}".format(epochs))
    for record in records:
        check("learning_rate" in record, "stats.json lacks the learning rate: {}".format(record))
        expected = {name: truth[record["epoch_num"]][name] for name in record}
        check(record == expected, "stats.json has {} instead of {}".format(record, expected))
    return records


def best_steps(logdir):
    """The global step of each best model that is there."""
    from tensorpack.compat import new_checkpoint_reader
    prefixes = {name: os.path.join(logdir, name) for name in BEST}
    return {name: int(new_checkpoint_reader(prefix).get_tensor("global_step")) for name, prefix in prefixes.items()
            if os.path.exists(prefix + ".index")}


def check_best(before, after, records, truth):
    """Each best model must be at least as good as before, and as what `stats.json` knows."""
    for name, (stat, choose) in BEST.items():
        known = [record[stat] for record in records if stat in record]
        known += [truth[before[name] // STEPS][stat]] if name in before else []
        if known:
            check(name in after, "{} is gone".format(name))
            epoch = after[name] // STEPS
            check(choose(known + [truth[epoch][stat]]) == truth[epoch][stat],
                  "{} is of epoch {}, but there was a better one".format(name, epoch))


def check(condition, message):
    if not condition:
        raise AssertionError(message)


def check_start(run, newest, truth):
    """The training goes on where its newest checkpoint was taken."""
    epoch, step, weights = run.messages("start")[0]
    check(epoch - 1 in (newest, newest + 1), "starts with epoch {} when {} had been finished".format(epoch, newest))
    check(step == STEPS * (epoch - 1), "starts with epoch {} at global_step {}".format(epoch, step))
    check(epoch == 1 or weights == truth[epoch - 1]["weights"], "starts with other weights at epoch {}".format(epoch))


def torture(logdir, truth, max_epoch, kills, rng):
    """Kill and restart. Yields for each kill its kind, what it interrupted, and what was wrong after it."""
    run, newest = Run(logdir, max_epoch), 0
    run.has_started()
    try:
        for number in range(kills):
            wait_for_moment(run, logdir, rng, KINDS[number % 3])
            check(run.kill() == -signal.SIGKILL, "the training ended by itself:\n" + run.text()[-3000:])
            newest = max([newest] + [epoch for epoch, _, _ in run.messages("finished")] +
                         [epoch - 1 for epoch, _, _ in run.messages("start")])
            interrupted, best = unfinished(logdir), best_steps(logdir)
            is_next_by_itself = number + 1 < kills and KINDS[(number + 1) % 3] == "between operations"
            run = Run(logdir, max_epoch, rng.randint(1, 80) if is_next_by_itself else 0)
            error = ""
            try:
                records = check_statistics(logdir, truth)
                if run.has_started():
                    check_start(run, newest, truth)
                    check_best(best, best_steps(logdir), records, truth)
            except (AssertionError, ValueError) as e:
                error = str(e)
            yield KINDS[number % 3], interrupted, error
        check(run.process.wait() == 0, "the last run fails:\n" + run.text()[-3000:])
        check(run.messages("finished")[-1][2] == truth[max_epoch]["weights"], "the weights in the end are others")
    finally:
        run.kill()


def reference(logdir, max_epoch):
    """The records of a training without kills, by epoch, with the final weights of each epoch."""
    run = Run(logdir, max_epoch)
    check(run.process.wait() == 0, "the training without kills fails:\n" + run.text()[-3000:])
    weights = {epoch: values for epoch, _, values in run.messages("finished")}
    with open(os.path.join(logdir, "stats.json")) as f:
        return {record["epoch_num"]: dict(record, weights=weights[record["epoch_num"]]) for record in json.load(f)}


def check_end(logdir, truth):
    """Nothing but the epochs whose validation was interrupted differs from the training without kills."""
    records = check_statistics(logdir, truth)
    check(len(records) == len(truth), "stats.json has {} epochs in the end instead of {}".format(len(records), len(truth)))
    check_best({}, best_steps(logdir), records, truth)
    left = unfinished(logdir)
    check(not left, "left behind: {}".format(left))
    return sum("wobble" not in record for record in records)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json")
    parser.add_argument("--worker", nargs=3, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.worker:
        return worker(args.worker[0], int(args.worker[1]), int(args.worker[2]))
    max_epoch = EPOCHS_PER_KILL * (args.kills + 1)
    directory = tempfile.mkdtemp(prefix="resume-torture-")
    passed = inside = 0
    truth = reference(os.path.join(directory, "whole"), max_epoch)
    logdir = os.path.join(directory, "killed")
    os.mkdir(logdir)
    kills = torture(logdir, truth, max_epoch, args.kills, random.Random(args.seed))
    for number, (kind, interrupted, error) in enumerate(kills):
        passed, inside = passed + (not error), inside + bool(interrupted)
        print("kill {:3d}, {}, {}: {}".format(number + 1, kind, interrupted or "nothing open", error or "passed"), flush=True)
    without_validation = check_end(logdir, truth)
    print("{}/{}".format(passed, args.kills))
    report("Resuming after SIGKILL", [Row("kills after which all was well", passed, "kills", "all", args.kills, ">= 1")],
           args.json, tensorflow=tensorflow_version(), kills_while_writing=inside, epochs=max_epoch,
           epochs_whose_validation_was_lost=without_validation)
    if passed == args.kills:
        shutil.rmtree(directory)
    else:
        sys.exit("see {}".format(directory))


if __name__ == "__main__":
    main()
