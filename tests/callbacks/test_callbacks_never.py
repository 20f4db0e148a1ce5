"""Callbacks whose period or patience is longer than the training are told when it begins."""
import pytest
from small_training import Call, messages, train

from tensorpack.callbacks.early_stop import EarlyStop
from tensorpack.callbacks.param import StatMonitorParamSetter
from tensorpack.callbacks.summary import SimpleMovingAverage
from tensorpack.callbacks.trigger import PeriodicCallback, PeriodicTrigger
from tensorpack.compat import tfv1 as tf
from tensorpack.tfutils.sesscreate import NewSessionCreator
from tensorpack.tfutils.sessinit import JustCurrentSession
from tensorpack.train.base import Trainer


class Inner(Call):
    def _trigger(self):
        pass


def warned(records):
    return [text for text in messages(records, "WARNING") if "never acts" in text]


def told_at_all(records):
    return [text for text in messages(records, "WARNING") + messages(records, "INFO") if "never acts" in text]


def setter(last_k):
    tf.get_variable("rate", [], trainable=False)
    return StatMonitorParamSetter("rate", "cost", lambda x: x / 2, 0.1, last_k)


def mean(window_size):
    tf.constant(1., name="one")
    return SimpleMovingAverage("one", window_size)


# of a training of 2 epochs with 4 steps each
@pytest.mark.parametrize("make, told", [
    (lambda: PeriodicTrigger(Inner(), every_k_epochs=3),
     "PeriodicTrigger-Inner never acts in this training: every_k_epochs=3, and max_epoch is 2."),
    (lambda: PeriodicTrigger(Inner(), every_k_epochs=2), None),
    (lambda: PeriodicTrigger(Inner(), every_k_epochs=3, before_train=True), None),
    (lambda: PeriodicTrigger(Inner(), every_k_epochs=3, every_k_steps=8), None),
    (lambda: PeriodicTrigger(Inner(), every_k_epochs=3, every_k_steps=9),
     "every_k_epochs=3 and every_k_steps=9, and max_epoch is 2 and there are 8 steps."),
    (lambda: PeriodicTrigger(Inner(), every_k_epochs=2, every_k_steps=9), None),
    (lambda: PeriodicTrigger(Inner(), every_k_steps=9), "every_k_steps=9, and there are 8 steps."),
    (lambda: PeriodicCallback(Inner(), every_k_epochs=3), None),  # the very last step counts
    (lambda: PeriodicCallback(Inner(), every_k_steps=9), "PeriodicCallback-Inner never acts"),
    (lambda: PeriodicCallback(Inner(), every_k_steps=8), None),
    (lambda: EarlyStop("cost", patience=3), "EarlyStop never acts in this training: patience=3, and max_epoch is 2."),
    (lambda: EarlyStop("cost", patience=2), None),
    (lambda: PeriodicTrigger(EarlyStop("cost", patience=3), every_k_steps=1), None),
    (lambda: setter(3), "last_k=3, and max_epoch is 2."),
    (lambda: setter(2), None),
    (lambda: mean(9), "window_size=9, and there are 8 steps."),
    (lambda: mean(8), None),
])
def test_what_needs_more_than_the_training_has_is_told_at_its_start(log_records, make, told):
    at_start = []
    train([make(), Call(trigger_step=lambda cb: at_start.append(len(told_at_all(log_records))),
                        trigger_epoch=lambda cb: cb.trainer.monitors.put_scalar("cost", 1.))])
    assert [told in text for text in told_at_all(log_records)] == ([True] if told else [])
    assert at_start[0] == len(told_at_all(log_records)), "it comes before the first step"


def test_what_acts_only_if_needed_is_no_warning(log_records):
    train([EarlyStop("cost", patience=3), setter(3), PeriodicTrigger(Inner(), every_k_epochs=3)])
    assert len(told_at_all(log_records)) == 3 and len(warned(log_records)) == 1


@pytest.mark.parametrize("epochs, starting_epoch", [(0, 1), (2, 2)], ids=["nothing to train", "goes on"])
def test_epochs_of_earlier_runs_count(log_records, epochs, starting_epoch):
    train([PeriodicTrigger(Inner(), every_k_epochs=max(epochs, 1))], epochs=epochs, starting_epoch=starting_epoch)
    assert not told_at_all(log_records)


class TwoRuns(Trainer):
    """A step of it is two runs of the session, as in adversarial training."""

    def __init__(self):
        super().__init__()
        self.train_op = tf.assign_add(tf.get_variable("v", [], initializer=tf.zeros_initializer()), 1.).op

    def run_step(self):
        for _ in range(2):
            self.hooked_sess.run(self.train_op)


def test_where_a_step_is_several_runs_nobody_knows_how_many_there_are(log_records):
    trainer, seen = TwoRuns(), []
    inner = PeriodicTrigger(Noting(seen), every_k_steps=8)
    trainer.train([inner], [], NewSessionCreator(), JustCurrentSession(), 4, 1, 1)
    assert seen == [8] and not told_at_all(log_records)


class Noting(Call):
    def __init__(self, seen):
        super().__init__()
        self.seen = seen

    def _trigger(self):
        self.seen.append(self.global_step)
