import gc
import threading
import time
import traceback
import weakref

import numpy as np
import pytest
from input_runner import NUMBER, Source, counting, running

from tensorpack.compat import tfv1 as tf
from tensorpack.dataflow.base import DataFlowReentrantGuard, DataFlowTerminated
from tensorpack.dataflow.raw import DataFromList
from tensorpack.input_source import QueueInput, remap_input_source
from tensorpack.utils._buffers import BufferPool, aligned_empty


def wait_until(condition, seconds=120):
    deadline = time.time() + seconds
    while not condition():
        assert time.time() < deadline, "waited in vain"
        time.sleep(0.005)


def steps_until_the_end(run):
    """What the steps give until the queue ends."""
    values = []
    with pytest.raises(tf.errors.OutOfRangeError):
        while True:
            values.append(run.step()[0])
    return values


# ---- the graph ------------------------------------------------------------------------------------------------------

def test_graph_has_the_names_of_the_contract():
    source = QueueInput(counting())
    callbacks = source.setup(NUMBER)
    graph = tf.get_default_graph()
    for name in ["x", "QueueInput/input_queue", "QueueInput/input_queue_enqueue", "QueueInput/input_queue_Close",
                 "QueueInput/dequeue_for_reset", "QueueInput/input_queue_Size", "QueueInput/queue_size",
                 "QueueInput/queue_size-summary"]:
        graph.get_operation_by_name(name)
    assert source.queue.name == "QueueInput/input_queue"
    assert {v.op.name for v in tf.local_variables()} >= {"EMA/QueueInput/queue_size"}
    assert tf.global_variables() == [] and tf.trainable_variables() == []
    assert [t.op.name for t in tf.get_collection(tf.GraphKeys.SUMMARIES)] == ["QueueInput/queue_size-summary"]
    assert tf.get_collection("MOVING_SUMMARY_OPS") == []
    assert [str(cb) for cb in callbacks] == ["CallbackFactory", "StartProcOrThread", "RunOp", "CallbackFactory"]
    callbacks[2].setup_graph(None)
    assert any(op.name.startswith("InputSource/EMA/") for op in graph.get_operations())


def test_queue_inside_a_callback_gets_its_scope_but_placeholders_are_at_the_root():
    with tf.name_scope("InferenceRunner"):
        source = QueueInput(counting())
        source.setup(NUMBER)
    assert source.queue.name == "InferenceRunner/QueueInput/input_queue"
    tf.get_default_graph().get_operation_by_name("x")


def test_each_tower_gets_its_own_dequeue_on_the_cpu_with_static_shapes():
    source = QueueInput(DataFromList([[1]]))
    source.setup([tf.TensorSpec([None, 3], "float32", "a"), tf.TensorSpec(None, "string", "b")])
    with tf.device("/gpu:0"):
        first = source.get_input_tensors()
        with tf.name_scope("tower1"):
            second = source.get_input_tensors()
    assert [t.op.name for t in first] == ["QueueInput/input_deque"] * 2
    assert [t.op.name for t in second] == ["QueueInput/input_deque_1"] * 2
    assert first[0].shape.as_list() == [None, 3] and first[1].shape.ndims is None
    assert "cpu:0" in first[0].device.lower()


def test_model_without_inputs_is_refused():
    with pytest.raises(ValueError, match="QueueInput: the model must have inputs"):
        QueueInput(counting()).setup([])


def test_given_queue_is_used():
    queue = tf.RandomShuffleQueue(20, 5, ["int32"], name="mine")
    source = QueueInput(counting(), queue)
    with running(source) as run:
        assert source.queue is queue
        values = [run.step()[0] for _ in range(100)]
    assert values != sorted(values) and len(set(values)) == 100 and max(values) < 125
    tf.get_default_graph().get_operation_by_name("QueueInput/mine_enqueue")


def test_queue_chosen_at_run_time_is_used():
    queues = [tf.FIFOQueue(20, ["int32"]), tf.FIFOQueue(30, ["int32"])]
    with running(QueueInput(counting(), tf.QueueBase.from_list(1, queues))) as run:
        assert [run.step()[0] for _ in range(3)] == [0, 1, 2]


def test_given_queue_of_other_dtypes_is_refused():
    queue = tf.FIFOQueue(5, ["float32"])
    with pytest.raises(TypeError, match=r"\['int32'\]; got \['float32'\]"):
        QueueInput(counting(), queue).setup(NUMBER)


# ---- the data -------------------------------------------------------------------------------------------------------

def test_datapoints_come_in_order_and_the_dataflow_is_reset_once():
    ds = counting()
    with running(QueueInput(ds)) as run:
        assert [run.step()[0] for _ in range(200)] == list(range(200))
    assert (ds.resets, ds.passes) == (1, 1)


def test_finite_dataflow_is_repeated():
    with running(QueueInput(DataFromList([[1], [2], [3]], shuffle=False))) as run:
        assert [run.step()[0] for _ in range(8)] == [1, 2, 3, 1, 2, 3, 1, 2]


VALUES = [
    ("uint8", [None, 2], np.arange(4, dtype="uint8").reshape(2, 2)),
    ("float32", [3], np.array([0.25, -1, 3])),
    ("float16", [2], np.float16([0.5, 2])),
    ("int64", [], 2 ** 40),
    ("int32", [2], np.array([1, -1])),
    ("bool", [2], [True, False]),
    ("complex64", [1], np.complex64([1 + 2j])),
    ("string", [], "ü"),
    ("string", [None, 1], np.array([[b"a\0"], ["bcd"]], dtype=object)),
    ("string", [2], np.array(["ab", "c"])),
    ("float32", [2, 3], np.arange(6, dtype="float32").reshape(3, 2).T),
    ("float32", [0, 3], np.zeros((0, 3), "float32")),
]


@pytest.mark.parametrize("dtype, shape, value", VALUES, ids=["{}-{}".format(v[0], i) for i, v in enumerate(VALUES)])
def test_queue_gives_what_feeding_gives(dtype, shape, value):
    signature = [tf.TensorSpec(shape, dtype, "v"), tf.TensorSpec([], "int32", "x")]
    feed = tf.placeholder(dtype, shape)
    copied = tf.identity(feed)
    with running(QueueInput(DataFromList([[value, 1]])), signature) as run:
        expected = run.sess.run(copied, feed_dict={feed: value})
        got, one = run.hooked.run(run.tensors)
    assert one == 1
    assert type(got) is type(expected) and np.asarray(got).dtype == np.asarray(expected).dtype
    np.testing.assert_array_equal(got, expected)


def test_dict_datapoints_and_remapping():
    signature = [tf.TensorSpec([], "int32", "a"), tf.TensorSpec([], "float32", "b"), tf.TensorSpec([], "int32", "c")]
    source = remap_input_source(QueueInput(DataFromList([{"c": 3, "a": 1, "z": 0}])), ["c", "a"])
    with running(source, signature) as run:
        b = run.inputs[1]
        assert run.hooked.run(run.tensors, feed_dict={b: 0.5}) == [1, 0.5, 3]


def test_queue_size_goes_to_the_summary():
    ds = DataFromList([[1]])
    source = QueueInput(ds)
    with running(source) as run:
        for step in range(20):
            wait_until(lambda: run.sess.run("QueueInput/input_queue_Size:0") == 50)
            run.step()
            if step == 0:  # (1 - decay) * size
                assert 24 <= run.sess.run("EMA/QueueInput/queue_size/biased:0") <= 25
        summary = tf.Summary.FromString(run.sess.run("QueueInput/queue_size-summary:0"))
    assert [v.tag for v in summary.value] == ["QueueInput/queue_size-summary"]
    assert 48 <= summary.value[0].simple_value <= 50


def test_bound_is_logged_at_the_epoch(log_records):
    source = QueueInput(counting())
    with running(source) as run:
        for _ in range(250):
            run.step()
        for cb in run.callbacks:
            cb.trigger_epoch()
    assert [r for r in log_records if "QueueInput/input_queue was" in r.getMessage() and "-bound" in r.getMessage()]


# ---- memory ---------------------------------------------------------------------------------------------------------

def test_batches_in_recycled_buffers_arrive_intact_and_memory_is_bounded():
    pool = BufferPool()
    addresses = set()

    def batches():
        for n in range(400):
            batch = pool.empty((4, 100, 100), "float32")
            addresses.add(batch.ctypes.data)
            batch[:] = n
            yield [batch]

    queue = tf.FIFOQueue(5, ["float32"])
    with running(QueueInput(Source(batches), queue), [tf.TensorSpec([4, 100, 100], "float32", "v")]) as run:
        for n in range(400):
            value = run.hooked.run(run.tensors)[0]
            assert value.min() == value.max() == n
            if n % 50 == 0:
                time.sleep(0.02)
    assert len(addresses) <= 12


def test_thread_lets_go_of_a_datapoint_once_it_is_queued():
    references, all_yielded, let_go = [], threading.Event(), threading.Event()

    def one_then_wait():
        array = aligned_empty([100, 1000], "float32")
        references.append(weakref.ref(array))
        yield [array]
        del array
        all_yielded.set()
        let_go.wait(120)
        yield [np.ones([100, 1000], "float32")]

    source = QueueInput(Source(one_then_wait))
    with running(source, [tf.TensorSpec([100, 1000], "float32", "v")]) as run:
        try:
            all_yielded.wait(120)
            run.hooked.run(run.tensors)
            # TensorFlow lets go of arrays at its next call
            wait_until(lambda: run.sess.run(source.thread.queue_size) == 0 and gc.collect() >= 0 and references[0]() is None)
        finally:
            let_go.set()


# ---- errors ---------------------------------------------------------------------------------------------------------

class DiskError(Exception):
    pass


def fails_at(k, error):
    def numbers():
        for n in range(k):
            yield [n]
        raise error
    return Source(numbers)


@pytest.mark.parametrize("error", [DiskError("gone"), tf.errors.OutOfRangeError(None, None, "of the user"), SystemExit(3),
                                   tf.errors.CancelledError(None, None, "of the user"), KeyboardInterrupt()],
                         ids=lambda e: type(e).__name__)
def test_error_of_the_dataflow_is_kept_with_its_traceback(error, log_records):
    ds = fails_at(70, error)
    with running(QueueInput(ds)) as run:
        assert steps_until_the_end(run) == list(range(70))
        assert run.failure() is error
    assert "numbers" in [frame.name for frame in traceback.extract_tb(error.__traceback__)]
    assert any(r.levelname == "ERROR" and r.exc_info for r in log_records)
    assert ds.open == 0


WRONG = [
    ("shape", [[1, 2]], ValueError, "got list of 2"),
    ("dtype", [1.5], TypeError, "got float 1.5"),
    ("too_many", [1, 2], ValueError, "must have 1 components"),
    ("too_few", [], ValueError, "must have 1 components"),
    ("not_a_list", 1, TypeError, "list or tuple"),
    ("dict_without_the_input", {"y": 1}, KeyError, r"\['x'\]"),
]


@pytest.mark.parametrize("datapoint, error, words", [w[1:] for w in WRONG], ids=[w[0] for w in WRONG])
def test_datapoint_that_does_not_fit_is_kept_as_the_failure(datapoint, error, words):
    ds = Source(lambda: iter([[0], [1], datapoint]))
    with running(QueueInput(ds)) as run:
        assert steps_until_the_end(run) == [0, 1]
        with pytest.raises(error, match="QueueInput: datapoint 2 .*" + words):
            raise run.failure()
    assert ds.open == 0  # the traceback of the error does not keep the iteration open


def test_empty_dataflow_is_a_failure_and_does_not_spin():
    with running(QueueInput(DataFromList([]))) as run:
        assert steps_until_the_end(run) == []
        with pytest.raises(ValueError, match="empty"):
            raise run.failure()


def test_terminated_dataflow_is_a_quiet_end(log_records):
    with running(QueueInput(fails_at(3, DataFlowTerminated()))) as run:
        assert steps_until_the_end(run) == [0, 1, 2]
        assert run.failure() is None
    messages = [r.getMessage() for r in log_records if r.levelname == "INFO"]
    assert "[EnqueueThread] DataFlow has terminated." in messages
    assert not [r for r in log_records if r.levelname in ("ERROR", "WARNING")]


def test_closed_session_ends_the_thread_quietly(log_records):
    source = QueueInput(counting())
    with running(source) as run:
        run.step()
        run.sess.close()
        source.thread.join(120)
        assert not source.thread.is_alive() and run.failure() is None
    assert not [r for r in log_records if r.levelname == "ERROR"]


def test_thread_needs_a_default_session():
    source = QueueInput(counting())
    source.setup(NUMBER)
    with pytest.raises(RuntimeError, match="default session"):
        source.thread.start()


# ---- the thread -----------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("prepare", [lambda thread: None, lambda thread: thread.pause()], ids=["blocked", "paused"])
def test_thread_stops_promptly(prepare):
    source = QueueInput(counting())
    with running(source) as run:
        wait_until(lambda: run.sess.run("QueueInput/input_queue_Size:0") == 50)
        prepare(source.thread)
        assert source.thread.daemon and source.thread.is_alive()
    assert not source.thread.is_alive()


@pytest.mark.parametrize("close", [
    lambda run, close_op: run.source.thread.stop(), lambda run, close_op: run.sess.run(close_op),
    lambda run, close_op: run.sess.close()], ids=["thread stopped", "queue closed", "session closed"])
def test_a_blocked_enqueue_ends_when_nobody_will_take_its_datapoint(close):
    """The thread waits in TensorFlow itself, with nobody else to wake it."""
    queue = tf.FIFOQueue(3, ["int32"], [[]])
    size, close_op = queue.size(), queue.close(cancel_pending_enqueues=True)
    source = QueueInput(counting(), queue)
    with running(source) as run:
        wait_until(lambda: run.sess.run(size) == 3)
        source.thread.join(0.05)
        assert source.thread.is_alive()
        close(run, close_op)
        source.thread.join(120)
        assert not source.thread.is_alive() and run.failure() is None


def test_thread_whose_dataflow_is_slow_stops_with_the_next_datapoint():
    asked = threading.Event()

    def slow():
        while True:
            asked.set()
            time.sleep(0.5)
            yield [1]

    source = QueueInput(Source(slow))
    with running(source):
        asked.wait(120)
    assert not source.thread.is_alive()


def test_paused_thread_enqueues_nothing_and_loses_nothing():
    source = QueueInput(counting())
    with running(source) as run:
        values = [run.step()[0] for _ in range(10)]
        source.thread.pause()
        while not source.thread.wait_until_idle(0.01) or run.sess.run("QueueInput/input_queue_Size:0"):
            values += run.step()
        time.sleep(0.05)
        assert run.sess.run("QueueInput/input_queue_Size:0") == 0
        source.thread.resume()
        values += [run.step()[0] for _ in range(100)]
    assert values == list(range(len(values)))


def test_reinitialize_dataflow_starts_a_new_pass():
    ds = counting()
    source = QueueInput(ds)
    with running(source) as run:
        run.step()
        wait_until(lambda: run.sess.run(source.thread.queue_size) == 50)
        source.thread.reinitialize_dataflow()
        values = [run.step()[0] for _ in range(150)]
    restart = values.index(0)
    assert values[:restart] == list(range(1, restart + 1)) and 50 <= restart <= 52
    assert values[restart:] == list(range(150 - restart))
    assert ds.passes == 2 and ds.open == 0


def test_refill_queue_gives_the_first_datapoint_of_a_new_pass_next(monkeypatch):
    monkeypatch.setattr("tensorpack.input_source._queue._DRAIN_TIMEOUT_MS", 120000)
    guard = DataFlowReentrantGuard()

    def guarded():
        with guard:
            for n in range(10 ** 6):
                yield [n]

    ds = Source(guarded)
    source = QueueInput(ds)
    with running(source) as run:
        for _ in range(20):
            run.step()
            start = time.time()
            source.refill_queue()
            assert time.time() - start < 100
            assert [run.step()[0] for _ in range(60)] == list(range(60))
    assert ds.passes == 21 and ds.open == 0 and run.failure() is None


def test_refill_queue_waits_for_a_slow_datapoint_and_drops_it():
    def slow():
        for n in range(1000):
            time.sleep(0.1)
            yield [n]

    source = QueueInput(Source(slow))
    with running(source) as run:
        assert run.step() == [0]
        source.refill_queue()
        assert run.step() == [0]


def test_refill_queue_works_with_a_queue_that_keeps_elements_back():
    queue = tf.RandomShuffleQueue(20, 10, ["int32"])
    source = QueueInput(counting(), queue)
    with running(source) as run:
        values = [run.step()[0] for _ in range(100)]
        wait_until(lambda: run.sess.run(source.thread.queue_size) == 20)
        source.refill_queue()
        values = [run.step()[0] for _ in range(100)]
    assert min(values) < 40


def test_refill_queue_raises_the_error_that_killed_the_thread():
    error = DiskError("gone")
    source = QueueInput(fails_at(5, error))
    with running(source):
        source.thread.join(120)
        with pytest.raises(DiskError) as info:
            source.refill_queue()
        assert info.value is error


def test_refill_queue_of_a_terminated_dataflow_only_empties_it():
    source = QueueInput(fails_at(5, DataFlowTerminated()))
    with running(source) as run:
        source.thread.join(120)
        source.refill_queue()
        assert steps_until_the_end(run) == []


def test_refill_queue_needs_a_session_and_a_started_thread():
    source = QueueInput(counting())
    with pytest.raises(RuntimeError, match="setup"):
        source.refill_queue()
    source.setup(NUMBER)
    with pytest.raises(RuntimeError, match="default session"):
        source.refill_queue()
    with tf.Session(), pytest.raises(RuntimeError, match="between before_train and after_train"):
        source.refill_queue()
