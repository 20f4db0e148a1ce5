"""Callbacks that change when another callback acts."""
import re

import pytest
from small_training import messages

from tensorpack import callbacks
from tensorpack.callbacks.base import Callback
from tensorpack.callbacks.trigger import EnableCallbackIf, PeriodicCallback, PeriodicTrigger
from tensorpack.compat import tfv1 as tf


class NeverAtEpochs(Callback):
    """Must be triggered by the schedule only."""

    def __init__(self):
        self.triggered = []

    def _trigger_epoch(self):
        raise AssertionError("the epoch triggers it")

    def _trigger(self):
        self.triggered.append((self.epoch_num, self.global_step))


# ---- PeriodicTrigger ----


@pytest.mark.parametrize("options, expected", [
    ({"every_k_steps": 3}, [(1, 3), (2, 6), (3, 9), (3, 12)]),
    ({"every_k_epochs": 2}, [(2, 8)]),
    ({"every_k_epochs": 2, "before_train": True}, [(0, 0), (2, 8)]),
    ({"before_train": True}, [(0, 0)]),
    ({"every_k_steps": 5, "every_k_epochs": 1}, [(1, 4), (2, 5), (2, 8), (3, 10), (3, 12)]),
], ids=str)
def test_periodic_trigger_fires_at(counting_trainer, options, expected):
    cb = NeverAtEpochs()
    counting_trainer().go([PeriodicTrigger(cb, **options)], steps_per_epoch=4, max_epoch=3)
    assert cb.triggered == expected


def test_periodic_trigger_passes_everything_else(counting_trainer, journal):
    plain, wrapped = journal(), journal()
    counting_trainer().go([plain, PeriodicTrigger(wrapped, every_k_epochs=2)], steps_per_epoch=2)
    assert wrapped.calls == [call for call in plain.calls
                             if call[0] != "trigger_epoch" and not (call[0] == "trigger" and call[1] == 1)]


class OfEpochs(Callback):
    def _trigger_epoch(self):
        pass


class OfSteps(Callback):
    def before_run(self, ctx):
        pass


NOT_TRIGGERED = {
    "DumpTensors": (lambda: callbacks.DumpTensors(["cost:0"]), "before_run, after_run is done at every step"),
    "GPUUtilizationTracker": (lambda: callbacks.GPUUtilizationTracker([0]), "_trigger_epoch is never called"),
    "GraphProfiler": (lambda: callbacks.GraphProfiler(), "at every step"),
    "MergeAllSummaries_RunWithOp": (lambda: callbacks.MergeAllSummaries(), "at every step"),
    "OfEpochs": (OfEpochs, "_trigger_epoch is never called"),
    "OfSteps": (OfSteps, "at every step"),
    "ProcessTensors": (lambda: callbacks.ProcessTensors(["cost:0"], print), "at every step"),
    "ProgressBar": (lambda: callbacks.ProgressBar(), "at every step"),
    "RunOp": (lambda: callbacks.RunOp(tf.no_op, run_as_trigger=False, run_step=True), "at every step"),
    "RunUpdateOps": (lambda: callbacks.RunUpdateOps(), "at every step"),
    "ScalarPrinter": (lambda: callbacks.ScalarPrinter(), "_trigger_epoch is never called"),
    "ScheduledHyperParamSetter": (lambda: callbacks.ScheduledHyperParamSetter("lr", [(1, 2)], step_based=True),
                                  "at every step"),
    "SessionRunTimeout": (lambda: callbacks.SessionRunTimeout(10), "at every step"),
    "SimpleMovingAverage": (lambda: callbacks.SimpleMovingAverage("cost", 2), "at every step"),
    "TensorPrinter": (lambda: callbacks.TensorPrinter("cost"), "at every step"),
    "TerminateOnNaN": (lambda: callbacks.TerminateOnNaN("cost"), "at every step"),
    "ProxyCallback": (lambda: callbacks.ProxyCallback(callbacks.TerminateOnNaN("cost")), "at every step"),
    "CallbackFactory": (lambda: callbacks.CallbackFactory(before_train=print), "does nothing when it is triggered"),
    "Callbacks": (lambda: callbacks.Callbacks([callbacks.ProgressBar()]), "at every step"),
}


@pytest.mark.parametrize("name", sorted(NOT_TRIGGERED))
def test_what_has_nothing_to_do_at_triggers_is_warned_of(log_dir, log_records, name):
    make, words = NOT_TRIGGERED[name]
    cb = make()
    del log_records[:]
    PeriodicTrigger(cb, every_k_epochs=3)
    (warning,) = messages(log_records, "WARNING")
    assert re.search("{}.*{}.*PeriodicCallback".format(re.escape(str(cb)), words), warning)


class OwnRunOp(callbacks.RunOp):
    def _trigger(self):
        pass


@pytest.mark.parametrize("make", [
    lambda: callbacks.ModelSaver(), lambda: callbacks.RunOp(tf.no_op), lambda: callbacks.CheckNumerics(),
    lambda: OwnRunOp(tf.no_op, run_as_trigger=False, run_step=True), lambda: callbacks.CallbackFactory(trigger=print),
    lambda: callbacks.ScheduledHyperParamSetter("lr", [(1, 2)]), lambda: callbacks.MergeAllSummaries(run_alone=True),
    lambda: PeriodicCallback(callbacks.ModelSaver(), every_k_steps=2), lambda: callbacks.ThroughputTracker(),
    lambda: callbacks.Callbacks([callbacks.ProgressBar(), callbacks.ModelSaver()])],
    ids=["saver", "op", "check", "own", "factory", "schedule", "alone", "nested", "throughput", "list"])
def test_what_acts_at_triggers_is_not_warned_of(log_dir, log_records, make):
    PeriodicTrigger(make(), every_k_epochs=3)
    assert not messages(log_records, "WARNING")


@pytest.mark.parametrize("make", [PeriodicTrigger, PeriodicCallback], ids=lambda m: m.__name__)
@pytest.mark.parametrize("options, message", [
    ({}, "every_k_steps or every_k_epochs must be given"),
    ({"every_k_steps": 0}, "every_k_steps must be at least 1; got 0"),
    ({"every_k_epochs": -1}, "every_k_epochs must be at least 1; got -1"),
], ids=["nothing", "zero", "negative"])
def test_periods_that_make_no_sense(make, options, message):
    with pytest.raises(ValueError, match="{}-Callback: {}".format(make.__name__, message)):
        make(Callback(), **options)


@pytest.mark.parametrize("make, text, call", [
    (lambda: PeriodicTrigger(Callback(), every_k_steps=3), "PeriodicTrigger-Callback",
     "PeriodicTrigger(triggerable=Callback(), every_k_steps=3)"),
    (lambda: PeriodicCallback(Callback(), every_k_epochs=3), "PeriodicCallback-Callback",
     "PeriodicCallback(callback=Callback(), every_k_epochs=3)"),
    (lambda: EnableCallbackIf(Callback(), any), "EnableCallbackIf-Callback",
     "EnableCallbackIf(callback=Callback(), pred=any)"),
], ids=["PeriodicTrigger", "PeriodicCallback", "EnableCallbackIf"])
def test_str_and_repr(make, text, call):
    assert str(make()) == text and repr(make()) == call


# ---- EnableCallbackIf ----


def test_a_predicate_gates_all_but_setup_and_the_two_ends(counting_trainer, journal):
    cb = journal()
    counting_trainer().go([EnableCallbackIf(cb, lambda self: False)])
    assert [call[0] for call in cb.calls] == ["setup_graph", "before_train", "after_train"]


def test_a_true_predicate_changes_nothing(counting_trainer, journal):
    plain, wrapped = journal(), journal()
    counting_trainer().go([plain, EnableCallbackIf(wrapped, lambda self: True)])
    assert wrapped.calls == plain.calls


def test_the_predicate_sees_the_counters(counting_trainer, journal):
    cb = journal()
    gated = EnableCallbackIf(cb, lambda self: self.epoch_num == 2 and self.local_step >= 2)
    counting_trainer().go([gated], steps_per_epoch=4)
    assert cb.of("before_run", "after_run", "trigger_step") == [
        ("before_run", 2, 6, 2), ("after_run", 2, 7, 2), ("trigger_step", 2, 7, 2),
        ("before_run", 2, 7, 3), ("after_run", 2, 8, 3), ("trigger_step", 2, 8, 3)]
    assert cb.of("trigger_epoch") == [(2, 8, 3)]


def test_after_run_follows_its_before_run(counting_trainer, journal):
    """The predicate changes its mind between the two, since the global step moves on."""
    cb = journal()
    counting_trainer().go([EnableCallbackIf(cb, lambda self: self.global_step % 2 == 0)], steps_per_epoch=4, max_epoch=1)
    assert cb.of("before_run") == [(1, 0, 0), (1, 2, 2)] and cb.of("after_run") == [(1, 1, 0), (1, 3, 2)]


@pytest.mark.parametrize("predicate, before, after", [
    (lambda self: self.global_step % 3 == 0, [0, 15], [15]),
    (lambda self: self.global_step >= 4, [5, 10, 15, 20], [5, 10, 15, 20, 25]),
    (lambda self: self.global_step < 2, [0], []),
    (lambda self: self.local_step in (1, 2), [], []),
    (lambda self: self.epoch_num % 2 == 0, [5, 15], [10, 20]),
], ids=["now and then", "from the middle", "until the middle", "inside only", "epochs"])
def test_before_epoch_and_after_epoch_ask_each_for_itself(counting_trainer, journal, predicate, before, after):
    cb = journal()
    counting_trainer().go([EnableCallbackIf(cb, predicate)], steps_per_epoch=5, max_epoch=5)
    assert [gs for _, gs, _ in cb.of("before_epoch")] == before
    assert [gs for _, gs, _ in cb.of("after_epoch")] == after


def test_an_outer_trigger_is_gated(counting_trainer):
    cb = NeverAtEpochs()
    gated = EnableCallbackIf(cb, lambda self: self.epoch_num != 2)
    counting_trainer().go([PeriodicTrigger(gated, every_k_epochs=1)], steps_per_epoch=1, max_epoch=3)
    assert [epoch for epoch, _ in cb.triggered] == [1, 3]


def test_a_predicate_is_a_function():
    with pytest.raises(TypeError, match="EnableCallbackIf: pred must be a function.*got True"):
        EnableCallbackIf(Callback(), True)


# ---- PeriodicCallback ----


def test_every_k_steps(counting_trainer, journal):
    cb = journal()
    counting_trainer().go([PeriodicCallback(cb, every_k_steps=3)], steps_per_epoch=9, max_epoch=1)
    assert [gs for _, gs, _ in cb.of("before_run")] == [0, 3, 6]
    assert [gs for _, gs, _ in cb.of("after_run")] == [1, 4, 7]
    assert [gs for _, gs, _ in cb.of("trigger_step")] == [3, 6, 9]


def test_every_k_epochs_has_whole_epochs_and_the_very_last_step(counting_trainer, journal):
    cb = journal()
    counting_trainer().go([PeriodicCallback(cb, every_k_epochs=2)], steps_per_epoch=3, max_epoch=3)
    assert [call[1:] for call in cb.of("before_run", "after_run", "trigger_step", "trigger_epoch")] == [
        (2, 3, 0), (2, 4, 0), (2, 4, 0), (2, 4, 1), (2, 5, 1), (2, 5, 1), (2, 5, 2), (2, 6, 2), (2, 6, 2), (2, 6, 2),
        (3, 8, 2), (3, 9, 2), (3, 9, 2), (3, 9, 2)]


@pytest.mark.parametrize("options, before, after", [
    ({"every_k_steps": 3}, [0, 12], [12]), ({"every_k_steps": 4}, [0, 4, 8, 12, 16], [4, 8, 12, 16, 20]),
    ({"every_k_epochs": 2}, [4, 12, 16], [8, 16, 20]), ({"every_k_epochs": 3}, [8, 16], [12, 20])], ids=str)
def test_when_an_epoch_begins_and_ends(counting_trainer, journal, options, before, after):
    cb = journal()
    counting_trainer().go([PeriodicCallback(cb, **options)], steps_per_epoch=4, max_epoch=5)
    assert [gs for _, gs, _ in cb.of("before_epoch")] == before
    assert [gs for _, gs, _ in cb.of("after_epoch")] == after
