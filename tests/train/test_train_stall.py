"""A step, or another run of the session, that waits for long is told of; one that waits for ever is an error."""
import threading
import time

import numpy as np
import pytest
from queue_pipelines import range_input, train
from stalls import SECONDS, report_of, reports

from tensorpack import Callback, DataFlow, FeedInput, InferenceRunner, QueueInput, ScalarStats, SimpleTrainer
from tensorpack.callbacks.trigger import PeriodicTrigger
from tensorpack.compat import tfv1 as tf
from tensorpack.input_source.input_source import StagingInput
from tensorpack.input_source.input_source_base import remap_input_source
from tensorpack.tfutils._session.session_call import frames_from
from tensorpack.tfutils._session.stall import StallWatch, default_stall_seconds


class Trainer(SimpleTrainer):
    STALL_SECONDS = SECONDS


class Flow(DataFlow):
    """0, 1, 2, ...; takes a nap before number `slow`."""

    def __init__(self, slow=10 ** 9, size=10 ** 9):
        self.slow, self.size = slow, size

    def __len__(self):
        return self.size

    def __iter__(self):
        for number in range(self.size):
            if number == self.slow:
                self.take_a_nap()
            yield [np.float32(number)]

    def take_a_nap(self):
        time.sleep(4 * SECONDS)


def slow_queue():
    """Holds one datapoint, so that a nap is not over before the step that waits for its end."""
    return QueueInput(Flow(slow=6), queue=tf.FIFOQueue(1, [tf.float32]))


# ---- what is told of a wait


@pytest.mark.parametrize("make, words", [
    (slow_queue, ["QueueInput of", "QueueInput/input_deque (QueueDequeueV2): takes from the queue", "holds 0 elements and is",
                  "is filled by the thread EnqueueThread", "TestDataSpeed"]),
    (lambda: StagingInput(slow_queue()), ["StagingInput over QueueInput of", "StagingArea_put (Stage): puts into",
                                          "StagingArea_get (Unstage): takes from", "filled by StagingInput/StagingArea_put"]),
    (lambda: FeedInput(Flow(slow=6)), ["FeedInput of", "which gave 6 datapoints", "It is in Python code"]),
    (lambda: remap_input_source(FeedInput(Flow(slow=6)), ["number"]), ["FeedInput of", "which gave 6 datapoints"])],
    ids=["queue", "staging", "feed", "remapped"])
def test_a_step_that_hangs(make, words, log_records):
    assert len(train(make(), steps=8, trainer=Trainer())) == 8
    report = report_of(log_records, "take_a_nap", "run_step")
    assert "Step 6 of epoch 1 (global step 6)" in report or "Step 5 of epoch 1 (global step 5)" in report
    for word in words + [ "Thread MainThread", "trainer.hooked_sess", "TENSORPACK_STALL_SECONDS"]:
        assert word in report, report


def test_a_queue_of_a_queue_runner(log_records):
    def slow():
        slow.calls += 1
        time.sleep(3 * SECONDS if slow.calls == 5 else 0)
        return np.float32(1)

    def pipeline():
        number = tf.py_func(slow, [], tf.float32)
        number.set_shape([])
        return tf.train.batch([number], 1, capacity=1, name="pipeline")

    slow.calls = 0
    train(pipeline, steps=6, trainer=Trainer())
    assert report_of(log_records, ", in slow\n", (
        "takes from the queue 'TensorInput/pipeline/fifo_queue', which holds 0 elements and is filled by the thread "
        "QueueRunnerThread-TensorInput/pipeline/fifo_queue-"))


@pytest.mark.parametrize("has_enqueue", [True, False])
def test_a_queue_that_nobody_fills(has_enqueue, log_records):
    """A program that forgot its queue runner; here the test fills the queue in the end."""
    class Fill(Callback):
        def _before_train(self):
            sess = self.trainer.sess
            run = (lambda: [sess.run(enqueue) for _ in range(3)]) if has_enqueue else lambda: sess.run(close)
            self.timer = threading.Timer(3 * SECONDS, run)
            self.timer.start()

        def _after_train(self):
            self.timer.join()

    queue = tf.FIFOQueue(5, [tf.float32], [[]], name="forgotten")
    enqueue, close = queue.enqueue(1.) if has_enqueue else None, queue.close()
    train(queue.dequeue, steps=3, trainer=Trainer(), callbacks=[Fill()])
    expected = "who runs forgotten_enqueue? A QueueRunner has to be in" if has_enqueue else "filled by nothing in the graph"
    assert report_of(log_records, "Step 0 of epoch 1", expected)


def test_a_pass_of_an_inference_runner(log_records):
    runner = InferenceRunner(QueueInput(Flow(slow=2, size=4), queue=tf.FIFOQueue(1, [tf.float32])), ScalarStats("seen"))
    train(range_input, steps=3, trainer=Trainer(), callbacks=[runner])
    assert report_of(log_records, "Outside of the steps, after step 2 of epoch 1", "input_deque", "take_a_nap",
                     "[InferenceRunner] 2 datapoints of 4 are done; input: QueueInput of")


def test_a_new_pass_that_takes_long_to_begin(log_records):
    class Preparing(Flow):
        passes = 0

        def __iter__(self):
            self.passes += 1
            if self.passes == 2:  # the first one begins before training
                self.take_a_nap()
            return super().__iter__()

    runner = InferenceRunner(Preparing(size=2), ScalarStats("seen"))
    train(range_input, steps=3, max_epoch=2, trainer=Trainer(), callbacks=[runner])
    assert report_of(log_records, "a reset of the input has been running for", "take_a_nap",
                     "[InferenceRunner] 0 datapoints of 2 are done; input: FeedInput of")


def test_an_inference_runner_behind_a_trigger_that_is_fed(log_records):
    runner = InferenceRunner(Flow(slow=2, size=4), ScalarStats("seen"))
    train(range_input, steps=3, trainer=Trainer(), callbacks=[PeriodicTrigger(runner, every_k_epochs=1)])
    assert report_of(log_records, "[InferenceRunner] 2 datapoints of 4 are done; input: FeedInput of", "take_a_nap")


# ---- what is no wait


class Busy(Callback):
    """Takes its time, without and with short runs of the session."""

    def _trigger_epoch(self):
        time.sleep(2 * SECONDS)
        deadline = time.time() + 3 * SECONDS
        while time.time() < deadline:
            self.trainer.sess.run("weight:0")


def test_callbacks_may_take_their_time(log_records):
    train(range_input, steps=3, trainer=Trainer(), callbacks=[Busy()])
    assert not [report for report in reports(log_records) if "_trigger_epoch" in report]


@pytest.mark.parametrize("never", [None, 0])
def test_nothing_is_watched_when_the_time_is_none(never, log_records):
    class Silent(SimpleTrainer):
        STALL_SECONDS = never

    class Looking(Callback):
        def _trigger_step(self):
            seen.update(threading.enumerate())

    earlier, seen = set(threading.enumerate()), set()
    train(slow_queue(), steps=8, trainer=Silent(), callbacks=[Looking()])
    assert not reports(log_records)
    assert not [thread for thread in seen - earlier if thread.name == "StallWatch"]


def test_a_slow_first_step_is_told_of_and_goes_on(log_records):
    class Prepares(Callback):
        def _setup_graph(self):
            self.op = tf.py_func(lambda: time.sleep(3 * SECONDS) if self.global_step == 0 else None, [], [])

        def _before_run(self, ctx):
            return [self.op]

    assert len(train(range_input, steps=3, trainer=Trainer(), callbacks=[Prepares()])) == 3
    assert "PyFunc" in report_of(log_records, "Step 0 of epoch 1", "time.sleep(3 * SECONDS)")


@pytest.mark.parametrize("ends", [False, True])
def test_a_call_that_ends_while_its_report_is_made_is_not_reported(ends, log_records):
    """The stacks would be those of what came after it."""
    over, is_made = threading.Event(), threading.Event()

    def call():
        over.wait(60)

    thread = threading.Thread(target=call)

    def find(frames):
        calls = [frame for frame in frames_from(frames.get(thread.ident)) if frame.f_code is call.__code__]
        return {thread.ident: calls[0]} if calls else {}

    def report(held):
        if ends:
            over.set()
            thread.join()
        is_made.set()
        return "a report"

    watch = StallWatch(0.2, find, report)
    thread.start()
    watch.start()
    assert is_made.wait(60)
    watch.end_and_wait()
    over.set()
    thread.join()
    assert [r.getMessage() for r in log_records if r.levelname == "WARNING"] == ([] if ends else ["a report"])


@pytest.mark.parametrize("text, seconds", [("", 300), ("7.5", 7.5), ("0", None), ("-1", None), ("soon", 300)])
def test_the_environment_sets_the_time(text, seconds, monkeypatch, log_records):
    monkeypatch.setenv("TENSORPACK_STALL_SECONDS", text)
    assert default_stall_seconds() == seconds
    assert bool([r for r in log_records if "must be a number of seconds" in r.getMessage()]) == (text == "soon")


# ---- what is hopeless; each of these would hang, most of them without reacting to Ctrl-C


PROGRAM = """
    import os, signal, threading, time
    from tensorpack.train.base import Trainer
    from tensorpack.dataflow.base import DataFlowTerminated
    from tensorpack.train.trainers import SyncMultiGPUTrainerReplicated
    class Model(ModelDesc):
        def inputs(self):
            return [tf.TensorSpec([], tf.float32, "x")]
        def build_graph(self, x):
            tf.identity(x, name="seen")
            return tf.get_variable("w", [], initializer=tf.ones_initializer()) * x
        def optimizer(self):
            return tf.train.GradientDescentOptimizer(0.1)
    Trainer.STALL_SECONDS = 0.4
    class Flow(DataFlow):
        def __init__(self, end, size=12):
            self.end, self.size = end, size
        def __iter__(self):
            for n in range(self.size):
                yield [np.float32(n)]
            self.end()
    def terminate():
        raise DataFlowTerminated()
    def fail():
        raise ArithmeticError("of the flow")
    class Take(Callback):
        def __init__(self, name, at, run=lambda cb, name: cb.trainer.sess.run(name)):
            self.name, self.at, self.run = name, at, run
        def _trigger_step(self):
            if self.global_step in self.at:
                print("TAKEN", self.run(self, self.name), flush=True)
        def _after_train(self):
            print("AFTER TRAIN", flush=True)
    def train(data, *callbacks, trainer=None, steps=20):
        config = TrainConfig(model=Model(), data=data, callbacks=list(callbacks), monitors=[], extra_callbacks=[],
                             steps_per_epoch=steps, max_epoch=1)
        launch_train_with_config(config, trainer or SimpleTrainer())
        print("ENDED", flush=True)
"""


@pytest.fixture
def run(run_code):
    return lambda code, **kwargs: run_code(PROGRAM + code, **kwargs)


@pytest.mark.parametrize("nr_stage, trainer, name", [
    (1, "SimpleTrainer()", "seen:0"), (2, "SyncMultiGPUTrainerReplicated(2, device_type='cpu')", "tower1/seen:0")])
def test_a_callback_that_takes_all_staged_data_is_an_error(nr_stage, trainer, name, run):
    """It is helped once. With two towers on few cores, the step may be what waits first."""
    output = run("""
    train(StagingInput(QueueInput(Flow(terminate, 99)), nr_stage={}), Take("{}", range(9)), trainer={}, steps=5)
    """.format(nr_stage, name, trainer), status=1)
    assert nr_stage <= output.count("TAKEN") <= nr_stage + 1 and "AFTER TRAIN" in output and "ENDED" not in output
    assert output.count("For this once another datapoint is staged") == 1
    last_line = output.rstrip().split("\n")[-1]
    for word in ["RuntimeError: ", "waits for ever", "staged datapoint", "trainer.hooked_sess", " of epoch 1"]:
        assert word in last_line, output
    assert "StagingArea_get (Unstage)" in output and "The threads of this process" in output


def test_a_callback_that_takes_many_at_once_is_an_error(run):
    output = run("""
    train(StagingInput(QueueInput(Flow(terminate, 99))),
          Take("seen:0", [1], lambda cb, name: [cb.trainer.sess.run(name) for _ in range(9)]), steps=5)
    """, status=1)
    assert "TAKEN" not in output and "waits for ever" in output.rstrip().split("\n")[-1]


def test_the_hooked_session_takes_and_puts(run):
    output = run("""
    train(StagingInput(QueueInput(Flow(terminate))), Take("seen:0", [3], lambda cb, name: cb.trainer.hooked_sess.run(name)),
          steps=5)
    """)
    assert "TAKEN 3.0" in output and "ENDED" in output


@pytest.mark.parametrize("data, status, words", [
    ("QueueInput(Flow(terminate))", 0, "the data ended"), ("QueueInput(Flow(fail))", 1, "ArithmeticError: of the flow"),
    ("TensorInput(lambda: [tf.cast(tf.train.range_input_producer(12, 1).dequeue(), tf.float32)])", 0, "the data ended")])
def test_an_empty_staging_area_does_not_hide_the_end_of_the_data(data, status, words, run):
    """The step waits to take what its own put cannot put any more."""
    output = run("""
    train(StagingInput({}), Take("seen:0", [3]))
    """.format(data), status=status)
    assert output.count("TAKEN") == 1 and "AFTER TRAIN" in output and words in output


def test_a_run_that_computes_with_the_last_staged_datapoint_is_left_alone(run):
    """It cannot be told from one that waits, except by trying."""
    output = run("""
    class Slow(Take):
        def _setup_graph(self):
            seen = tf.get_default_graph().get_tensor_by_name("seen:0")
            self.name = tf.py_func(lambda x: (time.sleep(2), x)[1], [seen], tf.float32)
    train(StagingInput(QueueInput(Flow(terminate))), Slow(None, [3]), steps=6)
    """)
    assert "TAKEN 3.0" in output and "ENDED" in output and "Outside of the steps" in output


def test_ctrl_c_ends_the_wait_for_a_staged_datapoint(run):
    output = run("""
    Trainer.STALL_SECONDS = None
    class Interrupted(Take):
        def _trigger_step(self):
            if self.global_step == 2:
                threading.Timer(1, os.kill, [os.getpid(), signal.SIGINT]).start()
            super()._trigger_step()
    try:
        train(StagingInput(QueueInput(Flow(terminate))), Interrupted("seen:0", range(9)))
    except KeyboardInterrupt:
        print("INTERRUPTED")
    """)
    assert output.count("TAKEN") == 1 and "AFTER TRAIN" in output and "INTERRUPTED" in output


def test_the_error_of_a_queue_runner_without_a_coordinator_is_the_error_of_the_training(run):
    """As scripts start them; then nobody closes the queue of one that fails."""
    output = run("""
    from tensorpack.tfutils.sesscreate import NewSessionCreator, SessionCreatorAdapter
    def pipeline():
        x = tf.py_func(lambda: np.float32(1 / next(numbers)), [], tf.float32)
        x.set_shape([])
        return [tf.train.batch([x], 1)[0]]
    numbers = iter([3, 2, 1, 0])
    def start(sess):
        tf.train.start_queue_runners(sess)
        return sess
    config = TrainConfig(model=Model(), data=TensorInput(pipeline), monitors=[], steps_per_epoch=10,
                         session_creator=SessionCreatorAdapter(NewSessionCreator(), start))
    launch_train_with_config(config, SimpleTrainer())
    """, status=1)
    assert "ZeroDivisionError: division by zero" in output.rstrip().split("The above exception was")[-1]
