"""Predictors of models that read from queues: the queue runners that they need work while the predictor is open."""
import threading

import numpy as np
import pytest

from tensorpack.compat import tfv1 as tf
from tensorpack.dataflow.raw import DataFromList
from tensorpack.input_source.input_source import QueueInput, StagingInput, TensorInput
from tensorpack.predict import OfflinePredictor, PredictConfig
from tensorpack.predict.feedfree import FeedfreePredictor
from tensorpack.predict.multigpu import DataParallelOfflinePredictor, MultiTowerOfflinePredictor
from tensorpack.tfutils.sesscreate import ReuseSessionCreator

SIGNATURE = [tf.TensorSpec((), tf.float32, "x")]


def numbers(limit, num_epochs=None, name=None):
    return tf.cast(tf.train.range_input_producer(limit, num_epochs, shuffle=False, name=name).dequeue(), tf.float32)


def batched(number, name):
    return tf.train.batch([number], 1, name=name)[0]


def failing():
    number = tf.py_func(lambda: np.float32(1 // 0), [], tf.float32)
    number.set_shape([])
    return number


def build(x):
    """y = x + 0, 1, 2, 0, ...; two queues, and a third one that y does not need."""
    tf.add(x, batched(numbers(3, name="range"), "batch"), name="y")
    batched(failing(), "broken")


def config(function=build, **kwargs):
    return PredictConfig(**dict(dict(tower_func=function, input_signature=SIGNATURE, output_names=["y"]), **kwargs))


@pytest.fixture(autouse=True)
def no_thread_is_left():
    yield
    assert runner_threads() == []


def runner_threads():
    return sorted(thread.name for thread in threading.enumerate() if thread.name.startswith("QueueRunnerThread"))


def test_the_runners_that_the_outputs_need_work():
    with OfflinePredictor(config()) as predictor:
        assert [predictor(10)[0] for _ in range(4)] == [10, 11, 12, 10]
        assert not any("broken" in name for name in runner_threads())
        assert {name.split("-")[1] for name in runner_threads()} == {"range", "batch/fifo_queue"}


def test_what_is_fed_needs_none():
    def function(x):
        tf.add(x, tf.identity(batched(numbers(3), "batch"), name="number"), name="y")

    with OfflinePredictor(config(function, input_names=["x", "number"])) as predictor:
        assert predictor(1, 2) == [3] and runner_threads() == []


@pytest.mark.parametrize("make, predictors", [
    (MultiTowerOfflinePredictor, lambda x: x.get_predictors()), (DataParallelOfflinePredictor, lambda x: [x])])
def test_of_several_towers(make, predictors):
    with make(config(), [0, 1] if make is MultiTowerOfflinePredictor else [0]) as predictor:
        for each in predictors(predictor):
            assert [each(10)[0] for _ in range(4)] == [10, 11, 12, 10]


def test_the_end_of_the_data_and_an_error_are_told_apart():
    with OfflinePredictor(config(lambda x: tf.add(x, batched(numbers(2, 1), "batch"), name="y"))) as predictor:
        assert [predictor(10)[0] for _ in range(2)] == [10, 11]
        with pytest.raises(tf.errors.OutOfRangeError):
            predictor(10)

    with OfflinePredictor(config(lambda x: tf.add(x, batched(failing(), "batch"), name="y"))) as predictor:
        with pytest.raises(tf.errors.OpError, match="ZeroDivisionError"):
            predictor(10)


def test_they_end_with_the_predictor_that_nobody_holds():
    predictor = OfflinePredictor(config())
    assert predictor(1) == [1]
    threads = [thread for thread in threading.enumerate() if thread.name.startswith("QueueRunnerThread")]
    del predictor
    for thread in threads:
        thread.join(120)


def test_a_session_of_the_users_own_keeps_what_it_had():
    with tf.Graph().as_default(), tf.Session() as sess:
        numbers(5, name="other")
        coord = tf.train.Coordinator()
        others = tf.train.start_queue_runners(sess, coord)
        with OfflinePredictor(config(create_graph=False, session_creator=ReuseSessionCreator(sess))) as predictor:
            assert [predictor(10)[0] for _ in range(4)] == [10, 11, 12, 10]
        coord.request_stop()
        coord.join(others)


@pytest.mark.parametrize("wrap", [lambda source: source, StagingInput], ids=["", "staged"])
def test_an_input_source_of_queues(wrap):
    source = wrap(TensorInput(lambda: [numbers(3)]))
    with FeedfreePredictor(config(lambda x: tf.multiply(x, 10., name="y")), source) as predictor:
        assert [predictor()[0] for _ in range(4)] == [0, 10, 20, 0]


def test_an_error_of_an_input_source_of_queues():
    source = TensorInput(lambda: [batched(failing(), "batch")])
    with FeedfreePredictor(config(lambda x: tf.multiply(x, 10., name="y")), source) as predictor:
        with pytest.raises(tf.errors.OpError, match="ZeroDivisionError"):
            predictor()


def test_a_model_behind_an_input_source_may_have_queues():
    with FeedfreePredictor(config(lambda x: tf.add(x, numbers(3), name="y")),
                           QueueInput(DataFromList([[np.float32(5)]]))) as predictor:
        assert [predictor()[0] for _ in range(3)] == [5, 6, 7]
