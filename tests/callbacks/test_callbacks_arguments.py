"""Numbers that callbacks and optimizers are given: what makes no sense is refused by name, whole floats are taken."""
import numpy as np
import pytest
from small_training import messages

import tensorpack.callbacks as callbacks
from tensorpack.callbacks.data_position import DataPosition
from tensorpack.compat import tfv1 as tf
from tensorpack.dataflow.raw import DataFromList
from tensorpack.dataflow.resumable import ResumableData
from tensorpack.tfutils.optimizer import AccumGradOptimizer, LossScaleOptimizer

SGD = tf.train.GradientDescentOptimizer(0.1)

# name: (make it with a number, name of the argument, least number, attribute that holds it)
COUNTS = {
    "AccumGradOptimizer": (lambda k: AccumGradOptimizer(SGD, k), "niter", 1, "_niter"),
    "DataPosition": (lambda k: DataPosition(ResumableData(DataFromList([[1]])), k), "datapoints_per_step", 1,
                     "datapoints_per_step"),
    "EarlyStop": (lambda k: callbacks.EarlyStop("a", k), "patience", 1, "patience"),
    "EstimatedTimeLeft": (lambda k: callbacks.EstimatedTimeLeft(k), "last_k_epochs", 1, "last_k_epochs"),
    "GPUMemoryTracker": (lambda k: callbacks.GPUMemoryTracker([k]), "devices", 0, None),
    "GPUUtilizationTracker": (lambda k: callbacks.GPUUtilizationTracker([k]), "devices", 0, None),
    "LossScaleOptimizer": (lambda k: LossScaleOptimizer(SGD, growth_steps=k), "growth_steps", 1, "_growth_steps"),
    "MaxSaver": (lambda k: callbacks.MaxSaver("a", keep=k), "keep", 1, "_keep"),
    "MergeAllSummaries": (lambda k: callbacks.MergeAllSummaries(k), "period", 0, "period"),
    "MinSaver": (lambda k: callbacks.MinSaver("a", keep=k), "keep", 1, "_keep"),
    "ModelSaver": (lambda k: callbacks.ModelSaver(k), "max_to_keep", 0, "_max_to_keep"),
    "PeriodicCallback-epochs": (lambda k: callbacks.PeriodicCallback(callbacks.ProgressBar(), every_k_epochs=k),
                                "every_k_epochs", 1, "_every_k_epochs"),
    "PeriodicCallback-steps": (lambda k: callbacks.PeriodicCallback(callbacks.ProgressBar(), k), "every_k_steps", 1,
                               "_every_k_steps"),
    "PeriodicTrigger-epochs": (lambda k: callbacks.PeriodicTrigger(callbacks.ModelSaver(), every_k_epochs=k),
                               "every_k_epochs", 1, "_every_k_epochs"),
    "PeriodicTrigger-steps": (lambda k: callbacks.PeriodicTrigger(callbacks.ModelSaver(), k, before_train=True),
                              "every_k_steps", 1, "_every_k_steps"),
    "SessionRunTimeout": (lambda k: callbacks.SessionRunTimeout(k), "timeout_in_ms", 1, "timeout_in_ms"),
    "SimpleMovingAverage": (lambda k: callbacks.SimpleMovingAverage("a", k), "window_size", 1, "window_size"),
    "StatMonitorParamSetter": (lambda k: callbacks.StatMonitorParamSetter("lr", "a", abs, 0, k), "last_k", 1, "last_k"),
    "TFEventWriter": (lambda k: callbacks.TFEventWriter(max_queue=k), "max_queue", 0, "_max_queue"),
}
COUNT = pytest.mark.parametrize("name", sorted(COUNTS))


@COUNT
@pytest.mark.parametrize("convert", [int, float, np.int64, np.float32, np.array], ids=lambda f: f.__name__)
def test_whole_numbers_of_any_kind_are_taken(log_dir, name, convert):
    make, _, least, attribute = COUNTS[name]
    for number in (least, 48):
        made = make(convert(number))
        if attribute:
            assert type(getattr(made, attribute)) is int and getattr(made, attribute) == number


@COUNT
@pytest.mark.parametrize("value, error", [
    (-1, ValueError), (2.5, ValueError), (float("nan"), ValueError), (float("inf"), ValueError), (True, TypeError)], ids=str)
def test_others_are_refused_by_name(log_dir, name, value, error):
    make, argument, _, _ = COUNTS[name]
    with pytest.raises(error, match="{}.*{}.* must be .*; got {!r}".format(name.split("-")[0], argument, value)):
        make(value)


@pytest.mark.parametrize("name", sorted(set(COUNTS) - {"GPUMemoryTracker"}))  # that one takes names of devices
def test_text_is_refused_by_name(log_dir, name):
    make, argument, _, _ = COUNTS[name]
    with pytest.raises((TypeError, ValueError), match="{}.*{}".format(name.split("-")[0], argument)):
        make("x")


# name: (make it with a number, name of the argument, some that are wrong, some that are right)
NUMBERS = {
    "DumpTensorAsImage": (lambda x: callbacks.DumpTensorAsImage("a", scale=x), "scale", [float("nan"), "x"], [0, 1.5]),
    "EarlyStop": (lambda x: callbacks.EarlyStop("a", 1, min_delta=x), "min_delta", [-1, float("nan"), "x", None], [0, 0.5]),
    "LossScaleOptimizer": (lambda x: LossScaleOptimizer(SGD, initial_scale=x), "initial_scale",
                           [0, 2. ** 25, float("nan"), "x"], [1, np.float32(8)]),
    "ModelSaver": (lambda x: callbacks.ModelSaver(keep_checkpoint_every_n_hours=x), "keep_checkpoint_every_n_hours",
                   [-1, float("nan"), "x", None], [0, 0.5, 10000, float("inf")]),
    "StatMonitorParamSetter": (lambda x: callbacks.StatMonitorParamSetter("lr", "a", abs, x, 3), "threshold",
                               [float("nan"), "x", None], [-1, 0, 0.5]),
    "TFEventWriter": (lambda x: callbacks.TFEventWriter(flush_secs=x), "flush_secs", [-1, float("nan"), "x"], [0, 0.5, 120]),
    "ThroughputTracker": (lambda x: callbacks.ThroughputTracker(x), "samples_per_step", [-1, 0, float("nan"), "x", True],
                          [0.5, np.int64(8)]),
}


@pytest.mark.parametrize("name", sorted(NUMBERS))
def test_numbers(log_dir, name):
    make, argument, wrong, right = NUMBERS[name]
    for value in wrong:
        with pytest.raises((TypeError, ValueError), match="{}.*{}.* must be .*; got {!r}".format(name, argument, value)):
            make(value)
    for value in right:
        make(value)


def test_all_checkpoints_are_kept_when_asked_for(log_dir):
    for number in (0, None):
        assert callbacks.ModelSaver(number)._max_to_keep == number


@pytest.mark.parametrize("bins", [0, -1, 2.5, True], ids=str)
def test_bins_of_a_histogram(counting_trainer, bins):
    class Put(callbacks.Callback):
        def _before_train(self):
            with pytest.raises((TypeError, ValueError), match="put_histogram.*bins"):
                self.trainer.monitors.put_histogram("h", [1., 2.], bins=bins)
            self.trainer.monitors.put_histogram("h", [1., 2.], bins=4.0)

    counting_trainer().go([Put()], max_epoch=1)


def test_an_operation_that_never_runs_is_warned_of(log_records):
    callbacks.RunOp(lambda: tf.no_op(), run_before=False, run_as_trigger=False)
    assert "RunOp" in messages(log_records, "WARNING")[0] and "never runs" in messages(log_records, "WARNING")[0]
