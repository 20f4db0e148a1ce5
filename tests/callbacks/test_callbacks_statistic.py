"""Callbacks that look at a statistic tell, after their first trigger, that it has no value, or comes too late for them."""
import pytest
from small_training import Call, PutEachEpoch, messages, train_in_new_graph

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
    callbacks = [PutEachEpoch("validation_error", ERRORS), MAKERS[name]("validaton_error")]
    (epoch, warning), (last_epoch, last) = warnings_by_epoch(log_records, callbacks if stat_first else callbacks[::-1])
    assert (epoch, last_epoch) == (1, 4) and name in warning
    assert "no value of 'validaton_error'" in warning and "near names are 'validation_error'" in warning
    assert last.startswith(name + " has done nothing in this training: 'validaton_error' never had a value; the statistics "
                           "were ") and last.endswith("'validation_error'.")


@ALL
def test_a_statistic_that_comes_later_is_not_told_of_at_the_end(log_dir, log_records, name):
    callbacks = [PutEachEpoch("error", {3: 0.5, 4: 0.4}), MAKERS[name]("error")]
    assert [epoch for epoch, message in warnings_by_epoch(log_records, callbacks) if "no value of" in message] == [1]
    assert not messages(log_records, "WARNING")


@ALL
def test_a_typo_is_told_when_there_is_one_epoch_only(log_dir, log_records, name):
    ((epoch, warning),) = warnings_by_epoch(log_records, [PutEachEpoch("error", ERRORS), MAKERS[name]("eror")], epochs=1)
    assert epoch == 1 and "near names are 'error'" in warning


@ALL
def test_a_typo_is_told_also_when_triggered_otherwise(log_dir, log_records, name):
    callbacks = [PeriodicTrigger(MAKERS[name]("eror"), every_k_epochs=2), PutEachEpoch("error", ERRORS)]
    assert [epoch for epoch, _ in warnings_by_epoch(log_records, callbacks)] == [2, 4]


def test_a_typo_in_what_is_sent_is_told(log_dir, log_records):
    del log_records[:]
    train_in_new_graph([PutEachEpoch("error", ERRORS), PutEachEpoch("cost", ERRORS)],
                       [SendMonitorData("true {error} {cots}", ["error", "cots"])], epochs=3)
    warning, last = messages(log_records, "WARNING")
    assert "SendMonitorData: there is no value of 'cots'" in warning and "near names are 'cost'" in warning
    assert "SendMonitorData has done nothing" in last and "the statistics were 'cost', 'error'" in last


@NEEDS_ORDER
def test_what_comes_before_its_statistic_is_told_of_in_one_line(log_dir, log_records, name):
    ((epoch, warning),) = warnings_by_epoch(log_records, [MAKERS[name]("error"), PutEachEpoch("error", ERRORS)])
    assert epoch == 1 and warning.startswith(name) and "'error'" in warning
    assert "after" in warning and "in the list of callbacks" in warning


@ALL
def test_what_comes_after_its_statistic_is_not_told_of(log_dir, log_records, name):
    assert warnings_by_epoch(log_records, [PutEachEpoch("error", ERRORS), MAKERS[name]("error")]) == []


@pytest.mark.parametrize("make", [MinSaver, MaxSaver], ids=lambda make: make.__name__)
def test_the_savers_may_come_before_it(log_dir, log_records, make):
    assert warnings_by_epoch(log_records, [make("error"), PutEachEpoch("error", ERRORS), ModelSaver()]) == []


@ALL
def test_a_statistic_of_epochs_is_not_missed_by_triggers_of_steps(log_dir, log_records, name):
    callbacks = [PutEachEpoch("error", ERRORS), PeriodicTrigger(MAKERS[name]("error"), every_k_steps=1)]
    found = [message for _, message in warnings_by_epoch(log_records, callbacks, epochs=2)]
    assert not [message for message in found if "no value" in message or "in the list of callbacks" in message]
