"""Callables that choose between TensorFlow's threads and the calling one: what they choose, and that nothing else changes."""
import threading
import time

import numpy as np
import pytest

from tensorpack import Callback, DataFlow, QueueInput, SimpleTrainer
from tensorpack.compat import tfv1 as tf
from tensorpack.tfutils._session import thread_trial
from tensorpack.tfutils._session.calling_thread import elements_to_take
from tensorpack.tfutils._session.hooked_session import HookedSession
from tensorpack.tfutils._session.thread_trial import _BLOCK, _BLOCKS, make_quick_callable

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
    make = thread_trial.make_flat_callable

    def make_timed(*request, in_calling_thread=False):
        call = make(*request, in_calling_thread=in_calling_thread)

        def timed(*values):
            results = call(*values)
            clock.now += clock.calling_thread if in_calling_thread else clock.threads
            clock.made.append(in_calling_thread)
            return results
        return timed

    monkeypatch.setattr(thread_trial, "make_flat_callable", make_timed)
    monkeypatch.setattr(thread_trial, "time", clock)
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
    clock.calling_thread = 5e-5
    queue = tf.RandomShuffleQueue(2, 0, [tf.float32], [[]])
    take, put, _ = queue.dequeue(), queue.enqueue(1.), queue.size()
    with tf.Session() as sess:
        call = make_quick_callable(sess, [take], [], [])
        for _ in range(ENOUGH):
            sess.run(put)
            assert call() == [1]
    assert not any(clock.made)


def test_a_session_of_a_server_uses_its_threads(clock):
    clock.calling_thread = 5e-5
    x = tf.placeholder(tf.float32, [], "x")
    with tf.Session(tf.train.Server.create_local_server().target) as sess:
        call = make_quick_callable(sess, [x + 1], [], [x])
        for k in range(ENOUGH):
            assert call(np.float32(k)) == [k + 1]
    assert not any(clock.made)


@pytest.fixture
def queue_of_four(clock):
    """A session, a callable that takes two elements in each call, and the operation that puts two in; it has decided for the
    calling thread."""
    clock.calling_thread = 5e-5
    queue = tf.FIFOQueue(4, [tf.float32], [[]])
    first = queue.dequeue()
    with tf.control_dependencies([first]):
        second = queue.dequeue()
    put, _ = queue.enqueue_many([[1., 2.]]), queue.size()
    with tf.Session() as sess:
        call = make_quick_callable(sess, [first, second], [], [])
        for _ in range(ENOUGH):
            sess.run(put)
            assert call() == [1, 2]
        yield sess, call, put, queue
    # the small callable that looks at the size of the queue is one of the calling thread, too
    assert isinstance(call._call, thread_trial._WhereNothingWaits)


def test_elements_of_a_queue_are_taken_in_the_calling_thread(clock, queue_of_four):
    sess, call, put, _ = queue_of_four
    del clock.made[:]
    sess.run(put)
    sess.run(put)
    assert call() == [1, 2] and call() == [1, 2]
    assert clock.made == [True] * 3  # one look, two calls


def test_an_empty_queue_is_waited_for_in_tensorflows_threads(clock, queue_of_four):
    sess, call, put, _ = queue_of_four
    del clock.made[:]
    later = threading.Timer(.3, lambda: sess.run(put))
    later.start()
    assert call() == [1, 2]
    assert clock.made == [True, False]  # one look, one call
    later.join()


def test_a_queue_that_somebody_else_has_emptied_is_waited_for(clock, queue_of_four):
    sess, call, put, queue = queue_of_four
    sess.run(put)
    sess.run(put)
    assert call() == [1, 2]
    sess.run([call._request[1][0].op, call._request[1][1].op])
    later = threading.Timer(.3, lambda: sess.run(put))
    later.start()
    assert call() == [1, 2]
    later.join()


def test_a_closed_queue_ends_the_calls_after_its_last_element():
    queue = tf.FIFOQueue(200, [tf.float32], [[]])
    take, put, close, _ = queue.dequeue(), queue.enqueue_many([[1.] * 200]), queue.close(), queue.size()
    with tf.Session() as sess:
        sess.run(put)
        sess.run(close)
        call = make_quick_callable(sess, [take], [], [])
        for _ in range(200):
            assert call() == [1]
        for _ in range(3):
            with pytest.raises(tf.errors.OutOfRangeError):
                call()


def test_a_training_that_is_faster_than_its_data_gets_all_of_them_in_order():
    numbers = list(range(6 * ENOUGH))
    seen = []

    class See(Callback):
        def _before_run(self, _):
            return tf.train.SessionRunArgs("number:0")

        def _after_run(self, _, run_values):
            seen.append(int(run_values.results))

    class Slowly(DataFlow):
        def __iter__(self):
            for number in numbers:
                if number > 2 * ENOUGH:
                    time.sleep(.001)
                yield [np.float32(number)]

    def build_graph(number):
        return tf.get_variable("w", []) * tf.identity(number, name="number")

    trainer = SimpleTrainer()
    trainer.setup_graph([tf.TensorSpec([], tf.float32, "x")], QueueInput(Slowly()), build_graph,
                        lambda: tf.train.GradientDescentOptimizer(1e-9))
    trainer.train_with_defaults(callbacks=[See()], monitors=[], steps_per_epoch=len(numbers), max_epoch=1)
    assert seen == numbers


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


def of_many_elements():
    return tf.FIFOQueue(4, [tf.float32], [[]]).dequeue_many(2)


def of_a_shuffled_queue():
    return tf.RandomShuffleQueue(4, 2, [tf.float32], [[]]).dequeue()


def of_filling_a_queue():
    with tf.control_dependencies([tf.FIFOQueue(1, [tf.float32]).enqueue(1.)]):
        return tf.constant(1.)


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
    (of_a_staging_area, False), (of_a_dataset, False), (of_python, False), (of_many_elements, False),
    (of_a_shuffled_queue, False), (of_filling_a_queue, False), (of_a_barrier, False),
    (of_an_accumulator, False), (of_a_reader, False), (of_a_loop, False), (of_a_condition, True), (trained, True)])
def test_what_the_calling_thread_can_do(build, expected):
    tensor = tf.convert_to_tensor(build())
    assert elements_to_take([], [(tensor + tf.ones_like(tensor)).op]) == ({} if expected else None)
    assert elements_to_take([tensor], [(tensor + 1).op]) == {}  # nothing of it runs


def test_elements_of_queues_are_counted():
    queues = [tf.FIFOQueue(4, [tf.float32], [[]]), tf.PaddingFIFOQueue(4, [tf.float32], [[]])]
    values = [queue.dequeue() for queue in queues + queues[:1]] + [tf.cast(queues[0].size(), tf.float32)]
    assert elements_to_take([], [tf.add_n(values).op]) == {queues[0].queue_ref.op: 2, queues[1].queue_ref.op: 1}


def test_operations_of_other_libraries_may_wait():
    class Operation:
        type, inputs, control_inputs = "HorovodAllreduce", (), ()

    assert elements_to_take([], [Operation()]) is None
