"""`TerminateOnNaN`: training ends in the step in which something stops being finite."""
import os

import numpy as np
import pytest

from tensorpack.callbacks.non_finite import TerminateOnNaN
from tensorpack.compat import tfv1 as tf


def spoil_at(trainer, step, value, shape=(), name="scope/cost"):
    """A tensor that is 1 and becomes `value` in its first element at that step."""
    bad = np.ones(shape, "float32")
    bad.reshape(-1)[0] = value
    tf.where(tf.equal(trainer.count, step), tf.constant(bad), tf.ones(shape), name=name)


@pytest.mark.parametrize("value, text", [("nan", "nan"), ("inf", "inf"), ("-inf", "-inf")])
@pytest.mark.parametrize("names", ["scope/cost", "scope/cost:0", ["count:0", "scope/cost:0"]], ids=str)
def test_training_fails_in_the_very_step(counting_trainer, journal, names, value, text):
    trainer, later = counting_trainer(), journal()
    spoil_at(trainer, 3, float(value))
    with pytest.raises(FloatingPointError, match=r"TerminateOnNaN: 'scope/cost:0' is {} at global step 3$".format(text)):
        trainer.go([TerminateOnNaN(names), later], steps_per_epoch=2)
    assert later.of("after_run")[-1] == (1, 2, 1) and later.of("trigger_epoch") == [(1, 2, 1)]
    assert later.calls[-1][0] == "after_train"


def test_tensors_of_any_shape_can_be_watched(counting_trainer):
    trainer = counting_trainer()
    spoil_at(trainer, 2, float("nan"), (2, 3), "gradient")
    with pytest.raises(FloatingPointError, match="'gradient:0' is not finite in 1 of 6 elements at global step 2"):
        trainer.go([TerminateOnNaN("gradient")])


def test_nothing_is_saved_afterwards_and_the_last_checkpoint_is_sound(counting_trainer, log_dir):
    from tensorpack.callbacks.saver import ModelSaver
    from tensorpack.callbacks.trigger import PeriodicTrigger

    trainer = counting_trainer()
    weight = tf.get_variable("weight", initializer=1.)
    cost = tf.where(tf.equal(trainer.count, 5), float("nan"), 1., name="cost")
    with tf.control_dependencies([cost]):
        trainer.train_op = weight.assign(weight * cost).op
    with pytest.raises(FloatingPointError, match="global step 5"):
        trainer.go([PeriodicTrigger(ModelSaver(), every_k_steps=1), TerminateOnNaN("cost")], steps_per_epoch=4, max_epoch=3)
    checkpoint = tf.train.latest_checkpoint(log_dir)
    assert os.path.basename(checkpoint) == "model-4"
    assert tf.train.NewCheckpointReader(checkpoint).get_tensor("weight") == 1.


def test_finite_values_go_on(counting_trainer):
    trainer, cb = counting_trainer(), TerminateOnNaN("count")
    trainer.go([cb])
    assert trainer.global_step == 8 and cb.before_run(None) is cb.before_run(None) and cb.chief_only is False


def test_only_floating_point_tensors_can_be_watched(counting_trainer):
    tf.constant(1, name="whole")
    with pytest.raises(TypeError, match="TerminateOnNaN: tensors must be of a floating point type; got int32 for 'whole:0'"):
        TerminateOnNaN("whole").setup_graph(counting_trainer())


def test_some_name_must_be_given():
    with pytest.raises(ValueError, match="TerminateOnNaN: names must have at least one"):
        TerminateOnNaN([])
