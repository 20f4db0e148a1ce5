"""A prediction that waits for data for long is told of."""
import threading
import time

import numpy as np
import pytest
from stalls import SECONDS, report_of, reports

from tensorpack.compat import tfv1 as tf
from tensorpack.dataflow.base import DataFlow
from tensorpack.input_source.input_source import FeedInput, QueueInput
from tensorpack.predict import MultiThreadAsyncPredictor, OfflinePredictor, OnlinePredictor, PredictConfig
from tensorpack.predict.dataset import SimpleDatasetPredictor
from tensorpack.predict.feedfree import FeedfreePredictor
from tensorpack.tfutils.sesscreate import NewSessionCreator, SessionCreatorAdapter

SIGNATURE = [tf.TensorSpec((), tf.float32, "x")]


_earlier = set()  # watches that tests before have left to the garbage collector


@pytest.fixture(autouse=True)
def soon(monkeypatch):
    _earlier.clear()
    _earlier.update(watches())
    monkeypatch.setattr("tensorpack.predict.base.PredictorBase.STALL_SECONDS", SECONDS)


def config(function, **kwargs):
    return PredictConfig(tower_func=function, input_signature=SIGNATURE, output_names=["y"], **kwargs)


def watches():
    return [thread for thread in threading.enumerate() if thread.name == "StallWatch" and thread not in _earlier]


def assert_watches_end():
    deadline = time.time() + 10
    while watches() and time.time() < deadline:
        time.sleep(0.05)
    assert not watches()


class SlowFlow(DataFlow):
    def __iter__(self):
        yield [np.float32(1)]
        self.take_a_nap()
        yield [np.float32(2)]

    def take_a_nap(self):
        time.sleep(3 * SECONDS)


def add_from_queue(x):
    queue = tf.FIFOQueue(5, [tf.float32], [[]], name="mine")
    queue.enqueue(10., name="fill")
    tf.add(x, queue.dequeue(name="take"), name="y")


def test_a_call_that_waits_for_a_queue(log_records):
    with OfflinePredictor(config(add_from_queue)) as predictor:
        timer = threading.Timer(3 * SECONDS, lambda: predictor.sess.run("fill"))
        timer.start()
        assert predictor(1) == [11]
        timer.join()
    assert report_of(log_records, "A call of OfflinePredictor", "take (QueueDequeueV2): takes from the queue 'mine'",
                     "who runs fill?", "_do_call", "TENSORPACK_STALL_SECONDS")
    assert_watches_end()


def test_calls_of_several_threads(log_records):
    with OfflinePredictor(config(add_from_queue)) as predictor:
        threads = [threading.Thread(target=predictor, args=(1,), name="caller") for _ in range(2)]
        for thread in threads:
            thread.start()
        time.sleep(3 * SECONDS)
        predictor.sess.run("fill"), predictor.sess.run("fill")
        for thread in threads:
            thread.join(120)
    assert len([report for report in reports(log_records) if "Thread caller" in report]) == 2


def test_workers_of_an_asynchronous_predictor(log_records):
    with tf.Session() as sess:
        x = tf.placeholder(tf.float32, [None], "x")
        queue = tf.FIFOQueue(5, [tf.float32], [[]])
        fill = queue.enqueue(10.)
        predictor = MultiThreadAsyncPredictor([OnlinePredictor([x], [x + queue.dequeue()], sess=sess)])
        with sess.as_default():
            with predictor:
                future = predictor.put_task([np.float32(1)])
                time.sleep(3 * SECONDS)
                sess.run(fill)
                assert future.result(20) == [11]
    assert report_of(log_records, "A call of OnlinePredictor", "Thread PredictorWorkerThread-0")


@pytest.mark.parametrize("source", [QueueInput, FeedInput])
def test_a_call_that_waits_for_a_dataflow(source, log_records):
    with FeedfreePredictor(config(lambda x: tf.multiply(x, 10., name="y")), source(SlowFlow())) as predictor:
        assert predictor() == [10] and predictor() == [20]
    assert report_of(log_records, "A call of FeedfreePredictor", source.__name__ + " of", "take_a_nap")
    assert_watches_end()


def test_a_dataset_predictor_that_waits_for_its_data(log_records, monkeypatch):
    monkeypatch.setattr("tensorpack.predict.dataset.DatasetPredictorBase.STALL_SECONDS", SECONDS)
    predictor = SimpleDatasetPredictor(config(lambda x: tf.multiply(x, 10., name="y")), SlowFlow())
    with predictor.predictor:
        assert predictor.get_all_result() == [[10], [20]]
    assert report_of(log_records, "A call of SimpleDatasetPredictor", "The DataFlow is SlowFlow", "take_a_nap")
    assert_watches_end()


def test_calls_that_cannot_wait_are_not_watched():
    with OfflinePredictor(config(lambda x: tf.multiply(x, 10., name="y"))) as predictor:
        assert predictor(1) == [10] and not watches()


def add_one_in_python(x):
    tf.add(x, tf.py_func(lambda: np.float32(1), [], tf.float32), name="y")


def test_the_watch_ends_with_the_predictor():
    predictor = OfflinePredictor(config(add_one_in_python))
    assert predictor(1) == [2] and watches()
    del predictor
    assert_watches_end()


def test_nothing_is_watched_when_the_time_is_none(monkeypatch):
    monkeypatch.setattr("tensorpack.predict.base.PredictorBase.STALL_SECONDS", None)
    with OfflinePredictor(config(add_one_in_python)) as predictor:
        assert predictor(1) == [2] and not watches()


def test_the_error_of_a_queue_runner_without_a_coordinator_is_raised():
    def function(x):
        number = tf.py_func(lambda: np.float32(1 // 0), [], tf.float32)
        number.set_shape([])
        tf.add(x, tf.train.batch([number], 1)[0], name="y")

    def start(sess):
        threads = tf.train.start_queue_runners(sess)
        for thread in threads:
            thread.join(120)
        return sess

    hook, threading.excepthook = getattr(threading, "excepthook", None), lambda *args: None  # it is not to fail the test
    try:
        predictor = OfflinePredictor(config(function, session_creator=SessionCreatorAdapter(NewSessionCreator(), start)))
    finally:
        threading.excepthook = hook
    with predictor, pytest.raises(tf.errors.OpError, match="ZeroDivisionError"):
        predictor(1)
