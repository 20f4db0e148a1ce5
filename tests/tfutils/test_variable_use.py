"""What a graph does with its variables, and a counter of steps that nothing counts up."""
import numpy as np
import pytest
from told import messages

from tensorpack import Callback, FullyConnected, InferenceRunner, ModelSaver, ScalarStats, SimpleTrainer, get_global_step_var
from tensorpack.compat import tfv1 as tf
from tensorpack.dataflow import BatchData, DataFromList
from tensorpack.graph_builder.model_desc import ModelDesc
from tensorpack.tfutils._variable_use import is_used, warn_of_standing_counters, writers_of
from tensorpack.train import TrainConfig, launch_train_with_config
from tensorpack.utils import logger

BOTH_KINDS = pytest.mark.parametrize("use_resource", [False, True], ids=["reference", "resource"])


@BOTH_KINDS
def test_who_writes_a_variable(use_resource, tmp_path):
    variable = tf.get_variable("n", initializer=tf.constant(0), trainable=False, use_resource=use_resource)
    saver = tf.train.Saver()
    tf.summary.scalar("n", variable)
    assert writers_of(variable) == []
    assert not is_used(variable)
    double = variable * 2
    add, count = tf.assign_add(variable, 2), tf.assign(variable, double)
    types = ["AssignAddVariableOp", "AssignVariableOp"] if use_resource else ["AssignAdd", "Assign"]
    assert sorted(op.type for op in writers_of(variable)) == sorted(types) and is_used(variable)  # consumers have no order
    with tf.Session() as sess:
        sess.run(variable.initializer)
        sess.run(add), sess.run(count)
        saver.restore(sess, saver.save(sess, str(tmp_path / "m")))
        assert sess.run(variable) == 4


class Model(ModelDesc):
    """Its rate depends on `step`; its statistics are those of a tf.metrics as well."""

    def __init__(self, step):
        super().__init__()
        self.step = step

    def inputs(self):
        return [tf.TensorSpec((None, 2), tf.float32, "x"), tf.TensorSpec((None,), tf.int32, "y")]

    def build_graph(self, x, y):
        logits = FullyConnected("fc", x, 2)
        tf.metrics.accuracy(y, tf.argmax(logits, 1), name="accuracy")
        tf.reduce_mean(tf.cast(tf.nn.in_top_k(logits, y, 1), tf.float32), name="right")
        return tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(logits=logits, labels=y), name="cost")

    def optimizer(self):
        return tf.train.GradientDescentOptimizer(tf.train.exponential_decay(0.1, self.step(), 10, 0.5))


def data():
    return BatchData(DataFromList([[np.float32([0, 1]), k % 2] for k in range(8)], shuffle=False), 4)


def train(step, log_records, tmp_path, callbacks=()):
    logger.set_logger_dir(str(tmp_path / "log"))
    launch_train_with_config(TrainConfig(
        model=Model(step), dataflow=data(), callbacks=[ModelSaver()] + list(callbacks), max_epoch=1), SimpleTrainer())
    return messages(log_records, "WARNING")


def counted_up():
    step = tf.Variable(0, trainable=False)
    tf.add_to_collection(tf.GraphKeys.UPDATE_OPS, tf.assign_add(step, 1))
    return step


class Counts(Callback):
    """Counts up the variable of that name."""

    def _setup_graph(self):
        self.count = tf.assign_add(next(v for v in tf.global_variables() if v.op.name == "own"), 1)

    def _trigger_step(self):
        self.trainer.sess.run(self.count)


@pytest.mark.parametrize("step, callbacks, told", [
    (lambda: tf.Variable(0, trainable=False, name="own"), [], True),
    (lambda: tf.get_variable("own", [], tf.int64, tf.zeros_initializer(), trainable=False, use_resource=True), [], True),
    (get_global_step_var, [], False), (counted_up, [], False),
    (lambda: tf.Variable(0, trainable=False, name="own"), [Counts()], False),
], ids=["own", "own resource", "that of the training", "counted up by the graph", "counted up by a callback"])
def test_a_counter_that_stands_still_is_told(step, callbacks, told, log_records, tmp_path):
    assert [text for text in train(step, log_records, tmp_path, callbacks) if "schedule" in text] == [
        "The variable 'own' counts the steps of a schedule, and nothing counts it up, so that the schedule stands still. Write "
        "get_global_step_var() in its place, which the training counts up."] * told


@pytest.mark.parametrize("schedule", [
    lambda step: tf.train.exponential_decay(0.1, step, 10, 0.5), lambda step: tf.train.piecewise_constant(step, [9], [1., 0.1]),
    lambda step: tf.train.polynomial_decay(0.1, step, 10), lambda step: tf.train.natural_exp_decay(0.1, step, 10, 0.5),
    lambda step: tf.train.inverse_time_decay(0.1, step, 10, 0.5), lambda step: tf.train.cosine_decay(0.1, step, 10),
    lambda step: tf.train.cosine_decay_restarts(0.1, step, 10), lambda step: tf.train.linear_cosine_decay(0.1, step, 10),
], ids=["exponential", "piecewise", "polynomial", "natural", "inverse", "cosine", "restarts", "linear cosine"])
@BOTH_KINDS
def test_schedules_of_tensorflow_are_known(schedule, use_resource, log_records):
    with tf.variable_scope("model", use_resource=use_resource):
        rate = schedule(tf.get_variable("n", initializer=tf.constant(0), trainable=False))
        number = tf.get_variable("number", initializer=tf.constant(2), trainable=False)
    tf.summary.scalar("rate", rate() if callable(rate) else rate), tf.nn.top_k([1., 2., 3.], number)
    warn_of_standing_counters()
    (text,) = messages(log_records, "WARNING")
    assert text.startswith("The variable 'model/n' counts the steps of a schedule")


@pytest.mark.parametrize("names, told", [
    (["accuracy/value"], ["accuracy/value"]), (["right", "cost"], []), (["accuracy/update_op", "accuracy/value"], []),
], ids=["value", "of a batch", "with its update"])
def test_a_metric_that_nothing_updates_is_told(names, told, log_records, tmp_path):
    texts = train(get_global_step_var, log_records, tmp_path, [InferenceRunner(data(), ScalarStats(names))])
    assert [text for text in texts if "tf.metrics" in text] == [
        "[InferenceRunner] '{}:0' is a result of tf.metrics, which stays as it is, since nothing runs its update operation. "
        "Inferencers average over a pass by themselves: fetch what build_graph computes of a batch, by ScalarStats or "
        "ClassificationError.".format(name) for name in told]


def test_an_optimizer_of_another_kind_is_told_what_it_must_be():
    class Own(Model):
        def get_optimizer(self):
            return "adam"

    with pytest.raises(TypeError, match=r"get_optimizer\) must return a tf.train.Optimizer; got 'adam'; try tf\.train\.Adam"):
        launch_train_with_config(TrainConfig(model=Own(None), dataflow=data(), max_epoch=1), SimpleTrainer())
