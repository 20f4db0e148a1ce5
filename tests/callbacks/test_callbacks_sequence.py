"""The order in which a training calls its callbacks, and the counters (epoch, global step, local step) that they see."""
import pytest

from tensorpack.callbacks.base import StopTraining
from tensorpack.compat import tfv1 as tf

EPOCHS_OF_TWO = [
    ("setup_graph",),
    ("before_train", 0, 0, -1),
    ("before_epoch", 1, 0, -1),
    ("before_run", 1, 0, 0), ("after_run", 1, 1, 0), ("trigger_step", 1, 1, 0),
    ("before_run", 1, 1, 1), ("after_run", 1, 2, 1), ("trigger_step", 1, 2, 1),
    ("after_epoch", 1, 2, 1),
    ("trigger_epoch", 1, 2, 1), ("trigger", 1, 2, 1),
    ("before_epoch", 2, 2, 1),
    ("before_run", 2, 2, 0), ("after_run", 2, 3, 0), ("trigger_step", 2, 3, 0),
    ("before_run", 2, 3, 1), ("after_run", 2, 4, 1), ("trigger_step", 2, 4, 1),
    ("after_epoch", 2, 4, 1),
    ("trigger_epoch", 2, 4, 1), ("trigger", 2, 4, 1),
    ("after_train", 2, 4, 1),
]
EPOCHS_OF_NONE = [
    ("setup_graph",),
    ("before_train", 0, 0, -1),
    ("before_epoch", 1, 0, -1), ("after_epoch", 1, 0, -1), ("trigger_epoch", 1, 0, -1), ("trigger", 1, 0, -1),
    ("before_epoch", 2, 0, -1), ("after_epoch", 2, 0, -1), ("trigger_epoch", 2, 0, -1), ("trigger", 2, 0, -1),
    ("after_train", 2, 0, -1),
]
FROM_EPOCH_3 = [
    ("setup_graph",),
    ("before_train", 2, 0, -1),
    ("before_epoch", 3, 0, -1),
    ("before_run", 3, 0, 0), ("after_run", 3, 1, 0), ("trigger_step", 3, 1, 0),
    ("after_epoch", 3, 1, 0),
    ("trigger_epoch", 3, 1, 0), ("trigger", 3, 1, 0),
    ("after_train", 3, 1, 0),
]
NOTHING_TO_DO = [("setup_graph",), ("before_train", 4, 0, -1), ("after_train", 4, 0, -1)]


@pytest.mark.parametrize("options, expected", [
    (dict(steps_per_epoch=2), EPOCHS_OF_TWO),
    (dict(steps_per_epoch=0), EPOCHS_OF_NONE),
    (dict(steps_per_epoch=1, starting_epoch=3, max_epoch=3), FROM_EPOCH_3),
    (dict(steps_per_epoch=1, starting_epoch=5, max_epoch=3), NOTHING_TO_DO),
], ids=["two epochs", "no steps", "starting epoch", "nothing to do"])
@pytest.mark.parametrize("use_resource", [False, True], ids=["ref", "resource"])
def test_the_calls_of_a_training(counting_trainer, journal, options, expected, use_resource):
    cb = journal()
    with tf.variable_scope(tf.get_variable_scope(), use_resource=use_resource):
        counting_trainer(use_resource).go([cb], **options)
    assert cb.calls == expected


def test_callbacks_before_the_step_counter_see_the_old_step_after_the_run(counting_trainer, journal):
    trainer, early = counting_trainer(), journal()
    trainer.register_callback(early)
    trainer.go(steps_per_epoch=2, max_epoch=1)
    assert early.of("after_run", "trigger_step") == [
        ("after_run", 1, 0, 0), ("trigger_step", 1, 1, 0), ("after_run", 1, 1, 1), ("trigger_step", 1, 2, 1)]


def test_each_moment_takes_all_callbacks_before_the_next_moment_comes(counting_trainer, journal):
    order, journals = [], [journal(), journal()]
    for position, cb in enumerate(journals):
        cb.note = lambda event, position=position: order.append((event, position))
    counting_trainer().go(journals, steps_per_epoch=1, max_epoch=1)
    expected = []
    for moment in ("before_train", "before_epoch", "before_run", "after_run", "trigger_step", "after_epoch"):
        expected += [(moment, 0), (moment, 1)]
    expected += [("trigger_epoch", 0), ("trigger", 0), ("trigger_epoch", 1), ("trigger", 1)]
    expected += [("after_train", 0), ("after_train", 1)]
    assert order == expected


@pytest.mark.parametrize("moment", ["before_train", "before_epoch", "before_run", "after_run", "trigger_step", "after_epoch",
                                    "trigger_epoch"])
@pytest.mark.parametrize("error", [StopTraining("enough"), ValueError("broken")], ids=["stop", "error"])
def test_an_exception_skips_the_later_callbacks_of_its_moment_and_all_are_ended(counting_trainer, journal, moment, error):
    first, middle, last = journals = [journal() for _ in range(3)]
    note = middle.note

    def fail(event):
        note(event)
        if event == moment:
            raise error

    middle.note = fail
    trainer = counting_trainer()
    if isinstance(error, StopTraining):
        trainer.go(journals, steps_per_epoch=1, max_epoch=1)
    else:
        with pytest.raises(ValueError) as caught:
            trainer.go(journals, steps_per_epoch=1, max_epoch=1)
        assert caught.value is error
    reached = [moment in [call[0] for call in cb.calls] for cb in journals]
    assert reached == [True, True, False]
    assert all(cb.calls[-1][0] == "after_train" for cb in journals)
