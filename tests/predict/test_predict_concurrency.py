"""MultiThreadAsyncPredictor: batching, errors, and how it ends."""
import concurrent.futures
import threading

import numpy as np
import pytest

from tensorpack.compat import tfv1 as tf
from tensorpack.predict import OnlinePredictor
from tensorpack.predict.concurrency import MultiThreadAsyncPredictor

TIMEOUT = 20  # of what must not hang


@pytest.fixture
def sess():
    x = tf.placeholder(tf.float32, [None, 2], name="x")
    n = tf.placeholder(tf.float32, [None], name="n")
    tf.multiply(tf.reduce_sum(x, 1), 2, name="twice")
    tf.identity(n, name="same")
    tf.reduce_sum(n, name="total")
    tf.identity(tf.debugging.check_numerics(n, "not finite"), name="checked")
    with tf.Session() as session:
        yield session


class Gate(OnlinePredictor):
    """Waits for `opened` in each call, and remembers the sizes of its batches."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.opened, self.entered, self.sizes = threading.Event(), threading.Event(), []

    def _do_call(self, dp):
        self.entered.set()
        assert self.opened.wait(TIMEOUT)
        self.sizes.append(len(dp[0]))
        return super()._do_call(dp)


def predictor(sess, inputs=("n",), outputs=("same",), cls=OnlinePredictor, **kwargs):
    return cls(list(inputs), list(outputs), sess=sess, **kwargs)


def test_a_future_gives_the_row_of_its_sample(sess):
    with MultiThreadAsyncPredictor([predictor(sess, ["x", "n"], ["twice", "same"])] * 2) as pool:
        futures = [pool.put_task([[i, 1], i]) for i in range(50)]
        assert [f.result(TIMEOUT) for f in futures] == [[2 * i + 2, i] for i in range(50)]
        assert pool([3, 4], 5) == [14, 5]
        assert [t.name for t in pool.threads] == ["PredictorWorkerThread-0", "PredictorWorkerThread-1"]
        assert all(t.daemon for t in pool.threads) and pool.input_queue.maxsize == 200


def test_what_waits_is_batched_up_to_batch_size_without_waiting_for_more(sess):
    gate = predictor(sess, cls=Gate)
    with MultiThreadAsyncPredictor([gate], batch_size=3) as pool:
        futures = [pool.put_task([0])]
        assert gate.entered.wait(TIMEOUT)
        futures += [pool.put_task([i]) for i in range(1, 6)]
        gate.opened.set()
        assert [f.result(TIMEOUT)[0] for f in futures] == list(range(6))
    assert gate.sizes == [1, 3, 2]


def test_callbacks_get_the_future_and_a_failing_one_harms_nobody(sess):
    seen = []

    def fail(future):
        raise SystemExit("bad callback")

    with MultiThreadAsyncPredictor([predictor(sess)]) as pool:
        pool.put_task([1], fail)
        pool.put_task([2], lambda future: seen.append(future.result()))
        assert pool(3) == [3]
    assert seen == [[2]]


@pytest.mark.parametrize("output, bad, error, words", [
    ("checked", [np.nan], tf.errors.InvalidArgumentError, "not finite"),
    ("same", ["text"], ValueError, "could not convert"),
    ("same", [[1, 2]], ValueError, "shape"),
], ids=["tensorflow", "dtype", "shape"])
def test_an_error_reaches_the_futures_of_its_batch_and_the_worker_goes_on(sess, output, bad, error, words):
    with MultiThreadAsyncPredictor([predictor(sess, outputs=[output])], batch_size=1) as pool:
        futures = [pool.put_task(dp) for dp in ([1], bad, [2])]
        with pytest.raises(error, match=words):
            futures[1].result(TIMEOUT)
        assert futures[0].result(TIMEOUT) == [1] and futures[2].result(TIMEOUT) == [2]
        with pytest.raises(error):
            pool(*bad)
        assert pool.threads[0].is_alive()


def test_an_output_without_rows_is_told(sess):
    with MultiThreadAsyncPredictor([predictor(sess, outputs=["total"])]) as pool:
        with pytest.raises(ValueError, match=r"a row for each sample; got shape \(\) of total:0"):
            pool(1)


def test_a_closed_session_ends_the_workers_and_nobody_hangs(sess):
    gate = predictor(sess, cls=Gate)
    pool = MultiThreadAsyncPredictor([gate], batch_size=2)
    pool.start()
    futures = [pool.put_task([i]) for i in range(5)]
    assert gate.entered.wait(TIMEOUT)
    sess.close()
    gate.opened.set()
    for future in futures:
        with pytest.raises(concurrent.futures.CancelledError):
            future.result(TIMEOUT)
    pool.threads[0].join(TIMEOUT)
    assert not pool.threads[0].is_alive()
    for use in (lambda: pool.put_task([1]), lambda: pool(1)):
        with pytest.raises(RuntimeError, match="all have ended"):
            use()
    pool.close()


def test_a_put_that_waits_for_room_is_told_that_the_workers_are_gone(sess):
    gate = predictor(sess, cls=Gate)
    pool = MultiThreadAsyncPredictor([gate], batch_size=1)
    pool.start()
    pool.put_task([0])
    assert gate.entered.wait(TIMEOUT)
    for _ in range(pool.input_queue.maxsize):
        pool.put_task([1])
    with concurrent.futures.ThreadPoolExecutor(1) as executor:
        waiting = executor.submit(pool.put_task, [2])
        with pytest.raises(concurrent.futures.TimeoutError):
            waiting.result(0.3)
        sess.close()
        gate.opened.set()
        # either it is refused, or it got into the queue first and its future is cancelled
        try:
            with pytest.raises(concurrent.futures.CancelledError):
                waiting.result(TIMEOUT).result(TIMEOUT)
        except RuntimeError as e:
            assert "all have ended" in str(e)


def test_a_cancelled_task_is_left_out(sess):
    gate = predictor(sess, cls=Gate)
    with MultiThreadAsyncPredictor([gate], batch_size=5) as pool:
        pool.put_task([0])
        assert gate.entered.wait(TIMEOUT)
        cancelled, kept = pool.put_task([1]), pool.put_task([2])
        assert cancelled.cancel()
        gate.opened.set()
        assert kept.result(TIMEOUT) == [2]
    assert gate.sizes == [1, 1]


def test_close_finishes_what_is_queued_and_ends_the_threads(sess):
    pool = MultiThreadAsyncPredictor([predictor(sess)] * 3, batch_size=1)
    pool.start()
    futures = [pool.put_task([i]) for i in range(100)]
    pool.close()
    assert [f.result(0) for f in futures] == [[i] for i in range(100)]
    assert not any(t.is_alive() for t in pool.threads)
    pool.close()
    for use in (lambda: pool.put_task([1]), lambda: pool(1)):
        with pytest.raises(RuntimeError, match="after close"):
            use()
    with pytest.raises(RuntimeError, match="closed before"):
        pool.start()


def test_a_result_may_be_waited_for_while_another_thread_starts_it(sess):
    pool = MultiThreadAsyncPredictor([predictor(sess)])
    starter = threading.Timer(0.3, pool.start)
    starter.start()
    assert pool.put_task([1]).result() == [1]
    starter.join()
    pool.close()


def test_before_the_start_tasks_may_be_queued_but_nobody_waits_forever(sess, monkeypatch):
    monkeypatch.setattr("tensorpack.predict.concurrency._SECONDS_FOR_START", 0.2)
    pool = MultiThreadAsyncPredictor([predictor(sess)])
    with pytest.raises(RuntimeError, match=r"call start\(\) first"):
        pool(1)
    futures = [pool.put_task([i]) for i in range(100)]
    with pytest.raises(RuntimeError, match="queue is full"):
        pool.put_task([1])
    pool.start()
    assert futures[-1].result(TIMEOUT) == [99]
    with pytest.raises(RuntimeError, match="started before"):
        pool.start()
    pool.close()
    never_started = MultiThreadAsyncPredictor([predictor(sess)])
    future = never_started.put_task([1])
    for wait in future.result, future.exception:
        with pytest.raises(RuntimeError, match=r"put_task: must be started before one waits for .*; call start\(\) first"):
            wait()
    never_started.close()
    assert future.cancelled()


def test_a_call_by_a_callback_is_refused_and_a_put_is_not(sess):
    results = []

    def ask_again(future):
        try:
            pool(2)
        except RuntimeError as e:
            results.append(str(e))
        results.append(pool.put_task([3]))

    with MultiThreadAsyncPredictor([predictor(sess)]) as pool:
        pool.put_task([1], ask_again).result(TIMEOUT)
        while len(results) < 2:
            pool(0)
        assert "must not be called by a callback" in results[0] and results[1].result(TIMEOUT) == [3]


def test_predictors_without_a_session_get_the_default_one_of_start(sess):
    lonely = OnlinePredictor(["n"], ["same"])
    with MultiThreadAsyncPredictor([lonely]) as pool:  # the fixture has a default session
        assert pool(4) == [4] and lonely.sess is sess


def test_without_any_session_start_fails():
    pool = MultiThreadAsyncPredictor([OnlinePredictor(["n"], ["same"])])
    with pytest.raises(RuntimeError, match="start: there must be a session"):
        pool.start()


def test_inputs_by_name_are_refused_with_their_order(sess):
    online = predictor(sess, ("n", "same"), ("same",))
    for each in (online, MultiThreadAsyncPredictor([online])):
        with pytest.raises(TypeError, match=r"{}: its inputs must be given by position, in the order n, same; got n=, same=; "
                                            r"write predictor\(n, same\)".format(type(each).__name__)):
            each(same=1, n=2)
        with pytest.raises(TypeError, match="in the order n, same; got same="):
            each(2, same=1)


@pytest.mark.parametrize("make, error, words", [
    (lambda p: MultiThreadAsyncPredictor([]), ValueError, "at least one predictor"),
    (lambda p: MultiThreadAsyncPredictor([len]), TypeError, "list of OnlinePredictor"),
    (lambda p: MultiThreadAsyncPredictor(p()), TypeError, "list of OnlinePredictor"),
    (lambda p: MultiThreadAsyncPredictor([p(return_input=True)]), ValueError, "return_input=False"),
    (lambda p: MultiThreadAsyncPredictor([p(), p(inputs=["x", "n"])]), ValueError, "the same inputs; got 1 and 2"),
    (lambda p: MultiThreadAsyncPredictor([p()], batch_size=0), ValueError, "batch_size must be at least 1; got 0"),
    (lambda p: MultiThreadAsyncPredictor([p()]).put_task([1, 2]), ValueError, "must have 1 inputs; got 2"),
    (lambda p: MultiThreadAsyncPredictor([p()]).put_task(np.ones(1)), TypeError,
     r"must be a list of inputs; got float64 \(1,\); try \[dp\]"),
], ids=["none", "no predictor", "no list", "return_input", "inputs", "batch_size", "length", "array"])
def test_mistakes_are_told(sess, make, error, words):
    with pytest.raises(error, match=words):
        make(lambda **kwargs: predictor(sess, **kwargs))
