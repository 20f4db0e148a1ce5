"""Input sources in real trainings: whatever happens to the data, the training call ends, and with the right error."""
import os
import signal
import textwrap
import threading
import time
import traceback

import numpy as np
import pytest
from input_runner import Source

from tensorpack.callbacks.base import Callback
from tensorpack.callbacks.inference import ScalarStats
from tensorpack.callbacks.inference_runner import InferenceRunner
from tensorpack.callbacks.monitor import MonitorBase
from tensorpack.callbacks.summary import MergeAllSummaries
from tensorpack.compat import tfv1 as tf
from tensorpack.dataflow.base import DataFlowTerminated
from tensorpack.dataflow.raw import DataFromList
from tensorpack.input_source import FeedInput, QueueInput, StagingInput, TFDatasetInput
from tensorpack.train.trainers import SimpleTrainer

SIGNATURE = [tf.TensorSpec([None, 2], "float32", "image"), tf.TensorSpec([None], "int32", "label")]
POINT = [np.ones((4, 2), "float32"), np.arange(4, dtype="int32")]


class DiskError(Exception):
    pass


class Recorder(Callback):
    """Counts steps and remembers whether training was ended in order."""

    def __init__(self):
        self.steps = 0
        self.ended = False

    def _trigger_step(self):
        self.steps += 1

    def _after_train(self):
        self.ended = True


class Scalars(MonitorBase):
    def __init__(self):
        self.values = {}

    def process_scalar(self, name, val):
        self.values.setdefault(name, []).append(val)


def get_cost(image, label):
    w = tf.get_variable("w", [2], initializer=tf.zeros_initializer())
    return tf.reduce_mean(tf.square(tf.reduce_sum(image * w, 1) - tf.cast(label, tf.float32)), name="cost")


def train(source, steps=100, callbacks=(), monitors=(), max_epoch=1):
    trainer = SimpleTrainer()
    trainer.setup_graph(SIGNATURE, source, get_cost, lambda: tf.train.GradientDescentOptimizer(0.01))
    trainer.train_with_defaults(callbacks=list(callbacks), monitors=list(monitors), extra_callbacks=[],
                                steps_per_epoch=steps, max_epoch=max_epoch)
    return trainer


def feeding_threads():
    return [t for t in threading.enumerate() if "EnqueueThread" in t.name]


def broken_at(k, last):
    """k good datapoints, then what `last` returns or raises."""
    def numbers():
        for _ in range(k):
            yield POINT
        yield last()
    return Source(numbers)


def fail():
    raise DiskError("disk is gone")


def staged(ds):
    return StagingInput(QueueInput(ds))


BROKEN = [
    ("raises", fail, DiskError, "disk is gone"),
    ("wrong_shape", lambda: [np.ones((4, 3), "float32"), POINT[1]], ValueError,
     r"datapoint 7 .*component 0 \(input 'image'\), must be float32 \(\?, 2\); got float32 \(4, 3\)"),
    ("wrong_rank", lambda: [np.ones(2, "float32"), POINT[1]], ValueError, r"input 'image'.*got float32 \(2,\)"),
    ("wrong_dtype", lambda: [POINT[0], np.ones(4, "float32")], TypeError,
     r"component 1 \(input 'label'\), must be int32 \(\?\); got float32 \(4,\)"),
    ("missing_component", lambda: POINT[:1], ValueError, r"must have 2 components.*\['image', 'label'\]; got 1"),
    ("additional_component", lambda: POINT + [0], ValueError, "must have 2 components.*; got 3"),
]


@pytest.mark.parametrize("make", [QueueInput, FeedInput, TFDatasetInput, staged])
@pytest.mark.parametrize("last, error, words", [b[1:] for b in BROKEN], ids=[b[0] for b in BROKEN])
def test_broken_data_ends_training_with_its_own_error(make, last, error, words):
    recorder = Recorder()
    with pytest.raises(error, match=words) as info:
        train(make(broken_at(7, last)), callbacks=[recorder])
    # the last good datapoint is staged in the run that should stage the one after it as well
    assert recorder.steps == (6 if make is staged else 7) and recorder.ended
    assert feeding_threads() == []
    if error is DiskError:
        assert "fail" in [frame.name for frame in traceback.extract_tb(info.value.__traceback__)]


@pytest.mark.parametrize("make", [QueueInput, FeedInput, TFDatasetInput, staged])
def test_empty_dataflow_ends_training_with_an_error(make):
    with pytest.raises(ValueError, match="empty"):
        train(make(DataFromList([])))
    assert feeding_threads() == []


def test_generator_that_is_used_up_after_one_pass_ends_training_with_an_error():
    generator = iter([POINT] * 7)
    recorder = Recorder()
    with pytest.raises(ValueError, match="empty"):
        train(QueueInput(Source(lambda: generator)), callbacks=[recorder])
    assert recorder.steps == 7


def test_terminated_dataflow_ends_training_normally():
    def terminated():
        raise DataFlowTerminated()

    recorder = Recorder()
    train(QueueInput(broken_at(7, terminated)), callbacks=[recorder])
    assert recorder.steps == 7 and recorder.ended


@pytest.mark.parametrize("make", [QueueInput, FeedInput])
def test_short_dataflow_is_repeated_within_an_epoch(make):
    recorder = Recorder()
    train(make(DataFromList([POINT] * 3)), steps=10, callbacks=[recorder], max_epoch=2)
    assert recorder.steps == 20


def test_training_leaves_no_thread_with_a_full_queue():
    train(QueueInput(DataFromList([POINT])), steps=3)
    assert feeding_threads() == []


def test_stopping_in_the_middle_of_training_leaves_no_thread():
    class Stop(Callback):
        def _trigger_step(self):
            raise RuntimeError("enough")

    with pytest.raises(RuntimeError, match="enough"):
        train(QueueInput(DataFromList([POINT])), callbacks=[Stop()])
    assert feeding_threads() == []


@pytest.mark.parametrize("make", [QueueInput, staged])
def test_ctrl_c_while_the_feeding_thread_waits_for_room_ends_training(make):
    class Press(Callback):
        def _trigger_step(self):
            deadline = time.time() + 120
            while self.trainer.sess.run("QueueInput/queue_size:0") < 50 and time.time() < deadline:
                time.sleep(0.01)
            self.start = time.time()
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(120)  # the interrupt comes in here

    press, recorder = Press(), Recorder()
    with pytest.raises(KeyboardInterrupt):
        train(make(DataFromList([POINT])), callbacks=[press, recorder])
    assert time.time() - press.start < 100
    assert recorder.ended and feeding_threads() == []


def test_callbacks_of_the_input_come_first():
    trainer = train(QueueInput(DataFromList([POINT])), steps=1)
    names = [str(cb) for cb in trainer._callbacks.cbs]
    assert names[:5] == ["CallbackFactory", "StartProcOrThread", "RunOp", "CallbackFactory", "MaintainStepCounter"]


def test_queue_size_reaches_the_monitors():
    scalars = Scalars()
    train(QueueInput(DataFromList([POINT])), steps=20, callbacks=[MergeAllSummaries()], monitors=[scalars], max_epoch=2)
    assert len(scalars.values["QueueInput/queue_size"]) == 2
    sizes = scalars.values["QueueInput/queue_size"]
    assert min(sizes) >= 0 and max(sizes) <= 50 + 1e-5  # the average of 50s can be one float32 step above


def test_refill_queue_inside_training():
    source = QueueInput(Source(lambda: ([POINT[0], POINT[1] * 0 + n] for n in range(10 ** 6))))
    seen = []

    class Watch(Callback):
        def _setup_graph(self):
            self.label = self.graph.get_tensor_by_name("QueueInput/input_deque:1")

        def _before_run(self, ctx):
            return tf.train.SessionRunArgs(self.label)

        def _after_run(self, ctx, values):
            seen.append(int(values.results[0]))

        def _trigger_epoch(self):
            source.refill_queue()

    train(source, steps=5, callbacks=[Watch()], max_epoch=3)
    assert seen == [0, 1, 2, 3, 4] * 3


# ---- inference ------------------------------------------------------------------------------------------------------

def validate(source):
    scalars = Scalars()
    runner = InferenceRunner(source, ScalarStats("cost"))
    train(FeedInput(DataFromList([POINT])), steps=2, callbacks=[runner], monitors=[scalars])
    return scalars.values["validation_cost"]


@pytest.mark.parametrize("make", [lambda ds: ds, lambda ds: FeedInput(ds, infinite=False), QueueInput],
                         ids=["DataFlow", "FeedInput", "QueueInput"])
def test_inference_runs_over_all_data(make):
    assert len(validate(make(DataFromList([POINT] * 3)))) == 1
    assert feeding_threads() == []


class Sized(Source):
    """Says that it has 20 datapoints."""

    def __len__(self):
        return 20


@pytest.mark.parametrize("make", [lambda ds: ds, QueueInput], ids=["DataFlow", "QueueInput"])
@pytest.mark.parametrize("last, error, words", [b[1:] for b in BROKEN], ids=[b[0] for b in BROKEN])
def test_broken_data_of_an_inference_ends_training_with_its_own_error(make, last, error, words):
    with pytest.raises(error, match=words):
        validate(make(Sized(broken_at(7, last).function)))
    assert feeding_threads() == []


# ---- the process ----------------------------------------------------------------------------------------------------

SCRIPT = """
    from tensorpack.compat import tfv1 as tf
    from tensorpack.dataflow.common import MapData
    from tensorpack.dataflow.raw import DataFromList
    from tensorpack.input_source import QueueInput
    from tensorpack.train.trainers import SimpleTrainer

    def decode_datapoint(dp):
        if dp[0] == 30:
            raise KeyError("image-30")
        return dp

    def get_cost(x):
        return tf.square(tf.get_variable("w", []) - tf.cast(x, tf.float32))

    trainer = SimpleTrainer()
    trainer.setup_graph([tf.TensorSpec([], "int32", "x")],
                        QueueInput(MapData(DataFromList([[n] for n in range(100)], shuffle=False), decode_datapoint)),
                        get_cost, lambda: tf.train.GradientDescentOptimizer(0.01))
    trainer.train_with_defaults(steps_per_epoch=1000, max_epoch=3)
    print("not reached")
"""


def test_process_ends_with_the_traceback_and_a_bad_status(run_program, tmp_path):
    script, errors = tmp_path / "script.py", tmp_path / "errors"
    script.write_text(textwrap.dedent(SCRIPT))
    status, output = run_program(script, folder=tmp_path, errors=errors)
    assert status != 0
    assert "KeyError: 'image-30'" in errors.read_text() and "decode_datapoint" in errors.read_text()
    assert "not reached" not in output
