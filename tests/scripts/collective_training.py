"""A worker of a CollectiveTrainer; run by tests/train/test_collective_training.py, as one of several processes.

Usage: collective_training.py --out DIRECTORY [--option value ...]. The model, and its data in global batches of 12, are the
same for any number of workers. Each worker writes its variables at the end to FINAL-<rank>.npz.
"""
import argparse
import json
import os
import signal
import sys
import time

import numpy as np

from tensorpack import *
from tensorpack.compat import tfv1 as tf
from tensorpack.train._distributed.collective import CollectiveTrainer
from tensorpack.train._distributed.inference import CollectiveInferenceRunner
from tensorpack.utils.utils import fix_rng_seed, get_rng

GLOBAL_BATCH = 12
OPTIMIZERS = {
    "sgd": lambda: tf.train.GradientDescentOptimizer(0.05),
    "momentum": lambda: tf.train.MomentumOptimizer(0.05, 0.9),
    "adam": lambda: tf.train.AdamOptimizer(0.01),
}


class Model(ModelDesc):
    """Regression from three numbers and a looked-up row. Initial values differ between workers; one variable is empty."""

    def __init__(self, args, rank):
        super().__init__()
        self.args, self.rank = args, rank

    def inputs(self):
        return [tf.TensorSpec((None, 3), tf.float32, "x"), tf.TensorSpec((None,), tf.int32, "key"),
                tf.TensorSpec((None,), tf.float32, "y")]

    def build_graph(self, x, key, y):
        odd = self.args.odd if self.args.odd_rank == self.rank else None
        tf.identity(tf.random_uniform([]), name="noise")
        with tf.variable_scope(tf.get_variable_scope(), use_resource=self.args.resource, auxiliary_name_scope=False):
            table = tf.get_variable("table", [6, 2], initializer=self._initial)
            empty = tf.get_variable("empty", [0, 2])
            tf.get_variable("flag", [2], dtype=tf.bool, trainable=False, initializer=tf.constant_initializer(self.rank == 0))
            x = tf.concat([x, tf.nn.embedding_lookup(table, key)], 1)
            units = self.args.units + (odd == "shape")
            x = FullyConnected("hidden", x, units, activation=tf.nn.tanh, kernel_initializer=self._initial)
            if odd == "layer":
                x = FullyConnected("more", x, 4)
            if odd == "operation":
                x = tf.nn.relu(x, name="relu_of_my_own")
            prediction = tf.identity(FullyConnected("out", x, 1, kernel_initializer=self._initial)[:, 0], name="prediction")
        tf.greater(tf.abs(prediction - y), 0.3, name="wrong")
        tf.cast(prediction > 0.5, tf.int32, name="decision")
        tf.cast(y > 0.5, tf.int32, name="truth")
        return tf.add(tf.reduce_mean(tf.square(prediction - y)), tf.reduce_sum(empty), name="cost")

    def _initial(self, shape, dtype=None, partition_info=None):
        return tf.constant(np.sin(1 + self.rank + np.arange(np.prod(shape))).reshape(shape), dtype=dtype or tf.float32)

    def optimizer(self):
        return OPTIMIZERS[self.args.optimizer]()


class Data(DataFlow):
    """`size` samples, then again; the i-th is always the same."""

    def __init__(self, size):
        self.size = size

    def __len__(self):
        return self.size

    def __iter__(self):
        for i in range(self.size):
            rng = np.random.RandomState(i)
            yield [rng.rand(3).astype("float32"), np.int32(rng.randint(6)), np.float32(rng.rand())]


class At(Callback):
    """Does something on one rank after a step."""

    _chief_only = False

    def __init__(self, step, function):
        self.step, self.function = step, function

    def _trigger_step(self):
        if self.global_step == self.step:
            self.function()


class Report(Callback):
    """Prints and writes what the test compares."""

    _chief_only = False

    def __init__(self, path, rank):
        self.path, self.rank = path, rank

    def _before_train(self):
        print("STREAMS", get_rng(self).randint(1 << 30), self.trainer.sess.run("noise:0"), flush=True)

    def _trigger_step(self):
        print("STEP", self.global_step, flush=True)

    def _after_train(self):
        values = {v.op.name: self.trainer.sess.run(v) for v in tf.global_variables()}
        np.savez(os.path.join(self.path, "FINAL-{}.npz".format(self.rank)), **values)


class Statistics(Callback):
    """Prints the statistics of the inferencers."""

    _chief_only = False

    def __init__(self, prefixes):
        self.prefixes = prefixes

    def _trigger_epoch(self):
        for prefix in self.prefixes:
            print("STATISTICS", prefix, *[repr(self.trainer.monitors.get_latest(prefix + name))
                                          for name in ("_cost", "_error", "_precision", "_recall")], flush=True)


def inferencers(prefix):
    return [ScalarStats("cost", prefix), ClassificationError("wrong", prefix + "_error"),
            BinaryClassificationStats("decision", "truth", prefix)]


class Ids(DataFlow):
    """Datapoints whose `y` are 0..size-1, in the order of `order()`."""

    def __init__(self, size, order=None):
        self.size, self.order = size, order or (lambda: range(size))

    def __len__(self):
        return self.size

    def __iter__(self):
        for k in self.order():
            yield [np.zeros(3, "float32"), np.int32(0), np.float32(k)]


class Opaque(ProxyDataFlow):
    """A flow of the user's, of which nobody knows what it does."""

    def __iter__(self):
        yield from self.ds


def same(dp):
    return dp


def backwards_on_some_ranks():
    return range(33) if json.loads(os.environ["TF_CONFIG"])["task"]["index"] % 2 else range(32, -1, -1)


# name -> flow for validation. Those that work on each datapoint by themselves are divided, others share their results.
PASSES = {
    "processes": lambda: BatchData(MultiProcessMapData(Ids(240), 2, same, buffer_size=30, strict=True), 50, remainder=True),
    "one process": lambda: BatchData(MultiProcessMapData(Ids(300), 1, same, strict=True), 50, remainder=True),
    "threads": lambda: MapData(BatchData(MultiThreadMapData(Ids(130), 3, same, buffer_size=9, strict=True), 40), same),
    "unknown": lambda: Opaque(BatchData(Ids(33), 4, remainder=True)),
    "other process": lambda: MultiProcessRunnerZMQ(BatchData(Ids(33), 4, remainder=True), 1),
    "disorder": lambda: BatchData(Ids(33, backwards_on_some_ranks), 4, remainder=True),
}


class Seen(Inferencer):
    """Prints how many batches and datapoints there were in a pass, and how many different ones."""

    def __init__(self, name):
        self.name = name

    def _get_fetches(self):
        return ["y"]

    def _before_inference(self):
        self.batches = []

    def _on_fetches(self, results):
        self.batches.append(results[0].tolist())

    def _after_inference(self):
        seen = sum(self.batches, [])
        print("SEEN {}: {} {} {}".format(self.name, len(self.batches), len(seen), len(set(seen))), flush=True)


def fail():
    raise ArithmeticError("out of ideas")


def stop():
    raise StopTraining("enough")


EVENTS = {
    "kill": lambda: os.kill(os.getpid(), signal.SIGKILL), "freeze": lambda: os.kill(os.getpid(), signal.SIGSTOP),
    "interrupt": lambda: os.kill(os.getpid(), signal.SIGINT), "fail": fail, "stop": stop, "sleep": lambda: time.sleep(2),
    "exit": lambda: sys.exit(7),
}


class StopAfterEpoch(Callback):
    def _trigger_epoch(self):
        raise StopTraining("enough")


class Pipeline(Callback):
    """A queue runner, which takes its numbers from a variable; on the odd rank it may fail."""

    _chief_only = False

    def __init__(self, rank, fails):
        self.rank, self.fails = rank, fails

    def _setup_graph(self):
        factor = tf.get_variable("factor", initializer=self.rank + 1., trainable=False)
        with tf.control_dependencies([tf.Assert(not self.fails, ["broken pipeline"])]):
            self.number = tf.train.batch([tf.identity(factor)], 1)[0]

    def _before_train(self):
        if not self.fails:
            print("NUMBER", self.trainer.sess.run(self.number), flush=True)


class Rate(Callback):
    """A variable and an attribute for setters, printed in each step; the chief has a statistic that gets worse, and a file."""

    _chief_only = False
    attribute = 1.

    def _setup_graph(self):
        self.variable = tf.get_variable("own_rate", initializer=1., trainable=False)

    def _trigger_step(self):
        print("RATES", self.global_step, self.trainer.sess.run(self.variable), self.attribute, flush=True)

    def _trigger_epoch(self):
        if self.trainer.is_chief:
            self.trainer.monitors.put_scalar("worse", self.epoch_num)
            with open(os.path.join(logger.get_logger_dir(), "hyper.txt"), "w") as f:
                f.write("own_rate:{0}\nattribute:{0}\n".format(10 * self.epoch_num))


SETTERS = {
    "stat": lambda param: StatMonitorParamSetter(param, "worse", lambda value: value / 2, threshold=0, last_k=2),
    "human": HumanHyperParamSetter,
    "double": lambda param: HyperParamSetterWithFunc(param, lambda epoch, value: 2 * value),
    "human in steps": lambda param: PeriodicTrigger(HumanHyperParamSetter(param), every_k_steps=1, every_k_epochs=1),
}


def parse(argv):
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", required=True)
    parser.add_argument("--steps", type=int, default=4)
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--optimizer", choices=sorted(OPTIMIZERS), default="momentum")
    parser.add_argument("--resource", action="store_true")
    parser.add_argument("--bucket-bytes", type=int, default=4 << 20)
    parser.add_argument("--odd-rank", type=int, default=1)
    parser.add_argument("--odd", help="what is different on the odd rank")
    parser.add_argument("--check-rank", type=int, help="which rank looks for NaN")
    parser.add_argument("--event", choices=sorted(EVENTS))
    parser.add_argument("--event-rank", type=int, default=1)
    parser.add_argument("--at", type=int, default=3, help="the step of the event")
    parser.add_argument("--stop-after-epoch", action="store_true")
    parser.add_argument("--trainings", type=int, default=1, help="how many, one after the other")
    parser.add_argument("--save", action="store_true")
    parser.add_argument("--pipeline", choices=["good", "broken"])
    parser.add_argument("--setter", choices=sorted(SETTERS))
    parser.add_argument("--setter-of-chief", action="store_true", help="the others have none")
    parser.add_argument("--infer", action="store_true")
    parser.add_argument("--passes", nargs="*", default=[], choices=sorted(PASSES), help="flows for validation")
    parser.add_argument("--heartbeat", type=float, default=60)
    parser.add_argument("--stuck-seconds", type=float, default=1)
    parser.add_argument("--start-seconds", type=float, default=60)
    return parser.parse_args(argv)


def make_data(args, trainer):
    """An endless input, or one that ends after two steps."""
    odd = args.odd if args.odd_rank == trainer.rank else None
    data = BatchData(trainer.shard(Data(GLOBAL_BATCH * args.steps)), GLOBAL_BATCH // trainer.size)
    if odd == "nan":
        data = MapData(data, lambda dp: [dp[0] * np.float32("nan")] + dp[1:])
    if args.odd in ("data", "all data"):
        dataset = TFDatasetInput.dataflow_to_dataset(data, [tf.float32, tf.int32, tf.float32])
        return TFDatasetInput(dataset.take(2) if odd or args.odd == "all data" else dataset.repeat())
    return QueueInput(data)


def make_callbacks(args, trainer):
    callbacks = [ModelSaver()] if args.save else []
    if args.infer:
        callbacks += [
            CollectiveInferenceRunner(BatchData(Data(33), 4, remainder=True), inferencers("together")),
            InferenceRunner(BatchData(Data(33), 4, remainder=True), inferencers("alone")),
            Statistics(["together", "alone"] if trainer.is_chief else ["together"])]
    callbacks += [CollectiveInferenceRunner(PASSES[name](), Seen(name)) for name in args.passes]
    if args.check_rank == trainer.rank:
        callbacks.append(CheckNumerics(run_step=True).set_chief_only(False))
    if args.setter:
        rate = Rate()
        params = [] if args.setter_of_chief and not trainer.is_chief else ["own_rate", ObjAttrParam(rate, "attribute")]
        callbacks += [rate] + [SETTERS[args.setter](param) for param in params]
    if args.stop_after_epoch:
        callbacks.append(StopAfterEpoch())
    if args.pipeline:
        callbacks.append(Pipeline(trainer.rank, args.pipeline == "broken" and args.odd_rank == trainer.rank))
    callbacks.append(Report(args.out, trainer.rank))
    if args.event and args.event_rank == trainer.rank:
        callbacks.append(At(args.at, EVENTS[args.event]))
    return callbacks


def run_training(args):
    fix_rng_seed(1)
    tf.set_random_seed(1)
    trainer = CollectiveTrainer(bucket_bytes=args.bucket_bytes)
    trainer.HEARTBEAT_SECONDS, trainer.START_SECONDS = args.heartbeat, args.start_seconds
    trainer.BROADCAST_EVERY_EPOCH = not args.setter
    trainer.STUCK_SECONDS, trainer.LAST_STEP_SECONDS = args.stuck_seconds, 1.5
    if trainer.is_chief:
        logger.set_logger_dir(os.path.join(args.out, "log"), "k")
    launch_train_with_config(AutoResumeTrainConfig(
        model=Model(args, trainer.rank), data=make_data(args, trainer), callbacks=make_callbacks(args, trainer),
        monitors=[JSONWriter()], extra_callbacks=[ProgressBar(), RunUpdateOps()],
        steps_per_epoch=args.steps + (args.odd == "steps" and args.odd_rank == trainer.rank), max_epoch=args.epochs), trainer)
    print("ENDED at step", trainer.loop.global_step, flush=True)


def main(argv):
    args = parse(argv)
    for number in range(args.trainings):
        args.units = 4 + number  # variables of the same name have other shapes each time
        run_training(args)


if __name__ == "__main__":
    main(sys.argv[1:])
