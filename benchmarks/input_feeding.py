#!/usr/bin/env python
"""What it costs to bring batches into the graph: `QueueInput` and `StagingInput` against bare loops.

1. Hand-over: `QueueInput` feeding 32x224x224x3 batches to a consumer that only looks at one element, against a thread that
   enqueues the same 64-byte-aligned arrays in a bare loop. Target: >= 0.95 x its batches/s. Short turns, many rounds: the two
   threads fall into step in one way or another, twice as fast or slow, whichever contender it is.
2. Training: a convnet on the CPU fed by `QueueInput`, and by `StagingInput` around it, with the default callbacks, against a
   bare loop that feeds the same batches to the same model by a callable. Target: >= 0.97 x its steps/s.

Contenders take turns within one process.
Usage: input_feeding.py [--rounds N] [--batches N] [--turns N] [--steps N] [--json FILE]
"""
import argparse
import itertools
import threading
import time

import numpy as np
from _harness import Row, median, pin_threads, report, take_turns, tensorflow_version, time_calls

from tensorpack import *
from tensorpack.compat import make_flat_callable
from tensorpack.tfutils.common import get_default_sess_config
from tensorpack.utils import logger
from tensorpack.utils._buffers import aligned_empty

tf = tfv1

SHAPE = (32, 224, 224, 3)  # of the batches that are handed over
SMALL = (32, 32, 32, 3)  # of those that are trained on
CAPACITY = 50  # of the queue, in both


class Batches(DataFlow):
    """A few batches over and over."""

    def __init__(self, batches):
        self.batches = batches

    def __len__(self):
        return len(self.batches)

    def __iter__(self):
        return iter(self.batches)


def aligned(array):
    copy = aligned_empty(array.shape, array.dtype)
    np.copyto(copy, array)
    return copy


class Bare:
    """A thread that enqueues batches, one call of the session after the other, while `running` is set."""

    def __init__(self, batches, dtype):
        placeholder = tf.placeholder(dtype, (None,) + SHAPE[1:])
        queue = tf.FIFOQueue(CAPACITY, [tf.as_dtype(dtype)])
        self.taken = queue.dequeue()
        self.taken.set_shape(placeholder.shape)
        self.running = threading.Event()
        self._close = queue.close(cancel_pending_enqueues=True)
        self._enqueue = make_flat_callable(tf.get_default_session(), [], [queue.enqueue([placeholder])], [placeholder])
        self._batches = batches
        self._thread = threading.Thread(target=self._feed, daemon=True)
        self._thread.start()

    def _feed(self):
        try:
            while True:
                for batch in self._batches:
                    if not self.running.is_set():
                        self.running.wait()
                    self._enqueue(*batch)
        except (tf.errors.CancelledError, tf.errors.OutOfRangeError):
            pass

    def stop(self):
        self.running.set()
        tf.get_default_session().run(self._close)
        self._thread.join()


def hand_over(dtype, count, rounds):
    """Batches per second, and CPU microseconds of the process for each, with QueueInput and with the bare loop, by round."""
    cpu = {"ours": [], "bare": []}
    batches = [[aligned(np.random.RandomState(k).randint(0, 255, SHAPE).astype(dtype))] for k in range(4)]
    with tf.Graph().as_default(), tf.Session().as_default() as sess:
        source, bare = QueueInput(Batches(batches)), Bare(batches, dtype)
        source.setup([tf.TensorSpec((None,) + SHAPE[1:], tf.as_dtype(dtype), "image")])
        take_ours, take_bare = [sess.make_callable(image[0, 0, 0, 0].op)
                                for image in (source.get_input_tensors()[0], bare.taken)]
        source.thread.pause()
        source.thread.start()

        def run(name, take, start, stop):
            start()
            time_calls(take, 2 * CAPACITY)
            before = time.process_time()
            speed = 1 / time_calls(take, count)
            cpu[name].append((time.process_time() - before) / count * 1e6)
            stop()
            return speed

        speeds = take_turns({
            "ours": lambda: run("ours", take_ours, source.thread.resume, source.thread.pause),
            "bare": lambda: run("bare", take_bare, bare.running.set, bare.running.clear)}, rounds)
        source.thread.stop()
        bare.stop()
        source.thread.join()
    return (speeds["ours"], speeds["bare"]), (cpu["ours"], cpu["bare"])


class Model(ModelDesc):
    """Three convolutions; a step takes some milliseconds."""

    def inputs(self):
        return [tf.TensorSpec((None,) + SMALL[1:], tf.float32, "image"), tf.TensorSpec((None,), tf.int32, "label")]

    def build_graph(self, image, label):
        with argscope(Conv2D, filters=32, kernel_size=3, activation=tf.nn.relu):
            x = LinearWrap(image).Conv2D("c0").MaxPooling("p0", 2).Conv2D("c1").MaxPooling("p1", 2).Conv2D("c2")()
        logits = FullyConnected("fc", GlobalAvgPooling("gap", x), 10)
        return tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(logits=logits, labels=label), name="cost")

    def optimizer(self):
        return tf.train.MomentumOptimizer(1e-3, 0.9)


class BareLoop(Callback):
    """Times each epoch, and after it as many steps of a bare loop: the same model in a graph of its own, fed by a callable."""

    def __init__(self, batches):
        self.ours, self.bare = [], []
        self._batches = itertools.cycle(batches)
        with tf.Graph().as_default():
            model, source, trainer = Model(), PlaceholderInput(), SimpleTrainer()
            trainer.setup_graph(model.get_input_signature(), source, model.build_graph, model.get_optimizer)
            sess = tf.Session(config=get_default_sess_config())
            sess.run(tf.global_variables_initializer())
            self._step = make_flat_callable(sess, [], [trainer.train_op], source.get_input_tensors())

    def _before_epoch(self):
        self._start = time.perf_counter()

    def _after_epoch(self):
        self.ours.append(self.trainer.steps_per_epoch / (time.perf_counter() - self._start))

    def _trigger_epoch(self):
        self.bare.append(1 / time_calls(lambda: self._step(*next(self._batches)), self.trainer.steps_per_epoch))


def training(make_input, steps, rounds):
    """Steps per second with this input and with the bare loop: a figure for each round."""
    rng = np.random.RandomState(0)
    batches = [[aligned(rng.rand(*SMALL).astype("float32")), rng.randint(0, 10, SMALL[0]).astype("int32")] for _ in range(4)]
    timer = BareLoop(batches)
    with tf.Graph().as_default():
        launch_train_with_config(
            TrainConfig(model=Model(), data=make_input(Batches(batches)), callbacks=[timer], monitors=[],
                        steps_per_epoch=steps, max_epoch=rounds + 1), SimpleTrainer())
    return timer.ours[1:], timer.bare[1:]


def row(what, unit, peer, target, speeds):
    """Speeds drift from round to round, hence the peer's figure is that which gives the median of the rounds' ratios."""
    ours, bare = speeds
    ratio = median([a / b for a, b in zip(ours, bare)])
    return Row(what, median(ours), unit, peer, median(ours) / ratio, target)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--batches", type=int, default=1500, help="handed over in each turn")
    parser.add_argument("--turns", type=int, default=41, help="of handing over")
    parser.add_argument("--steps", type=int, default=100, help="trained in each round")
    parser.add_argument("--json")
    args = parser.parse_args()
    pin_threads(2)
    logger.setLevel("WARNING")
    rows = []
    for dtype in ("uint8", "float32"):
        speeds, cpu = hand_over(dtype, args.batches, args.turns)
        what, peer = "QueueInput, 32x224x224x3 " + dtype, "bare enqueue of aligned arrays"
        rows += [row(what, "batches/s", peer, ">= 0.95", speeds), row(what, "CPU us/batch", peer, None, cpu)]
    for name, make_input in [("QueueInput", QueueInput), ("StagingInput", lambda flow: StagingInput(QueueInput(flow)))]:
        rows.append(row(name + ", convnet, batch 32", "steps/s", "bare loop that feeds the same batches", ">= 0.97",
                        training(make_input, args.steps, args.rounds)))
    report("Feeding inputs", rows, args.json, tensorflow=tensorflow_version(), rounds=args.rounds, turns=args.turns)


if __name__ == "__main__":
    main()
