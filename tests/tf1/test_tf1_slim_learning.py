"""`slim.learning.train` and its parts, `slim.summaries` and `slim.model_analyzer`."""
import json
import os
import threading

import numpy as np
import pytest

from tensorpack.compat import tfv1 as tf
from tensorpack.tf1._tensorflow.contrib import slim


def regression(rate=0.1):
    """(loss, train operation) of one weight that shall be 2."""
    x = tf.constant([[1.], [-1.], [0.5]])
    y = slim.fully_connected(x, 1, activation_fn=None, biases_initializer=None, weights_initializer=tf.zeros_initializer(),
                             scope="fc")
    loss = slim.losses.mean_squared_error(y, x * 2)
    tf.summary.scalar("loss", loss)
    return loss, slim.learning.create_train_op(slim.losses.get_total_loss(), tf.train.GradientDescentOptimizer(rate))


def weight_of(checkpoint):
    return tf.train.load_checkpoint(checkpoint).get_tensor("fc/weights").item()


def test_training_goes_on_where_it_ended(tmp_path):
    with tf.Graph().as_default():
        _, train_op = regression(0.5)
        first = slim.learning.train(train_op, str(tmp_path), number_of_steps=3, log_every_n_steps=2)
    checkpoint = tf.train.latest_checkpoint(str(tmp_path))
    assert checkpoint.endswith("model.ckpt-3")
    weight = weight_of(checkpoint)
    assert 0 < weight < 2
    _, train_op = regression(0.5)
    second = slim.learning.train(train_op, str(tmp_path), number_of_steps=5)
    assert second < first
    assert tf.train.latest_checkpoint(str(tmp_path)).endswith("model.ckpt-5")
    assert weight < weight_of(tf.train.latest_checkpoint(str(tmp_path))) < 2


def test_a_checkpoint_that_a_thread_has_begun_is_not_the_latest_one(tmp_path):
    begun, ended = threading.Event(), threading.Event()

    class Saver(tf.train.Saver):
        def save(self, sess, path, global_step):
            step, in_thread = int(sess.run(global_step)), threading.current_thread() is not threading.main_thread()
            if in_thread:
                begun.set()
                ended.wait(1)
            path = super().save(sess, path, step)
            if not in_thread:
                ended.set()
            return path

    def step_after_it(*args):
        assert begun.wait(60)
        return slim.learning.train_step(*args)

    _, train_op = regression(0.5)
    slim.learning.train(train_op, str(tmp_path), step_after_it, number_of_steps=3, saver=Saver())
    assert tf.train.latest_checkpoint(str(tmp_path)).endswith("model.ckpt-3")


def test_nothing_is_written_without_a_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    _, train_op = regression()
    started = []
    assert slim.learning.train(train_op, None, number_of_steps=2, init_fn=started.append) > 0
    assert len(started) == 1 and os.listdir(str(tmp_path)) == []


def test_a_step_of_the_callers_own_stops_training(tmp_path):
    _, train_op = regression()
    calls = []

    def step(sess, train_op, global_step, kwargs):
        calls.append(kwargs["mine"])
        loss, should_stop = slim.learning.train_step(sess, train_op, global_step, {})
        assert should_stop is False
        return loss, len(calls) == 4

    slim.learning.train(train_op, None, train_step_fn=step, train_step_kwargs={"mine": 7}, summary_writer=None)
    assert calls == [7] * 4


def test_queues_feed_and_the_end_of_their_input_ends_training(tmp_path):
    queue = tf.train.input_producer([[1.], [2.], [3.], [4.]], num_epochs=1, shuffle=False)
    w = tf.get_variable("w", [], initializer=tf.zeros_initializer())
    train_op = slim.learning.create_train_op(w * tf.reduce_sum(queue.dequeue()), tf.train.GradientDescentOptimizer(1.))
    slim.learning.train(train_op, str(tmp_path), number_of_steps=100)
    reader = tf.train.load_checkpoint(tf.train.latest_checkpoint(str(tmp_path)))
    assert reader.get_tensor("w") == -10 and reader.get_tensor("global_step") == 4


def test_sessions_are_wrapped_and_steps_traced(tmp_path):
    _, train_op = regression()
    wrapped = []

    def wrap(session):
        wrapped.append(session)
        return session

    slim.learning.train(train_op, str(tmp_path), number_of_steps=2, session_wrapper=wrap, trace_every_n_steps=1)
    assert len(wrapped) == 1
    traces = sorted(name for name in os.listdir(str(tmp_path)) if name.startswith("tf_trace"))
    assert "tf_trace-2.json" in traces
    with open(str(tmp_path / "tf_trace-2.json")) as f:
        assert json.load(f)["traceEvents"]


def test_bad_arguments_of_training_are_refused(tmp_path):
    _, train_op = regression()
    for kwargs, message in (
            (dict(number_of_steps=0), "number_of_steps must be positive"),
            (dict(summary_op=None), "summary_op must have a logdir"),
            (dict(saver=tf.train.Saver()), "saver must have a logdir"),
            (dict(trace_every_n_steps=2), "trace_every_n_steps must"),
            (dict(sync_optimizer="x"), "SyncReplicasOptimizer")):
        with pytest.raises(ValueError, match=message):
            slim.learning.train(train_op, None, **kwargs)
    optimizer = tf.train.SyncReplicasOptimizer(tf.train.GradientDescentOptimizer(0.5), 1, 1)
    with pytest.raises(ValueError, match="startup_delay_steps"):
        slim.learning.train(train_op, None, sync_optimizer=optimizer, startup_delay_steps=2)
    with pytest.raises(ValueError, match="train_op must be"):
        slim.learning.train(None, None)
    with pytest.raises(ValueError, match="logdir beside should_trace"):
        slim.learning.train_step(None, train_op, None, {"should_trace": True})


def test_summaries_have_the_names_of_their_tensors():
    x = tf.identity(np.ones([1, 4, 4, 3], "float32") * [[1], [0], [0], [1]], name="x")
    y = tf.reduce_sum(x, name="y")
    slim.summaries.add_histogram_summaries([x], prefix="p")
    slim.summaries.add_image_summary(x, "named")
    slim.summaries.add_scalar_summaries([y])
    slim.summaries.add_zero_fraction_summary(x)
    printed = slim.summaries.add_scalar_summary(y, "printed", "q", print_summary=True)
    assert any(printed is each for each in tf.get_collection(tf.GraphKeys.SUMMARIES))
    slim.summaries.add_zero_fraction_summaries([y], prefix="r")
    slim.summaries.add_image_summaries([x])
    with tf.Session() as sess:
        summary = tf.Summary.FromString(sess.run(tf.summary.merge_all()))
    values = {value.tag: value.simple_value for value in summary.value}
    tags = {"p/x", "named/image/0", "y", "x/Fraction_of_Zero_Values", "q/printed", "r/y/Fraction_of_Zero_Values", "x/image/0"}
    assert {tag.replace("_1", "") for tag in values} == tags
    assert values["x/Fraction_of_Zero_Values"] == 0.5 and values["q/printed"] == 24


def test_sizes_of_graphs_are_counted(capsys):
    x = tf.placeholder(tf.float32, [None, 4], name="x")
    y = tf.get_variable("y", [3, 4], tf.float64)
    slim.fully_connected(x, 2, scope="fc")
    assert slim.model_analyzer.analyze_vars(tf.global_variables(), print_info=True) == (22, 12 * 8 + 10 * 4)
    assert slim.model_analyzer.analyze_ops(tf.get_default_graph(), print_info=True) > 22
    assert slim.model_analyzer.tensor_description(x) == "(float32 ?x4)"
    printed = capsys.readouterr().out
    assert "y:0 (float64_ref 3x4) [12, bytes: 96]" in printed.replace("y:0 (float64 ", "y:0 (float64_ref ")
    assert "Total bytes of variables: 136" in printed and "fc/Relu \t-> (float32 ?x2) [0]" in printed
    assert y.shape.as_list() == [3, 4]
