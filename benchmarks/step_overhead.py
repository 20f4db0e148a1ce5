#!/usr/bin/env python
"""What a training step costs beyond the session call: the training loop against a bare `Session.make_callable` loop.

Both run the same graph in the same session and take turns within one process: the bare loop runs in a callback between epochs.
Target: one step with the default callbacks takes <= 1.15 x the bare step.

Usage: step_overhead.py [--steps N] [--rounds N] [--json FILE]
"""
import argparse
import time

from _harness import Row, median, pin_threads, report, tensorflow_version, time_calls

from tensorpack import *
from tensorpack.input_source.input_source_base import InputSource
from tensorpack.tfutils.summary import add_moving_summary
from tensorpack.utils import logger

tf = tfv1


class ConstantInput(InputSource):
    """Constants of the graph, so that nothing but the step itself is timed."""

    def _setup(self, signature):
        self._signature = signature

    def _get_input_tensors(self):
        return [tf.ones([32 if d is None else d for d in spec.shape.as_list()], spec.dtype) for spec in self._signature]


class Model(ModelDesc):
    """A multilayer perceptron; `width` decides how long a step takes."""

    def __init__(self, width):
        super().__init__()
        self.width = width

    def inputs(self):
        return [tf.TensorSpec((None, 16), tf.float32, "x"), tf.TensorSpec((None,), tf.float32, "y")]

    def build_graph(self, x, y):
        for k in range(3):
            x = FullyConnected("fc{}".format(k), x, self.width, activation=tf.nn.relu)
        cost = tf.reduce_mean(tf.square(FullyConnected("out", x, 1)[:, 0] - y), name="cost")
        add_moving_summary(cost)
        return cost

    def optimizer(self):
        return tf.train.GradientDescentOptimizer(1e-3)


class BareLoop(Callback):
    """Times the epochs of the training loop, and after each of them as many steps of the bare loops."""

    def _before_epoch(self):
        self._start = time.perf_counter()

    def _after_epoch(self):
        self.ours.append((time.perf_counter() - self._start) / self.trainer.steps_per_epoch)

    def _before_train(self):
        trainer = self.trainer
        self.ours, self.bare, self.same_work = [], [], []
        extra = [op for op in (self.graph.get_operation_by_name(name) for name in self._side_ops())]
        self._bare = trainer.sess.make_callable(trainer.train_op)
        self._same_work = trainer.sess.make_callable([trainer.train_op] + extra)

    def _side_ops(self):
        """What the default callbacks run along with each step."""
        names = {op.name for op in self.graph.get_operations()}
        wanted = ["global_step_incr", "MovingAverageSummary/maintain_moving_average_summary", "RunUpdateOps/update_ops"]
        return [name for name in wanted if name in names]

    def _trigger_epoch(self):
        count = self.trainer.steps_per_epoch
        self.bare.append(time_calls(self._bare, count))
        self.same_work.append(time_calls(self._same_work, count))


def measure(width, steps, rounds):
    with tf.Graph().as_default():
        timer = BareLoop()
        model = Model(width)
        trainer = SimpleTrainer()
        trainer.setup_graph(model.get_input_signature(), ConstantInput(), model.build_graph, model.get_optimizer)
        trainer.train_with_defaults(callbacks=[timer], monitors=[JSONWriter(), ScalarPrinter()], steps_per_epoch=steps,
                                    max_epoch=rounds + 1)
        return [1e6 * median(values[1:]) for values in (timer.ours, timer.bare, timer.same_work)]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--json")
    args = parser.parse_args()
    pin_threads(2)
    logger.setLevel("WARNING")
    rows = []
    for width in (16, 128, 512):
        ours, bare, same_work = measure(width, args.steps, args.rounds)
        what = "step, 3 layers of {}".format(width)
        rows.append(Row(what, ours, "us", "bare make_callable(train_op)", bare, "<= 1.15"))
        rows.append(Row(what, ours, "us", "bare loop that also runs the callbacks' operations", same_work))
    report("Overhead of the training loop", rows, args.json, tensorflow=tensorflow_version(),
           steps=args.steps, rounds=args.rounds)


if __name__ == "__main__":
    main()
