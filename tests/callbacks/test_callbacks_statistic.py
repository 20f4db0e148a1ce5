"""Callbacks that look at a statistic tell, after their first trigger, that it has no value, or comes too late for them."""
import doctest

import pytest
from small_training import Call, PutEachEpoch, messages, train_in_new_graph

import tensorpack.callbacks as callbacks
from tensorpack.callbacks._checks import statistic as _statistic
from tensorpack.callbacks.early_stop import EarlyStop
from tensorpack.callbacks.monitor import SendMonitorData
from tensorpack.callbacks.param import ObjAttrParam, StatMonitorParamSetter
from tensorpack.callbacks.saver import MaxSaver, MinSaver, ModelSaver
from tensorpack.callbacks.trigger import PeriodicTrigger


class Holder:
    rate = 1.0


MAKERS = {
    "EarlyStop": lambda name: EarlyStop(name, 9),
    "MaxSaver": lambda name: MaxSaver(name),
    "MinSaver": lambda name: MinSaver(name),
    "StatMonitorParamSetter": lambda name: StatMonitorParamSetter(ObjAttrParam(Holder(), "rate"), name, lambda x: x, 0, 9),
}
ALL = pytest.mark.parametrize("name", sorted(MAKERS))
NEEDS_ORDER = pytest.mark.parametrize("name", ["EarlyStop", "StatMonitorParamSetter"])

ERRORS = {epoch: 1. / epoch for epoch in range(1, 10)}


def warnings_by_epoch(log_records, callbacks, epochs=4):
    """(epoch that was over, message) of all warnings."""
    found = []

    def look(cb):
        found.extend((cb.epoch_num - 1, m) for m in messages(log_records, "WARNING"))
        del log_records[:]

    class Look(Call):
        def _before_epoch(self):
            look(self)

    def at_the_end(cb):
        found.extend((cb.epoch_num, m) for m in messages(log_records, "WARNING"))
        del log_records[:]

    del log_records[:]
    train_in_new_graph(list(callbacks) + [Look(after_train=at_the_end)], epochs=epochs)
    return found


@ALL
@pytest.mark.parametrize("stat_first", [True, False], ids=["after", "before"])
def test_a_typo_is_told_after_the_first_trigger_and_at_the_end(log_dir, log_records, name, stat_first):
    callbacks = [PutEachEpoch("validation_value", ERRORS), MAKERS[name]("validaton_value")]
    (epoch, warning), (last_epoch, last) = warnings_by_epoch(log_records, callbacks if stat_first else callbacks[::-1])
    assert (epoch, last_epoch) == (1, 4) and name in warning
    assert "no value of 'validaton_value'" in warning and "near names are 'validation_value'" in warning
    assert last.startswith(name + " has done nothing in this training: 'validaton_value' never had a value; the statistics "
                           "were ") and last.endswith("'validation_value'.")


@ALL
def test_a_statistic_that_comes_later_is_not_told_of_at_the_end(log_dir, log_records, name):
    callbacks = [PutEachEpoch("gap", {3: 0.5, 4: 0.4}), MAKERS[name]("gap")]
    assert [epoch for epoch, message in warnings_by_epoch(log_records, callbacks) if "no value of" in message] == [1]
    assert not messages(log_records, "WARNING")


@ALL
def test_a_typo_is_told_when_there_is_one_epoch_only(log_dir, log_records, name):
    ((epoch, warning),) = warnings_by_epoch(log_records, [PutEachEpoch("gap", ERRORS), MAKERS[name]("gapp")], epochs=1)
    assert epoch == 1 and "near names are 'gap'" in warning


@ALL
def test_a_typo_is_told_also_when_triggered_otherwise(log_dir, log_records, name):
    callbacks = [PeriodicTrigger(MAKERS[name]("gapp"), every_k_epochs=2), PutEachEpoch("gap", ERRORS)]
    assert [epoch for epoch, _ in warnings_by_epoch(log_records, callbacks)] == [2, 4]


def test_a_typo_in_what_is_sent_is_told(log_dir, log_records):
    del log_records[:]
    train_in_new_graph([PutEachEpoch("gap", ERRORS), PutEachEpoch("cost", ERRORS)],
                       [SendMonitorData("true {gap} {cots}", ["gap", "cots"])], epochs=3)
    warning, last = messages(log_records, "WARNING")
    assert "SendMonitorData: there is no value of 'cots'" in warning and "near names are 'cost'" in warning
    assert "SendMonitorData has done nothing" in last and "the statistics were 'cost', 'gap'" in last


@NEEDS_ORDER
def test_what_comes_before_its_statistic_is_told_of_in_one_line(log_dir, log_records, name):
    ((epoch, warning),) = warnings_by_epoch(log_records, [MAKERS[name]("gap"), PutEachEpoch("gap", ERRORS)])
    assert epoch == 1 and warning.startswith(name) and "'gap'" in warning
    assert "after" in warning and "in the list of callbacks" in warning


@ALL
def test_what_comes_after_its_statistic_is_not_told_of(log_dir, log_records, name):
    assert warnings_by_epoch(log_records, [PutEachEpoch("gap", ERRORS), MAKERS[name]("gap")]) == []


@pytest.mark.parametrize("make", [MinSaver, MaxSaver], ids=lambda make: make.__name__)
def test_the_savers_may_come_before_it(log_dir, log_records, make):
    assert warnings_by_epoch(log_records, [make("gap"), PutEachEpoch("gap", ERRORS), ModelSaver()]) == []


@ALL
def test_a_statistic_of_epochs_is_not_missed_by_triggers_of_steps(log_dir, log_records, name):
    callbacks = [PutEachEpoch("gap", ERRORS), PeriodicTrigger(MAKERS[name]("gap"), every_k_steps=1)]
    found = [message for _, message in warnings_by_epoch(log_records, callbacks, epochs=2)]
    assert not [message for message in found if "no value" in message or "in the list of callbacks" in message]


def setter(name, **kwargs):
    return StatMonitorParamSetter(ObjAttrParam(Holder(), "rate"), name, lambda x: x, 0, 9, **kwargs)


@pytest.mark.parametrize("make, remedy", [
    (lambda: EarlyStop("val-acc", 9), "mode='max'"),
    (lambda: EarlyStop("val-error", 9, mode="max"), "mode='min'"),
    (lambda: MinSaver("val-f1"), "use MaxSaver('val-f1')"),
    (lambda: MaxSaver("val_loss"), "use MinSaver('val_loss')"),
    (lambda: MinSaver("val_loss", reverse=True), "use MinSaver('val_loss')"),
    (lambda: setter("valRecall"), "pass reverse=True"),
    (lambda: setter("cost", reverse=True), "leave out reverse=True"),
], ids=["EarlyStop", "EarlyStop-max", "MinSaver", "MaxSaver", "MinSaver-reverse", "setter", "setter-reverse"])
def test_a_name_that_sounds_as_if_the_other_end_were_better_is_warned_of_once(log_dir, log_records, make, remedy):
    cb = make()
    name = getattr(cb, "stat", None) or getattr(cb, "stat_name", None) or cb._monitor_stat
    (epoch, warning), = warnings_by_epoch(log_records, [PutEachEpoch(name, ERRORS), cb])
    assert epoch == 1 and warning.startswith(type(cb).__name__) and "'{}'".format(name) in warning and remedy in warning


@pytest.mark.parametrize("make", [
    lambda: EarlyStop("val-acc", 9, mode="max"), lambda: EarlyStop("val-error", 9), lambda: MaxSaver("mAP"),
    lambda: MinSaver("val_loss"), lambda: setter("cost"), lambda: setter("accuracy", reverse=True),
    lambda: MaxSaver("score_error"), lambda: MinSaver("anything")])
def test_names_that_fit_or_tell_nothing_are_not_warned_of(log_dir, log_records, make):
    cb = make()
    name = getattr(cb, "stat", None) or getattr(cb, "stat_name", None) or cb._monitor_stat
    assert warnings_by_epoch(log_records, [PutEachEpoch(name, ERRORS), cb], epochs=2) == []


def test_the_examples_of_names():
    result = doctest.testmod(_statistic)
    assert result.attempted and not result.failed


@pytest.mark.parametrize("make", [
    lambda x: EarlyStop(x, 2), MinSaver, MaxSaver, lambda x: MinSaver(x, True), setter,
    lambda x: callbacks.SendStat("echo {a}", x), lambda x: SendMonitorData("echo {a}", x), callbacks.ScalarStats,
], ids=["EarlyStop", "MinSaver", "MaxSaver", "MinSaver-reverse", "StatMonitorParamSetter", "SendStat", "SendMonitorData",
        "ScalarStats"])
@pytest.mark.parametrize("wrong", [EarlyStop("a", 1), 3, [3], None], ids=["callback", "number", "list", "None"])
def test_the_name_of_a_statistic_is_a_str(log_dir, make, wrong):
    with pytest.raises(TypeError, match="(EarlyStop|Saver|StatMonitorParamSetter|Send|ScalarStats).* must (be|hold) .*; got"):
        make(wrong)
