"""Callbacks that act in every step."""
import re

import pytest

from tensorpack.callbacks.base import Callback
from tensorpack.callbacks.steps import MaintainStepCounter, ProgressBar, SessionRunTimeout, TensorPrinter, _short_labels
from tensorpack.callbacks.trigger import EnableCallbackIf
from tensorpack.compat import tfv1 as tf
from tensorpack.tfutils.sesscreate import NewSessionCreator
from tensorpack.tfutils.sessinit import DictRestore
from tensorpack.train.base import Trainer


@pytest.fixture
def refresh(monkeypatch):
    """Sets the seconds between two drawings of a progress bar."""
    return lambda seconds: monkeypatch.setenv("TENSORPACK_PROGRESS_REFRESH", str(seconds))


def drawings(capsys):
    return [line for line in re.split(r"[\r\n]+", capsys.readouterr().err) if "%|" in line]


# ---- ProgressBar ----


@pytest.mark.parametrize("names, expected", [
    (["cost:0"], ["cost"]),
    (["tower0/loss/cost:0", "lr:0"], ["cost", "lr"]),
    (["a:1"], ["a:1"]),
    (["a/cost:0", "b/cost:0", "c:0"], ["a/cost", "b/cost", "c"]),
], ids=["plain", "scopes", "second output", "the same last part"])
def test_labels_are_the_last_parts_of_names(names, expected):
    assert _short_labels(names) == expected


def test_the_bar_counts_the_steps_of_each_epoch(counting_trainer, refresh, capsys):
    refresh(100)
    counting_trainer().go([ProgressBar()], steps_per_epoch=3)
    last = [line for line in drawings(capsys) if line.startswith("100%")]
    assert len(last) == 2
    for line in last:
        assert re.match(r"100%\|#+\|3/3\[\d\d:\d\d<\d\d:\d\d, *[\d.,]+it/s\]$", line), line


@pytest.mark.parametrize("steps_per_epoch", [1, 3])
def test_scalars_are_shown_in_every_epoch(counting_trainer, refresh, capsys, steps_per_epoch):
    """Also with one step per epoch, where they used to stay away after the first epoch."""
    refresh(100)
    counting_trainer().go([ProgressBar(["count"])], steps_per_epoch=steps_per_epoch, max_epoch=3)
    last = [line for line in drawings(capsys) if line.startswith("100%")]
    assert [re.search(r"count=([\d.]+)", line).group(1) for line in last] == [str(steps_per_epoch * k) for k in (1, 2, 3)]


def test_every_step_is_drawn_when_asked_for(counting_trainer, refresh, capsys):
    refresh(0)
    counting_trainer().go([ProgressBar("count:0")], steps_per_epoch=3, max_epoch=1)
    shown = [re.search(r"\|(\d)/3\[.*count=(\d)", line) for line in drawings(capsys)]
    assert [match.groups() for match in shown if match][:3] == [("1", "1"), ("2", "2"), ("3", "3")]


def test_a_bar_that_need_not_be_drawn_is_drawn_at_the_ends_only(counting_trainer, refresh, capsys):
    refresh(100)
    counting_trainer().go([ProgressBar(["count"])], steps_per_epoch=50, max_epoch=1)
    assert len(drawings(capsys)) == 2


def test_scalars_of_a_later_callback_can_be_shown(counting_trainer, refresh, capsys):
    class Late(Callback):
        def _setup_graph(self):
            tf.constant(7., name="late")

    refresh(100)
    counting_trainer().go([ProgressBar(["Late/late:0"]), Late()], steps_per_epoch=1, max_epoch=1)
    assert "late=7" in drawings(capsys)[-1]


def test_the_bar_shows_scalars_of_a_resource_variable_and_strings(counting_trainer, refresh, capsys):
    tf.constant("text", name="words")
    refresh(100)
    counting_trainer(use_resource=True).go([ProgressBar(["steps_seen", "words"])], steps_per_epoch=1, max_epoch=1)
    assert re.search(r"steps_seen=[01], words=.*text", drawings(capsys)[-1])


def test_tensors_that_are_no_scalars_are_refused_before_training(counting_trainer):
    tf.constant([1.], name="vector")
    trainer = counting_trainer()
    with pytest.raises(ValueError, match=r"ProgressBar: tensors must be scalars; got shape \(1,\) for 'vector:0'"):
        trainer.go([ProgressBar(["vector:0"])])
    assert trainer.local_step == -1


def test_the_bar_asks_for_the_same_in_each_step(counting_trainer):
    cb = ProgressBar(["count"])
    cb.setup_graph(counting_trainer())
    cb.before_train()
    assert cb.before_run(None) is cb.before_run(None)
    assert ProgressBar().before_run(None) is None and cb.chief_only is False


def test_the_bar_works_with_no_steps_and_under_conditions(counting_trainer):
    counting_trainer().go([ProgressBar()], steps_per_epoch=0)
    with tf.Graph().as_default():
        counting_trainer().go([EnableCallbackIf(ProgressBar(["count"]), lambda cb: cb.local_step == 1)], steps_per_epoch=3)


def test_the_bar_is_closed_when_training_fails_in_an_epoch(counting_trainer):
    class Fail(Callback):
        def _trigger_step(self):
            raise ValueError("x")

    cb = ProgressBar()
    with pytest.raises(ValueError):
        counting_trainer().go([cb, Fail()])
    assert cb._bar is None


# ---- TensorPrinter ----


@pytest.mark.parametrize("names", [["count", "pair:0"], "count:0"], ids=["list", "string"])
def test_tensor_printer_logs_each_step(counting_trainer, log_records, names):
    tf.constant([1, 2], name="pair")
    cb = TensorPrinter(names)
    assert [r.levelname for r in log_records] == ["WARNING"]
    counting_trainer().go([cb], steps_per_epoch=2, max_epoch=1)
    lines = [r.getMessage() for r in log_records if r.levelname == "INFO"]
    assert [line for line in lines if line.startswith("count:0")] == ["count:0: 1.0", "count:0: 2.0"]
    assert ("pair:0: [1 2]" in lines) == (len(names) == 2)
    assert cb.chief_only is True and cb.before_run(None) is cb.before_run(None)


# ---- SessionRunTimeout ----


def test_a_step_that_takes_too_long_fails_and_it_is_told_whose_limit_that_was(counting_trainer, log_records):
    trainer = counting_trainer()
    trainer.train_op = tf.FIFOQueue(1, [tf.float32]).dequeue()
    with pytest.raises(tf.errors.DeadlineExceededError):
        trainer.go([SessionRunTimeout(100)])
    assert any("SessionRunTimeout: a step must end within 100 ms" in record.getMessage() for record in log_records)


def test_steps_in_time_go_on(counting_trainer):
    trainer = counting_trainer()
    trainer.go([SessionRunTimeout(60000)])
    assert trainer.global_step == 8
    assert SessionRunTimeout(5).chief_only is True


# ---- MaintainStepCounter ----


@pytest.mark.parametrize("use_resource", [False, True], ids=["ref", "resource"])
def test_the_step_is_counted_by_the_operation_of_this_name(counting_trainer, use_resource):
    steps = []

    class ReadGlobalStep(Callback):
        def _trigger_step(self):
            value, = self.get_tensors_maybe_in_tower(["global_step:0"])
            steps.append((int(self.trainer.sess.run(value)), self.global_step))

    trainer = counting_trainer()
    with tf.variable_scope(tf.get_variable_scope(), use_resource=use_resource):
        trainer.go([ReadGlobalStep()], steps_per_epoch=2)
    assert steps == [(k, k) for k in (1, 2, 3, 4)]
    variable = tf.train.get_global_step()
    assert trainer.graph.get_operation_by_name("global_step_incr")
    assert variable.name == "global_step:0" and variable.dtype.base_dtype == tf.int64
    assert variable in tf.global_variables() and variable not in tf.trainable_variables()


def _late(step):
    """The step, added to something that takes its time, so that what does not wait for its users is seen."""
    slow = tf.fill([600, 600], 0.)
    return step + tf.cast(tf.reduce_max(tf.matmul(slow, slow)), tf.int64)


SCHEDULES = [
    ("exponential", lambda step: tf.train.exponential_decay(1., step, 1, .9, staircase=True), lambda k: .9 ** k),
    ("piecewise", lambda step: tf.train.piecewise_constant(step, [9, 19], [1., 2., 3.]), lambda k: 1 + (k > 9) + (k > 19)),
    ("identity", lambda step: tf.to_float(_late(tf.identity(step))), float),
    ("condition", lambda step: tf.cond(_late(step) < 15, lambda: 2., lambda: 4.), lambda k: 2 if k < 15 else 4),
    ("division", lambda step: tf.to_float(_late(step) // 10), lambda k: k // 10),
    ("same memory", lambda step: tf.to_float(_late(tf.reshape(tf.expand_dims(step, 0), []))), float),
    ("warm-up", lambda step: tf.cond(step < 5, lambda: tf.to_float(_late(step)) / 5, lambda: 2.),
     lambda k: k / 5 if k < 5 else 2),
    ("warm-up, then piecewise", lambda step: tf.cond(
        step < 5, lambda: tf.to_float(step), lambda: tf.train.piecewise_constant(_late(step), [9], [1., 2.])),
     lambda k: k if k < 5 else 1 + (k > 9)),
    ("chosen step", lambda step: tf.to_float(_late(tf.cond(step < 5, lambda: tf.identity(step), lambda: -step))),
     lambda k: k if k < 5 else -k),
]


@pytest.mark.parametrize("use_resource", [False, True], ids=["ref", "resource"])
@pytest.mark.parametrize("make, expected", [s[1:] for s in SCHEDULES], ids=[s[0] for s in SCHEDULES])
def test_a_schedule_in_the_graph_sees_the_steps_before_this_one(make, expected, use_resource):
    """It used to depend on chance, and on 2.21 to be the next step nearly always."""
    seen = []

    class Keep(Callback):
        def _before_run(self, _):
            return [rate]

        def _after_run(self, _, values):
            seen.extend(values.results)

    config = tf.ConfigProto()  # nothing is computed ahead of time
    config.graph_options.optimizer_options.opt_level = tf.OptimizerOptions.L0
    config.graph_options.rewrite_options.disable_meta_optimizer = True
    with tf.variable_scope(tf.get_variable_scope(), use_resource=use_resource):
        trainer = Trainer()
        weights = tf.get_variable("weights", [3, 3])
        x = tf.random_uniform([8, 3])
        rate = make(tf.train.get_or_create_global_step())
        cost = tf.reduce_mean(tf.square(tf.matmul(x, weights) - x))
        trainer.train_op = tf.train.AdamOptimizer(rate).minimize(cost)
        trainer.train_with_defaults(callbacks=[Keep()], monitors=[], extra_callbacks=[], steps_per_epoch=30, max_epoch=1,
                                    session_creator=NewSessionCreator(config=config))
    assert seen == pytest.approx([expected(k) for k in range(30)], rel=1e-5)


def test_users_of_the_step_that_need_data_or_have_effects_are_not_run_with_each_step():
    step = tf.train.get_or_create_global_step()
    tf.add(step, tf.placeholder(tf.int64, []))
    tf.cond(tf.placeholder(tf.bool, []), lambda: step + 1, lambda: step + 2)
    with tf.control_dependencies([tf.placeholder(tf.float32, [])]):
        tf.cast(step, tf.float32)
    tf.print(step)
    trainer = Trainer()
    trainer.train_op = tf.no_op()
    trainer.train_with_defaults(monitors=[], extra_callbacks=[], steps_per_epoch=3, max_epoch=1)
    assert trainer.global_step == 3


def test_the_counter_asks_for_the_same_in_each_step(counting_trainer):
    cb = MaintainStepCounter()
    cb.setup_graph(counting_trainer())
    assert cb.before_run(None) is cb.before_run(None) and cb.chief_only is False


@pytest.mark.parametrize("start, logged", [(0, False), (70, True)])
def test_a_start_at_another_step_is_logged(counting_trainer, log_records, start, logged):
    trainer = counting_trainer()
    trainer.train([], [], NewSessionCreator(), DictRestore({"global_step": start}), steps_per_epoch=2, max_epoch=1)
    assert any("global_step={}".format(start) in r.getMessage() for r in log_records) == logged
    assert trainer.global_step == start + 2


def test_every_run_of_the_hooked_session_counts():
    class TwoRuns(Trainer):
        def run_step(self):
            self.hooked_sess.run([])
            self.hooked_sess.run([])

    trainer = TwoRuns()
    trainer.train_with_defaults(steps_per_epoch=3, max_epoch=2, monitors=[])
    assert trainer.global_step == 12
