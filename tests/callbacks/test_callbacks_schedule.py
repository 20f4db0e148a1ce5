"""A schedule that takes no effect in a training is told when it begins."""
import pytest
from small_training import messages, train

from tensorpack.callbacks.param import ObjAttrParam, ScheduledHyperParamSetter


class Holder:
    rate = 1.0


EPOCHS, STEPS = 2, 4  # a training has 8 steps
NEVER = [
    (dict(schedule=[(100, .1)]), dict(), "the schedule begins after epoch 100, and training ends after epoch 2; if"),
    (dict(schedule=[(3, .1), (4, .2)]), dict(), "after epoch 3, "),
    (dict(schedule=[(3, .1), (9, .2)], interp="linear"), dict(), "after epoch 3, "),
    (dict(schedule=[(9, .1)], step_based=True), dict(), "the schedule begins after step 9, and training ends after step 8."),
    (dict(schedule=[(100, .1)]), dict(starting_epoch=2), "training ends after epoch 2; if its points are steps, pass"),
    (dict(schedule=[(5, .1)], step_based=True), dict(starting_epoch=2), "training ends after step 4."),
]
SOME_TIME = [
    (dict(schedule=[(2, .1), (100, .2)]), dict()),
    (dict(schedule=[(0, .1)]), dict()),
    (dict(schedule=[(1, .1), (100, .2)], interp="linear"), dict()),
    (dict(schedule=[(8, .1)], step_based=True), dict()),
    (dict(schedule=[]), dict()),
    (dict(schedule=[(1, .1)], set_at_beginning=False), dict(starting_epoch=2)),  # what is past was in force
    (dict(schedule=[(100, .1)]), dict(epochs=200, steps=0)),
]


def warnings_of(arguments, training, log_records):
    setter = ScheduledHyperParamSetter(ObjAttrParam(Holder(), "rate"), **arguments)
    train([setter], **dict(dict(steps=STEPS, epochs=EPOCHS), **training))
    return [message for message in messages(log_records, "WARNING") if "never set" in message]


@pytest.mark.parametrize("arguments, training, words", NEVER, ids=str)
def test_a_schedule_that_begins_after_the_end_is_told(arguments, training, words, log_records):
    message, = warnings_of(arguments, training, log_records)
    assert message.startswith("[ScheduledHyperParamSetter] rate is never set: ") and words in message


@pytest.mark.parametrize("arguments, training", SOME_TIME, ids=str)
def test_other_schedules_are_not_told(arguments, training, log_records):
    assert warnings_of(arguments, training, log_records) == []
