"""`tf.contrib.training` and `slim.evaluation`: training, evaluation of checkpoints, fed queues and queues of buckets."""
import os
import threading

import numpy as np
import pytest

from tensorpack.compat import tfv1 as tf
from tensorpack.tf1._tensorflow.contrib import slim, training


def test_bad_train_ops_are_refused():
    x = tf.get_variable("x", [], trainable=False)
    optimizer = tf.train.GradientDescentOptimizer(0.1)
    with pytest.raises(ValueError, match="variable to train"):
        training.create_train_op(x * 2, optimizer)
    with pytest.raises(ValueError, match="must be trainable.*x"):
        training.create_train_op(x * 2, optimizer, variables_to_train=[x])


def test_train_op_fails_on_infinite_losses():
    x = tf.get_variable("x", [], initializer=tf.zeros_initializer())
    train_op = training.create_train_op(x + np.inf, tf.train.GradientDescentOptimizer(0.1))
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        with pytest.raises(tf.errors.InvalidArgumentError, match="LossTensor"):
            sess.run(train_op)


def test_gradient_functions_check_their_arguments():
    x, y = tf.get_variable("x", []), tf.get_variable("y", [])
    for grads, multipliers in (((), {"x": 2}), ([], {}), ([], [2])):
        with pytest.raises(ValueError, match="must be a"):
            training.multiply_gradients(grads, multipliers)
    with pytest.raises(ValueError, match="must have a gradient"):
        training.multiply_gradients([(None, x)], {"x": 2})
    (first, _), (second, _) = training.multiply_gradients([(x * 1, x), (None, y)], {x: 3.})
    assert second is None
    (clipped, _), _ = training.clip_gradient_norms([(x * 1, x), (None, y)], 0.5)
    with tf.Session() as sess:
        x.load(2., sess)
        assert sess.run([first, clipped]) == [6., 0.5]


def test_train_runs_until_a_hook_stops_it(tmp_path):
    x = tf.get_variable("x", [], initializer=tf.ones_initializer(), use_resource=True)
    train_op = training.create_train_op(x * x, tf.train.GradientDescentOptimizer(0.25))
    loss = training.train(train_op, str(tmp_path), hooks=[tf.train.StopAtStepHook(3)], save_summaries_steps=None)
    assert loss == 0.25 ** 2
    assert tf.train.latest_checkpoint(str(tmp_path)).endswith("model.ckpt-3")
    with pytest.raises(ValueError, match="logdir must be given"):
        training.train(train_op, None)


@pytest.fixture
def checkpoints(tmp_path):
    """A folder with a checkpoint of x = 3 at step 7."""
    with tf.Graph().as_default(), tf.Session() as sess:
        x, step = tf.get_variable("x", []), tf.train.get_or_create_global_step()
        x.load(3., sess)
        step.load(7, sess)
        tf.train.Saver().save(sess, str(tmp_path / "model"), step)
    return str(tmp_path)


def model():
    """(value that grows by x in each run, operation that does it)."""
    x = tf.get_variable("x", [])
    tf.train.get_or_create_global_step()
    total = tf.get_local_variable("total", [], initializer=tf.zeros_initializer())
    tf.summary.scalar("sum", total)
    return total, total.assign_add(x)


def scalars(folder):
    return [(event.step, value.tag) for name in os.listdir(folder) if "tfevents" in name
            for event in tf.train.summary_iterator(os.path.join(folder, name)) for value in event.summary.value]


@pytest.mark.parametrize("as_given", [lambda op: op, lambda op: [op], lambda op: {"update": op}], ids=["one", "list", "dict"])
def test_evaluate_once_counts_runs(checkpoints, as_given):
    total, update = model()
    assert training.evaluate_once(
        tf.train.latest_checkpoint(checkpoints), eval_ops=as_given(update), final_ops=total,
        hooks=[training.StopAfterNEvalsHook(4)]) == 12.
    assert training.get_or_create_eval_step() is training.get_or_create_eval_step()


def test_evaluate_once_without_operations_runs_the_final_ones(checkpoints):
    total, _ = model()
    assert training.evaluate_once(tf.train.latest_checkpoint(checkpoints), final_ops={"x": total + 1}) == {"x": 1.}


def test_slim_evaluates_and_writes_summaries(checkpoints, tmp_path):
    total, update = model()
    folder = str(tmp_path / "eval")
    assert slim.evaluation.evaluate_once(
        "", tf.train.latest_checkpoint(checkpoints), folder, num_evals=2, eval_op=update, final_op=total,
        variables_to_restore=tf.global_variables()) == 6.
    tf.summary.FileWriterCache.clear()
    assert scalars(folder) == [(7, "sum")]


def test_evaluations_are_repeated_for_each_checkpoint(checkpoints, tmp_path):
    total, update = model()
    assert slim.evaluation.evaluation_loop(
        "", checkpoints, str(tmp_path / "eval"), num_evals=3, eval_op=update, final_op=total, eval_interval_secs=0,
        max_number_of_evaluations=1, summary_op=None) == 9.
    asked = []
    assert training.evaluate_repeatedly(
        checkpoints, eval_ops=update, final_ops=total, hooks=[training.StopAfterNEvalsHook(1)], eval_interval_secs=0,
        timeout=0, timeout_fn=lambda: asked.append(1) or len(asked) == 2) == 3.
    assert len(asked) == 2


def test_waiting_for_checkpoints_ends(checkpoints, tmp_path):
    latest = tf.train.latest_checkpoint(checkpoints)
    assert training.wait_for_new_checkpoint(checkpoints) == latest
    assert training.wait_for_new_checkpoint(checkpoints, latest, seconds_to_sleep=0.01, timeout=0.02) is None
    assert list(training.checkpoints_iterator(checkpoints, timeout=0)) == [latest]
    assert list(training.checkpoints_iterator(str(tmp_path / "none"), timeout=0)) == []


def test_summary_hook_needs_a_place_to_write_to():
    with pytest.raises(ValueError, match="log_dir or summary_writer"):
        training.SummaryAtEndHook()


def test_two_eval_steps_are_an_error():
    tf.add_to_collection("eval_step", tf.get_variable("a", []))
    tf.add_to_collection("eval_step", tf.get_variable("b", []))
    with pytest.raises(ValueError, match="eval_step.*must have one"):
        training.get_or_create_eval_step()


def fed_queue(feed_fns, **kwargs):
    queue = tf.FIFOQueue(4, [tf.float32], [[2]])
    value = tf.placeholder(tf.float32, [2])
    return queue, value, training.FeedingQueueRunner(queue, [queue.enqueue([value])] * len(feed_fns),
                                                     feed_fns=[lambda each=each: each(value) for each in feed_fns], **kwargs)


def test_fed_values_come_out_of_the_queue():
    counts = iter(range(1000))
    queue, _, runner = fed_queue([lambda value: {value: [next(counts), 1]}])
    tf.train.add_queue_runner(runner)
    with tf.Session() as sess:
        coordinator = tf.train.Coordinator()
        threads = tf.train.start_queue_runners(sess, coordinator)
        assert runner.create_threads(sess, coordinator) == []
        out = queue.dequeue()
        assert [sess.run(out).tolist() for _ in range(10)] == [[i, 1] for i in range(10)]
        coordinator.request_stop()
        coordinator.join(threads, stop_grace_period_secs=60)


def test_the_queue_is_closed_when_all_feeds_end():
    values = iter([[1, 2]] * 3)

    def ending(placeholder):
        for value in values:
            return {placeholder: value}
        raise tf.errors.OutOfRangeError(None, None, "the end")

    queue, _, runner = fed_queue([ending])
    with tf.Session() as sess:
        threads = runner.create_threads(sess, start=True)
        out = queue.dequeue()
        assert [sess.run(out).tolist() for _ in range(3)] == [[1, 2]] * 3
        with pytest.raises(tf.errors.OutOfRangeError):
            sess.run(out)
        for thread in threads:
            thread.join(60)
        assert not runner.exceptions_raised


def test_errors_of_feeds_stop_the_coordinator():
    def failing(value):
        raise KeyError("no such file")

    _, _, runner = fed_queue([failing])
    with tf.Session() as sess:
        coordinator = tf.train.Coordinator()
        threads = runner.create_threads(sess, coordinator, start=True, daemon=True)
        with pytest.raises(KeyError, match="no such file"):
            coordinator.join(threads, stop_grace_period_secs=60)


def test_feeding_runners_check_their_arguments():
    queue = tf.FIFOQueue(4, [tf.float32], [[]])
    with pytest.raises(ValueError, match="got 2 for 1"):
        training.FeedingQueueRunner(queue, [queue.enqueue([1.])], feed_fns=[None, None])
    with pytest.raises(NotImplementedError, match="protocol buffer"):
        training.FeedingQueueRunner(queue, [queue.enqueue([1.])]).to_proto()


def batches_of(batch, num):
    """The values of `batch` that come out before the end, `num` at most."""
    with tf.Session() as sess:
        sess.run([tf.local_variables_initializer(), tf.global_variables_initializer()])
        coordinator = tf.train.Coordinator()
        threads = tf.train.start_queue_runners(sess, coordinator)
        found = []
        try:
            while len(found) < num:
                found.append(sess.run(batch))
        except tf.errors.OutOfRangeError:
            pass
        coordinator.request_stop()
        coordinator.join(threads, stop_grace_period_secs=60, ignore_live_threads=False)
        return found


def sequences(lengths, num_epochs=1):
    length = tf.train.input_producer(tf.constant(lengths), num_epochs=num_epochs, shuffle=False).dequeue()
    return length, {"x": tf.range(length), "y": tf.cast(length, tf.float32)}


@pytest.mark.parametrize("smaller", [False, True])
def test_sequences_are_batched_by_length(smaller):
    length, tensors = sequences([1, 5, 2, 9, 6, 3, 7, 2])
    batch = training.bucket_by_sequence_length(length, tensors, 2, [4, 8], dynamic_pad=True, allow_smaller_final_batch=smaller)
    assert batch[0].shape.as_list() == [None if smaller else 2]
    found = batches_of(batch, 10)
    by_lengths = {tuple(lengths): values for lengths, values in found}
    expected = {(1, 2), (5, 6), (3, 2)} | ({(7,), (9,)} if smaller else set())
    assert set(by_lengths) == expected
    for lengths, values in found:
        assert values["y"].tolist() == lengths.tolist()
        assert values["x"].tolist() == [list(range(n)) + [0] * (max(lengths) - n) for n in lengths]


def test_buckets_have_their_own_batch_sizes_and_samples_can_be_dropped():
    length, tensors = sequences([1, 5, 2, 9, 6, 3, 7, 2] * 3)
    which, (batch,) = training.bucket([tensors["y"]], tf.cast(length > 4, tf.int32), [3, 2], 2, keep_input=length < 9)
    found = batches_of((which, batch), 20)
    assert {int(which): len(values) for which, values in found} == {0: 3, 1: 2}
    assert all((values > 4).all() == bool(which) and 9 not in values for which, values in found)


def test_bad_buckets_are_refused():
    length, tensors = tf.constant(3), [tf.constant(1.)]
    for boundaries, error in (([], ValueError), ([3, 3], ValueError), (3, TypeError), ([1.5], TypeError)):
        with pytest.raises(error, match="bucket_boundaries"):
            training.bucket_by_sequence_length(length, tensors, 2, boundaries)
    for arguments, message in ((([], 0, 2, 1), "at least one"), ((tensors, 0, [2, 2], 1), "batch_size"),
                               ((tensors, 0, 2, 2, 1, 32, [1]), "bucket_capacities")):
        with pytest.raises(ValueError, match=message):
            training.bucket(*arguments)


def test_samples_are_repeated_at_their_rates():
    values, rates = np.arange(2000), np.repeat([0., 0.5, 3.], [500, 500, 1000])
    out, same = training.resample_at_rate([tf.constant(values), tf.constant(values * 2.)], rates, seed=3)
    with tf.Session() as sess:
        found, doubled = sess.run([out, same])
    np.testing.assert_array_equal(doubled, found * 2)
    assert found.min() >= 500
    assert 200 < (found < 1000).sum() < 300 and 2800 < (found >= 1000).sum() < 3200


def test_queue_runners_of_slim_are_not_nested():
    threads = threading.active_count()
    for _ in range(2):
        with tf.Graph().as_default(), tf.Session() as sess:
            queue = tf.FIFOQueue(4, [tf.float32], [[]])
            tf.train.add_queue_runner(tf.train.QueueRunner(queue, [queue.enqueue([2.])]))
            with slim.queues.QueueRunners(sess):
                assert sess.run(queue.dequeue()) == 2.
                with pytest.raises(slim.queues.NestedQueueRunnerError):
                    with slim.queues.QueueRunners(sess):
                        pass
    assert threading.active_count() == threads
