"""Which predictions run in the calling thread, and that all kinds of graphs give the same values in it."""
import threading

import numpy as np
import pytest

from tensorpack import BNReLU, Conv2D, FullyConnected, TowerContext, argscope
from tensorpack.compat import tfv1 as tf
from tensorpack.predict import OfflinePredictor, OnlinePredictor, PredictConfig, config
from tensorpack.tfutils._session import calling_thread
from tensorpack.tfutils._session.calling_thread import suits_calling_thread
from tensorpack.tfutils.sesscreate import NewSessionCreator


def thread_number(x):
    """x plus the number of the thread that computes it."""
    y = tf.py_func(lambda a: a + threading.get_ident(), [x], tf.int64)
    y.set_shape([])
    return y


def test_a_sequence_of_operations_runs_in_the_calling_thread():
    x = tf.placeholder(tf.int64, [], "x")
    y = thread_number(x) + 0
    with tf.Session() as sess:
        predictor = OnlinePredictor([x], [y], sess=sess)
        assert predictor(1) == [threading.get_ident() + 1]
        seen = []
        threads = [threading.Thread(target=lambda: seen.append(predictor(0)[0] == threading.get_ident())) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert seen == [True] * 4


def test_a_loop_does_not_run_in_the_calling_thread():
    x = tf.placeholder(tf.int64, [], "x")
    y = tf.while_loop(lambda i, a: i < 1, lambda i, a: (i + 1, thread_number(a)), [0, x])[1]
    with tf.Session() as sess:
        assert OnlinePredictor([x], [y], sess=sess)(0) != [threading.get_ident()]


# ---- the rule


def network(x):
    with argscope(Conv2D, kernel_size=3, filters=16, activation=BNReLU, use_bias=False):
        for i in range(4):
            x = Conv2D("c{}".format(i), x)
            x = x + Conv2D("d{}".format(i), x)
    return FullyConnected("fc", tf.reduce_mean(x, [1, 2]), 10)


def two_branches(x):
    return Conv2D("a", x, 32, 3) + Conv2D("b", x, 32, 3)


def actor_and_critic(x):
    x = FullyConnected("hidden", Conv2D("a", x, 8, 5, strides=4), 64)
    return tf.concat([FullyConnected("action", x, 6), FullyConnected("value", x, 1)], 1)


def large_heads(x):
    return tf.concat([FullyConnected("a", x, 256), FullyConnected("b", x, 256)], 1)


def loop(x):
    return tf.while_loop(lambda i, a: i < 3, lambda i, a: (i + 1, a * 2), [0, x])[1]


def mapped(x):
    return tf.map_fn(lambda row: row * 2, x)


def deep(x):
    for _ in range(1200):
        x = tf.negative(x)
    return x


def many(x):
    return tf.add_n([tf.negative(x) for _ in range(2100)])


def two_python_functions(x):
    return tf.py_func(lambda a: a + 1, [x], tf.float32) + tf.py_func(lambda a: a + 2, [x], tf.float32)


IMAGES = (None, 16, 16, 3)


@pytest.mark.parametrize("build, shape, expected", [
    (network, IMAGES, True),
    (network, (None, None, None, 3), True),
    (two_branches, IMAGES, True),
    (two_branches, (None, 64, 64, 3), False),
    (two_branches, (None, None, None, 3), False),
    (actor_and_critic, (None, 84, 84, 4), True),
    (large_heads, (None, 2048), False),
    (loop, (None, 4), False),
    (mapped, (None, 4), False),
    (deep, (None, 4), False),
    (many, (4,), False),
    (two_python_functions, (None, 4), False),
], ids=["residual network", "of unknown size", "small branches", "large branches", "branches of unknown size",
        "actor and critic", "large heads", "loop", "map_fn", "deep", "many operations", "unknown work side by side"])
def test_the_rule(build, shape, expected):
    x = tf.placeholder(tf.float32, shape, "x")
    with TowerContext("", is_training=False):
        y = build(x)
    assert suits_calling_thread([x], [y]) == expected


def test_an_operation_that_calls_a_function_does_not_suit():
    from tensorflow.python.framework import function

    x = tf.placeholder(tf.float32, [], "x")

    @function.Defun(tf.float32)
    def double(a):
        return a * 2

    assert not suits_calling_thread([x], [double(x)])
    assert suits_calling_thread([x], [x * 2])


def test_only_what_runs_is_looked_at():
    x = tf.placeholder(tf.float32, [4], "x")
    first, second = tf.split(loop(x), 2)
    y = first * 2
    assert not suits_calling_thread([x], [y])
    assert suits_calling_thread([first], [y])
    assert not suits_calling_thread([second], [y])  # a neighbour of what is needed
    assert suits_calling_thread([], [tf.constant(1.)]) and suits_calling_thread([], [])


def test_a_gpu_needs_more_threads(monkeypatch):
    monkeypatch.setattr(calling_thread.compat, "has_gpu", lambda: True)
    x = tf.placeholder(tf.float32, [4], "x")
    assert not suits_calling_thread([x], [x + 1])


# ---- hard cases compute all the same


@pytest.mark.slow
def test_an_unrolled_network_that_forks_thousands_of_times_does_not_overflow_the_stack():
    x = tf.placeholder(tf.float32, [2, 2], "x")
    state, outputs = x, []
    half = tf.constant(np.eye(2, dtype="float32") / 2)
    for _ in range(3000):
        outputs.append(tf.matmul(state, half))
        state = tf.tanh(tf.matmul(state, half))
    y = tf.add_n(outputs)
    with tf.Session() as sess:
        value, = OnlinePredictor([x], [y], sess=sess)(np.eye(2))
    assert value[0, 1] == 0 and .5 < value[0, 0] < 2


def test_nothing_waits_for_a_queue_in_the_calling_thread():
    queue = tf.FIFOQueue(2, [tf.float32], [[]])
    x = tf.placeholder(tf.float32, [], "x")
    y, put = queue.dequeue() + x, queue.enqueue(5.)
    with tf.Session() as sess:
        predictor = OnlinePredictor([x], [y], sess=sess)
        assert not suits_calling_thread([x], [y]) and suits_calling_thread([x, queue.dequeue()], [x + 1])
        later = threading.Timer(.2, lambda: sess.run(put))
        later.start()
        assert predictor(1) == [6]
        later.join()


def test_what_waits_does_not_keep_the_thread_from_the_operation_that_ends_the_wait(run_code):
    """One thread would stand in `take` for ever, before it comes to `put`."""
    output = run_code("""
        from tensorpack.predict import OnlinePredictor
        x = tf.placeholder(tf.float32, [], "x")
        taken, = tf.raw_ops.Unstage(dtypes=[tf.float32], shared_name="area", name="take")
        with tf.control_dependencies([tf.raw_ops.Stage(values=[x * 2], shared_name="area", name="put")]):
            y = tf.identity(x)
        with tf.Session(config=tf.ConfigProto(inter_op_parallelism_threads=2)) as sess:
            print("GOT", *OnlinePredictor([x], [taken, y], sess=sess)(1))
    """)
    assert "GOT 2.0 1.0" in output


def test_an_error_of_an_operation_reaches_the_caller():
    x = tf.placeholder(tf.float32, [None], "x")
    y = tf.check_numerics(x, "the message")
    with tf.Session() as sess:
        predictor = OnlinePredictor([x], [y], sess=sess)
        with pytest.raises(tf.errors.InvalidArgumentError, match="the message"):
            predictor([np.nan])
        assert predictor([1])[0].tolist() == [1]


# ---- the default session


@pytest.mark.parametrize("cores, spinning", [(2, False), (4, False), (64, True)])
def test_idle_threads_spin_only_where_there_are_cores_to_spare(monkeypatch, cores, spinning):
    def make(**arguments):
        return PredictConfig(tower_func=lambda x: tf.identity(x, name="y"), output_names=["y"],
                             input_signature=[tf.TensorSpec([], tf.float32, "x")], **arguments)

    monkeypatch.setattr(config, "num_cores", lambda: cores)
    creator = make().session_creator
    assert creator.config.experimental.disable_thread_spinning == (not spinning)
    assert not creator.user_provided_config
    with OfflinePredictor(make()) as predictor:
        assert predictor(3) == [3]
    own = NewSessionCreator()
    assert make(session_creator=own).session_creator is own and not own.config.experimental.disable_thread_spinning
