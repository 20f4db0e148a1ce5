"""Callbacks that compute summaries and send them to the monitors."""
import functools

import pytest

from tensorpack.callbacks.base import Callback
from tensorpack.callbacks.graph import RunUpdateOps
from tensorpack.callbacks.monitor import MonitorBase
from tensorpack.callbacks.summary import (
    MergeAllSummaries,
    MergeAllSummaries_RunAlone,
    MergeAllSummaries_RunWithOp,
    MovingAverageSummary,
    SimpleMovingAverage,
)
from tensorpack.compat import tfv1 as tf
from tensorpack.tfutils.summary import add_moving_summary, add_param_summary, add_tensor_summary
from tensorpack.tfutils.tower import TowerContext
from tensorpack.train.base import Trainer


class Scalars(MonitorBase):
    """Notes (global step, name, value) of all scalars."""

    def __init__(self):
        self.got = []

    def process_scalar(self, name, val):
        self.got.append((self.global_step, name, val))


class ReadAverage(Callback):
    """Reads the moving average after each step."""

    def __init__(self):
        self.values = []

    def _trigger_step(self):
        self.values.append(float(self.trainer.sess.run(self.get_tensors_maybe_in_tower(["EMA/count:0"])[0])))


def train(trainer, *callbacks, **kwargs):
    """Train and return the scalars that arrived."""
    scalars = Scalars()
    trainer.go(callbacks, monitors=[scalars], **kwargs)
    return scalars.got


# ---- MovingAverageSummary ----


@pytest.mark.parametrize("use_resource", [False, True], ids=["ref", "resource"])
@pytest.mark.parametrize("train_op", [None, "operation", "tensor", "operation name", "tensor name"])
def test_averages_are_maintained_in_each_step(counting_trainer, log_records, train_op, use_resource):
    trainer, read = counting_trainer(use_resource), ReadAverage()
    with tf.variable_scope(tf.get_variable_scope(), use_resource=use_resource):
        add_moving_summary(trainer.count, decay=0.5)
    step = tf.group(trainer.count, name="step")
    trainer.train_op = step
    given = {None: None, "operation": step, "tensor": tf.identity(trainer.count, name="out"), "operation name": "step",
             "tensor name": "count_1:0"}[train_op]
    if train_op == "tensor":
        trainer.train_op = given.op
    elif train_op == "tensor name":
        trainer.train_op = tf.identity(trainer.count, name="count_1").op
    cb = MovingAverageSummary(train_op=given)
    trainer.go([cb, read], steps_per_epoch=3, max_epoch=1)
    # debiased: (0.5 * 1), (0.25 * 1 + 0.5 * 2) / 0.75, ...
    assert read.values == pytest.approx([1., 1.25 / 0.75, (0.125 * 1 + 0.25 * 2 + 0.5 * 3) / 0.875])
    assert any("of 1 tensor in collection MOVING_SUMMARY_OPS" in r.getMessage() for r in log_records)
    if train_op is None:
        assert trainer.graph.get_operation_by_name("MovingAverageSummary/maintain_moving_average_summary")
        assert cb.before_run(None) is cb.before_run(None) is not None
    else:
        assert cb.before_run(None) is None


def test_the_collection_can_be_chosen_and_may_be_empty(counting_trainer):
    cb = MovingAverageSummary("mine")
    cb.setup_graph(counting_trainer())
    assert cb.before_run(None) is None and cb.chief_only is True


@pytest.mark.parametrize("train_op", [3, ["a"]], ids=str)
def test_a_train_op_of_another_type_is_refused(train_op):
    with pytest.raises(TypeError, match="MovingAverageSummary: train_op must be"):
        MovingAverageSummary(train_op=train_op)


# ---- MergeAllSummaries ----


@pytest.mark.parametrize("run_alone", [False, True], ids=["with the step", "alone"])
@pytest.mark.parametrize("period, expected", [
    (0, [4, 8]),
    (2, [2, 4, 6, 8]),
    (3, [3, 4, 7, 8]),
    (1, [1, 2, 3, 4, 5, 6, 7, 8]),
], ids=str)
def test_summaries_are_taken_at_the_end_of_epochs_and_periodically(counting_trainer, period, expected, run_alone):
    trainer = counting_trainer()
    tf.summary.scalar("seen-summary", trainer.variable.read_value() if run_alone else trainer.count)
    got = train(trainer, MergeAllSummaries(period, run_alone))
    assert got == [(step, "seen", float(step)) for step in expected]


@pytest.mark.parametrize("run_alone", [False, True], ids=["with the step", "alone"])
def test_the_collection_of_summaries_can_be_chosen(counting_trainer, log_records, run_alone):
    trainer = counting_trainer()
    tf.summary.scalar("a", trainer.variable.read_value(), collections=["mine"])
    tf.summary.scalar("b", trainer.variable.read_value())
    got = train(trainer, MergeAllSummaries(run_alone=run_alone, key="mine"), max_epoch=1)
    assert [name for _, name, _ in got] == ["a"]
    assert any("'mine' of size 1" in r.getMessage() for r in log_records)


@pytest.mark.parametrize("run_alone", [False, True], ids=["with the step", "alone"])
def test_no_summaries_at_all(counting_trainer, run_alone):
    assert train(counting_trainer(), MergeAllSummaries(period=1, run_alone=run_alone)) == []


def of_a_variable(use_resource):
    variable = tf.get_variable("learning_rate", [], use_resource=use_resource, trainable=False)
    tf.summary.scalar("learning_rate", variable)


def of_a_tensor(use_resource):
    tf.summary.scalar("cost", tf.constant(1., name="cost"))


def of_a_layer(use_resource):
    with tf.name_scope("fc"):
        x = tf.constant(1., name="x")
    tf.summary.scalar("fc", x)


def in_a_tower(use_resource):
    with tf.name_scope("tower0"):
        tf.summary.scalar("cost", tf.constant(1., name="cost"))


@pytest.mark.parametrize("use_resource", [False, True], ids=["ref", "resource"])
@pytest.mark.parametrize("make, asked, got", [
    (of_a_variable, "learning_rate", "learning_rate_1"), (of_a_tensor, "cost", "cost_1"), (of_a_layer, "fc", "fc_1"),
    (in_a_tower, "cost", "cost_1")], ids=["variable", "tensor", "scope", "tower"])
def test_a_summary_that_tensorflow_has_renamed_is_told(counting_trainer, log_records, make, asked, got, use_resource):
    trainer = counting_trainer()
    make(use_resource)
    MergeAllSummaries().setup_graph(trainer)
    (warning,) = [r.getMessage() for r in log_records if r.levelname == "WARNING"]
    assert "'{}'".format(got) in warning and "tf.summary.scalar('{}-summary', ...)".format(asked) in warning


def test_summaries_with_names_of_their_own_are_not_told_of(counting_trainer, log_records):
    trainer = counting_trainer()
    rate = tf.get_variable("rate", [], trainable=False)
    cost = tf.constant(1., name="cost")
    add_moving_summary(cost)
    add_param_summary((".*", ["rms", "histogram"]))
    add_tensor_summary(cost, ["scalar"])
    tf.summary.scalar("rate-summary", rate)
    tf.summary.scalar("error", cost), tf.summary.scalar("error_1", cost), tf.summary.scalar("error_5", cost)
    tf.summary.scalar("top_1", cost), tf.summary.histogram("h", cost), tf.summary.image("i", tf.zeros([1, 2, 2, 1]))
    MergeAllSummaries().setup_graph(trainer)
    assert not [r for r in log_records if r.levelname == "WARNING"]


def test_a_summary_of_a_vector_as_a_scalar_is_an_error_when_the_graph_is_set_up(counting_trainer):
    tf.summary.scalar("error", tf.placeholder(tf.float32, None)), tf.summary.scalar("c", 1.)
    tf.summary.scalar("tower0/mean", tf.constant([1., 2.], name="means"))
    with pytest.raises(ValueError, match=r"scalar\('mean', ...\): the tensor must be a scalar; got 'means:0' of shape \(2,\)"):
        MergeAllSummaries().setup_graph(counting_trainer())


def test_the_two_kinds_and_their_name_scopes(counting_trainer):
    with_op, alone = MergeAllSummaries(), MergeAllSummaries(run_alone=True)
    assert type(with_op) is MergeAllSummaries_RunWithOp and type(alone) is MergeAllSummaries_RunAlone
    assert str(with_op) == "MergeAllSummaries_RunWithOp" and with_op.chief_only is True
    trainer = counting_trainer()
    tf.summary.scalar("a", 1.)
    with_op.setup_graph(trainer)
    assert with_op.summary_op.op.name.startswith("MergeAllSummariesRunWithOp/")


@pytest.mark.parametrize("period", [-1, 0.5], ids=str)
def test_a_period_is_a_number_of_steps(period):
    with pytest.raises(ValueError, match="MergeAllSummaries: period must be"):
        MergeAllSummaries(period)


def test_steps_of_several_runs_and_no_steps():
    class TwoRuns(Trainer):
        def run_step(self):
            self.hooked_sess.run([])
            self.hooked_sess.run([])

    tf.summary.scalar("a", 1.)
    scalars = Scalars()
    TwoRuns().train_with_defaults(callbacks=[], extra_callbacks=[MergeAllSummaries()], monitors=[scalars], steps_per_epoch=2,
                                  max_epoch=1)
    assert [step for step, _, _ in scalars.got] == [3, 4]
    with tf.Graph().as_default():
        tf.summary.scalar("a", 1.)
        TwoRuns().train_with_defaults(extra_callbacks=[MergeAllSummaries()], monitors=[], steps_per_epoch=0, max_epoch=1)


# ---- SimpleMovingAverage ----


@pytest.mark.parametrize("tensors", ["count", "count:0", ["count:0"]], ids=str)
def test_the_mean_of_the_window_is_sent_when_it_is_full(counting_trainer, tensors):
    """A bare string is one name, not several names of one letter."""
    got = train(counting_trainer(), SimpleMovingAverage(tensors, 3))
    assert got == [(3, "count/SMA", 2.), (6, "count/SMA", 5.)]


def test_several_means_and_tensors_of_the_tower(counting_trainer):
    trainer = counting_trainer()
    with TowerContext("tower0", is_training=True):
        tf.multiply(trainer.count, 2., name="double")
    got = train(trainer, SimpleMovingAverage(["count", "tower0/double"], 2), steps_per_epoch=2, max_epoch=1)
    assert got == [(2, "count/SMA", 1.5), (2, "tower0/double/SMA", 3.)]


def test_only_scalars_have_a_mean(counting_trainer):
    tf.constant([1.], name="vector")
    with pytest.raises(ValueError, match=r"SimpleMovingAverage: tensors must be scalars; got shape \(1,\) for 'vector:0'"):
        SimpleMovingAverage("vector", 3).setup_graph(counting_trainer())


@pytest.mark.parametrize("window_size", [0, -1, 1.5], ids=str)
def test_a_window_is_a_number_of_steps(window_size):
    with pytest.raises(ValueError, match="SimpleMovingAverage: window_size must be"):
        SimpleMovingAverage("a", window_size)


# ---- collections that hold nothing ----


@pytest.mark.parametrize("make, argument", [
    (MergeAllSummaries, "key"), (functools.partial(MergeAllSummaries, run_alone=True), "key"),
    (MovingAverageSummary, "collection"), (RunUpdateOps, "collection"),
], ids=["MergeAllSummaries", "MergeAllSummaries alone", "MovingAverageSummary", "RunUpdateOps"])
@pytest.mark.parametrize("key, told", [
    ("mime", "did you mean 'mine'?"), ("else", "; there are '"), ("mine", None), (None, None),
], ids=["nearly", "nothing alike", "filled", "default"])
def test_a_collection_that_was_chosen_and_is_empty_is_told_once(counting_trainer, log_records, make, argument, key, told):
    trainer = counting_trainer()
    tf.summary.scalar("a", trainer.variable.read_value(), collections=["mine"])
    for _ in range(2):
        make(**({} if key is None else {argument: key})).setup_graph(trainer)
    warned = [r.getMessage() for r in log_records if r.levelname == "WARNING"]
    assert [told in text and repr(key) in text for text in warned] == ([True] if told else [])
