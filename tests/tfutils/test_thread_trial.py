"""Callables that choose between TensorFlow's threads and the calling one: what they choose, and that nothing else changes."""
import numpy as np
import pytest

from tensorpack.compat import tfv1 as tf
from tensorpack.tfutils import _thread_trial
from tensorpack.tfutils._calling_thread import can_use_calling_thread
from tensorpack.tfutils._hooked_session import HookedSession
from tensorpack.tfutils._thread_trial import _BLOCK, _BLOCKS, make_quick_callable

ENOUGH = _BLOCK * _BLOCKS


@pytest.fixture
def clock(monkeypatch):
    """Calls take the seconds that are set here, and tell in `made` of which kind they were."""

    class Clock:
        now, threads, calling_thread = 0., 1e-4, 1e-4
        made = []

        def perf_counter(self):
            return self.now

    clock = Clock()
    clock.made = []
    make = _thread_trial.make_flat_callable

    def make_timed(*request, in_calling_thread=False):
        call = make(*request, in_calling_thread=in_calling_thread)

        def timed(*values):
            results = call(*values)
            clock.now += clock.calling_thread if in_calling_thread else clock.threads
            clock.made.append(in_calling_thread)
            return results
        return timed

    monkeypatch.setattr(_thread_trial, "make_flat_callable", make_timed)
    monkeypatch.setattr(_thread_trial, "time", clock)
    return clock


@pytest.mark.parametrize("threads, calling_thread, chosen", [(1e-4, 5e-5, True), (5e-5, 1e-4, False)])
def test_the_faster_kind_is_kept(clock, threads, calling_thread, chosen):
    clock.threads, clock.calling_thread = threads, calling_thread
    x = tf.placeholder(tf.float32, [], "x")
    with tf.Session() as sess:
        call = make_quick_callable(sess, [x + 1], [], [x])
        for k in range(ENOUGH + 30):
            assert call(np.float32(k)) == [k + 1]
    assert clock.made[:2 * _BLOCK] == [False] * (2 * _BLOCK)
    assert clock.made[2 * _BLOCK:ENOUGH].count(True) == clock.made[2 * _BLOCK:ENOUGH].count(False)
    assert clock.made[ENOUGH:] == [chosen] * 30


def test_long_calls_stay_in_tensorflows_threads(clock):
    clock.threads = 2e-3
    x = tf.placeholder(tf.float32, [], "x")
    with tf.Session() as sess:
        call = make_quick_callable(sess, [x + 1], [], [x])
        for k in range(ENOUGH):
            call(np.float32(k))
    assert clock.made == [False] * ENOUGH


def test_what_can_wait_stays_in_tensorflows_threads(clock):
    queue = tf.FIFOQueue(1, [tf.float32], [[]])
    take, put = queue.dequeue(), queue.enqueue(1.)
    with tf.Session() as sess:
        call = make_quick_callable(sess, [take], [], [])
        for _ in range(ENOUGH):
            sess.run(put)
            assert call() == [1]
    assert not any(clock.made)


def test_a_call_that_fails_does_not_count(clock):
    clock.calling_thread = 5e-5
    x = tf.placeholder(tf.float32, [], "x")
    with tf.Session() as sess:
        call = make_quick_callable(sess, [tf.check_numerics(x, "the message")], [], [x])
        for k in range(ENOUGH):
            with pytest.raises(tf.errors.InvalidArgumentError, match="the message"):
                call(np.float32(np.nan))
            assert call(np.float32(k)) == [k]
    assert clock.made.count(True) == (ENOUGH - 2 * _BLOCK) // 2
    assert call._call is not call._timed


def test_each_step_of_a_hooked_session_is_made_once():
    x = tf.placeholder(tf.float32, [2], "x")
    weights = tf.Variable([1., 1.], use_resource=True)
    steps = tf.Variable(0, use_resource=False)
    cost = tf.reduce_sum(tf.square(weights * x))
    step = tf.group(tf.train.MomentumOptimizer(.01, .9).minimize(cost), tf.assign_add(steps, 1))
    inputs = np.random.RandomState(0).rand(2 * ENOUGH, 2).astype("float32")

    def train(run, sess):
        sess.run(tf.global_variables_initializer())
        costs = [run([cost, step], {x: value})[0] for value in inputs]
        assert sess.run(steps) == 2 * ENOUGH
        return costs, sess.run(weights)

    with tf.Session() as sess:
        expected_costs, expected = train(sess.run, sess)
        hooked = HookedSession(sess)
        costs, weights = train(hooked.run, sess)
        (plan,) = hooked._plans.values()
        assert plan._call._call is not plan._call._timed  # it has decided
    np.testing.assert_allclose(costs, expected_costs, rtol=1e-6)
    np.testing.assert_allclose(weights, expected, rtol=1e-6)


def test_random_numbers_go_on_in_the_same_sequence():
    def numbers(make):
        with tf.Graph().as_default(), tf.Session() as sess:
            tf.set_random_seed(1)
            tensors = [tf.random.uniform([2]), tf.nn.dropout(tf.ones([4]), rate=.5, seed=2), tf.random.truncated_normal([2])]
            run = make(sess, tensors)
            return np.concatenate([np.concatenate(run()) for _ in range(2 * ENOUGH)])

    def quick(sess, tensors):
        return make_quick_callable(sess, tensors, [], [])

    np.testing.assert_array_equal(numbers(quick), numbers(lambda sess, tensors: lambda: sess.run(tensors)))


# ---- what the calling thread can do


def of_a_staging_area():
    return tf.raw_ops.Unstage(dtypes=[tf.float32])[0]


def of_a_dataset():
    return tf.data.make_one_shot_iterator(tf.data.Dataset.from_tensors(1.)).get_next()


def of_python():
    return tf.py_func(lambda: np.float32(1), [], tf.float32)


def of_a_queue():
    return tf.FIFOQueue(1, [tf.float32], [[]]).dequeue()


def of_a_barrier():
    return tf.raw_ops.BarrierReadySize(handle=tf.raw_ops.Barrier(component_types=[tf.float32]))


def of_an_accumulator():
    return tf.ConditionalAccumulator(tf.float32, shape=[]).take_grad(1)


def of_a_reader():
    return tf.WholeFileReader().num_records_produced()


def of_a_loop():
    return tf.while_loop(lambda i: i < 3, lambda i: i + 1, [0])


def of_a_condition():
    return tf.cond(tf.random.uniform([]) < .5, lambda: tf.constant(1.), lambda: tf.constant(2.))


def trained():
    weights = [tf.get_variable("w{}".format(resource), [3], use_resource=resource) for resource in (False, True)]
    cost = tf.add_n([tf.nn.l2_loss(tf.nn.dropout(w + tf.random.normal([3]), rate=.5)) for w in weights])
    average = tf.train.ExponentialMovingAverage(.9).apply([cost])
    with tf.control_dependencies([average, tf.train.AdamOptimizer().minimize(cost), tf.assign_add(weights[1], [1., 1., 1.])]):
        return tf.identity(cost)


@pytest.mark.parametrize("build, expected", [
    (of_a_staging_area, False), (of_a_dataset, False), (of_python, False), (of_a_queue, False), (of_a_barrier, False),
    (of_an_accumulator, False), (of_a_reader, False), (of_a_loop, False), (of_a_condition, True), (trained, True)])
def test_what_the_calling_thread_can_do(build, expected):
    tensor = tf.convert_to_tensor(build())
    assert can_use_calling_thread([], [(tensor + tf.ones_like(tensor)).op]) == expected
    assert can_use_calling_thread([tensor], [(tensor + 1).op])  # nothing of it runs


def test_operations_of_other_libraries_may_wait():
    class Operation:
        type, inputs, control_inputs = "HorovodAllreduce", (), ()

    assert not can_use_calling_thread([], [Operation()])
