"""`EarlyStop`: when it stops, and what it says."""
import pytest

from tensorpack.callbacks.base import Callback
from tensorpack.callbacks.early_stop import EarlyStop
from tensorpack.callbacks.trigger import PeriodicTrigger

NAN = float("nan")


class Put(Callback):
    """Puts one value per epoch to the monitors; None for nothing."""

    def __init__(self, values, name="error"):
        self.values, self.name = values, name

    def _trigger_epoch(self):
        value = self.values[self.epoch_num - 1]
        if value is not None:
            self.trainer.monitors.put_scalar(self.name, value)


def epochs_until_stop(trainer, values, *args, **kwargs):
    trainer.go([Put(values), EarlyStop("error", *args, **kwargs)], steps_per_epoch=1, max_epoch=len(values))
    return trainer.epoch_num


@pytest.mark.parametrize("values, options, expected", [
    ([5, 4, 3, 2, 1], dict(patience=1), 5),
    ([5, 4, 4, 3, 2], dict(patience=1), 3),
    ([5, 4, 4, 3, 3, 3, 3], dict(patience=2), 6),
    ([5, 4, 4.5, 3, 3.5, 3.5, 2], dict(patience=2), 6),
    ([1, 2, 3, 3, 3], dict(patience=2, mode="max"), 5),
    ([1, 2, 1, 1, 3], dict(patience=2, mode="max"), 4),
    ([5, 4.9, 4.8, 4.7, 4.6], dict(patience=3, min_delta=0.25), 5),
    ([5, 4.9, 4.8, 4.7, 4.6], dict(patience=2, min_delta=0.5), 3),
    ([5, NAN, NAN, 4, 3], dict(patience=2), 3),
    ([NAN, NAN, 4, 3, 2], dict(patience=3), 5),
    ([NAN, NAN, 4, 3, 2], dict(patience=2), 2),
    ([None, None, None, 5, 4], dict(patience=1), 5),
    ([5, None, None, 4, None, None, 3, None, None], dict(patience=2), 9),
    ([5, None, 5, None, None, 5, 4], dict(patience=2), 6),
], ids=["always better", "equal is not better", "patience", "patience starts again", "max", "max stops",
        "small steps add up", "steps too small", "NaN is not better", "NaN at first", "only NaN", "missing does not count",
        "an old value does not count", "new values count"])
def test_training_ends_at_epoch(counting_trainer, values, options, expected):
    assert epochs_until_stop(counting_trainer(), values, **options) == expected


def test_the_log_has_the_best_value_and_its_epoch(counting_trainer, log_records):
    epochs_until_stop(counting_trainer(), [5, 0.25, 3, 3, 3], patience=2)
    line, = [r for r in log_records if "EarlyStop" in r.getMessage()]
    assert line.levelname == "INFO"
    assert "'error' has not become better 2 times in a row; its best value is 0.25, of epoch 2" in line.getMessage()


def test_later_callbacks_of_the_epoch_are_left_out_and_all_are_ended(counting_trainer, journal):
    cb, trainer = journal(), counting_trainer()
    trainer.go([Put([1, 1, 1]), EarlyStop("error", 1), cb], steps_per_epoch=1, max_epoch=3)
    assert trainer.epoch_num == 2
    assert [call[0] for call in cb.calls][-3:] == ["trigger_step", "after_epoch", "after_train"]


def test_an_unknown_statistic_is_warned_of_with_near_names_and_at_the_end(counting_trainer, log_records):
    counting_trainer().go([Put([1, 1, 1, 1], "validation_error"), EarlyStop("valid_error", 1)], steps_per_epoch=1, max_epoch=4)
    warnings = [r.getMessage() for r in log_records if r.levelname == "WARNING" and "EarlyStop" in r.getMessage()]
    assert len(warnings) == 2 and "has done nothing" in warnings[1]
    assert all("'valid_error'" in warning and "'validation_error'" in warning for warning in warnings)


def test_triggers_of_another_period_are_what_counts(counting_trainer):
    trainer = counting_trainer()
    trainer.go([Put([1] * 9), PeriodicTrigger(EarlyStop("error", 2), every_k_epochs=2)], steps_per_epoch=1, max_epoch=9)
    assert trainer.epoch_num == 6


def test_the_mode_is_checked():
    with pytest.raises(ValueError, match="EarlyStop: mode must be 'min' or 'max'; got 'best'"):
        EarlyStop("a", 1, mode="best")


def test_repr_and_chief():
    cb = EarlyStop("error", 3, mode="max")
    assert repr(cb) == "EarlyStop(stat='error', patience=3, mode='max')" and cb.chief_only is True
