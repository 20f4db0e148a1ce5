"""Promises that every callback keeps: it takes part in a training of two epochs, and shows itself by name and arguments."""
import os
import re
import threading

import numpy as np
import pytest

import tensorpack.callbacks as callbacks
from tensorpack import Callback, DataFlow, ModelDesc, SimpleTrainer, TrainConfig, launch_train_with_config, tfv1
from tensorpack._legacy._tables import TABLE


class Net(ModelDesc):
    def inputs(self):
        return [tfv1.TensorSpec((None, 2), tfv1.float32, "x"), tfv1.TensorSpec((None,), tfv1.float32, "y")]

    def build_graph(self, x, y):
        tfv1.get_variable("global_rate", [], trainable=False)
        prediction = tfv1.squeeze(tfv1.matmul(x, tfv1.get_variable("W", [2, 1])), 1)
        error = tfv1.abs(prediction - y)
        tfv1.cast(error > 0.5, tfv1.float32, name="incorrect_vector")
        tfv1.cast(prediction > 0, tfv1.int32, name="positive")
        tfv1.cast(y > 0, tfv1.int32, name="truth")
        tfv1.reshape(x, [1, -1, 2, 1], name="picture")
        return tfv1.reduce_mean(tfv1.square(error), name="cost")

    def optimizer(self):
        return tfv1.train.GradientDescentOptimizer(0.1)


class Data(DataFlow):
    def __len__(self):
        return 3

    def __iter__(self):
        for i in range(3):
            x = np.random.RandomState(i).randn(4, 2).astype("float32")
            yield [x, x[:, 0]]


def runner(*inferencers):
    return callbacks.InferenceRunner(Data(), list(inferencers))


# How to make each; those that act inside of another one come with it. Needs a log directory.
CATALOGUE = {
    "BinaryClassificationStats": lambda: runner(callbacks.BinaryClassificationStats("positive", "truth")),
    "CallbackFactory": lambda: callbacks.CallbackFactory(trigger=lambda self: None),
    "CheckNumerics": lambda: callbacks.CheckNumerics(run_step=True),
    "ClassificationError": lambda: runner(callbacks.ClassificationError()),
    "DataParallelInferenceRunner": lambda: callbacks.DataParallelInferenceRunner(Data(), callbacks.ScalarStats("cost"), [0]),
    "DumpParamAsImage": lambda: callbacks.DumpParamAsImage("W", map_func=lambda w: w[np.newaxis, :, :, np.newaxis]),
    "DumpTensor": lambda: callbacks.DumpTensor(["cost:0"]),
    "DumpTensorAsImage": lambda: callbacks.DumpTensorAsImage("W", map_func=lambda w: w[np.newaxis, :, :, np.newaxis]),
    "DumpTensors": lambda: callbacks.DumpTensors(["cost:0", "W:0"]),
    "EarlyStop": lambda: callbacks.EarlyStop("cost", 5),
    "EnableCallbackIf": lambda: callbacks.EnableCallbackIf(callbacks.ModelSaver(), lambda self: self.epoch_num > 1),
    "EstimatedTimeLeft": lambda: callbacks.EstimatedTimeLeft(),
    "GPUMemoryTracker": lambda: callbacks.GPUMemoryTracker([0]),
    "GPUUtilizationTracker": lambda: callbacks.GPUUtilizationTracker([0]),
    "GraphProfiler": lambda: callbacks.GraphProfiler(dump_metadata=True),
    "HookToCallback": lambda: callbacks.HookToCallback(tfv1.train.NanTensorHook("cost:0")),
    "HostMemoryTracker": lambda: callbacks.HostMemoryTracker(),
    "HumanHyperParamSetter": lambda: callbacks.HumanHyperParamSetter(callbacks.GraphVarParam("global_rate")),
    "HyperParamSetterWithFunc": lambda: callbacks.HyperParamSetterWithFunc("global_rate", lambda epoch, x: x / 2),
    "InferenceRunner": lambda: runner(callbacks.ScalarStats("cost")),
    "InjectShell": lambda: callbacks.InjectShell("no_such_file"),
    "MaxSaver": lambda: callbacks.MaxSaver("cost"),
    "MergeAllSummaries": lambda: callbacks.MergeAllSummaries(period=2),
    "MinSaver": lambda: callbacks.MinSaver("cost"),
    "ModelSaver": lambda: callbacks.ModelSaver(max_to_keep=1),
    "MovingAverageSummary": lambda: callbacks.MovingAverageSummary(),
    "PeakMemoryTracker": lambda: callbacks.PeakMemoryTracker(["/gpu:0"]),
    "PeriodicCallback": lambda: callbacks.PeriodicCallback(callbacks.ModelSaver(), every_k_epochs=2),
    "PeriodicTrigger": lambda: callbacks.PeriodicTrigger(callbacks.ModelSaver(), every_k_steps=2, before_train=True),
    "ProcessTensors": lambda: callbacks.ProcessTensors(["cost:0"], lambda cost: None),
    "ProgressBar": lambda: callbacks.ProgressBar(["cost"]),
    "ProxyCallback": lambda: callbacks.ProxyCallback(callbacks.ModelSaver()),
    "RunOp": lambda: callbacks.RunOp(lambda: tfv1.no_op(name="nothing"), run_step=True, verbose=True),
    "RunUpdateOps": lambda: callbacks.RunUpdateOps("my_updates"),
    "ScalarStats": lambda: runner(callbacks.ScalarStats(["cost"], prefix="val")),
    "ScheduledHyperParamSetter": lambda: callbacks.ScheduledHyperParamSetter("global_rate", [(1, 0.5)], interp="linear"),
    "SendStat": lambda: callbacks.SendStat("true {cost}", "cost"),
    "SessionRunTimeout": lambda: callbacks.SessionRunTimeout(60000),
    "SimpleMovingAverage": lambda: callbacks.SimpleMovingAverage("cost", 2),
    "StartProcOrThread": lambda: callbacks.StartProcOrThread(threading.Thread(target=lambda: None)),
    "StatMonitorParamSetter": lambda: callbacks.StatMonitorParamSetter("global_rate", "cost", lambda x: x / 2, 0.1, 2),
    "TensorPrinter": lambda: callbacks.TensorPrinter("cost"),
    "TerminateOnNaN": lambda: callbacks.TerminateOnNaN("cost"),
    "ThroughputTracker": lambda: callbacks.ThroughputTracker(samples_per_step=4),
}
MONITORS = {
    "JSONWriter": lambda: callbacks.JSONWriter(),
    "ScalarPrinter": lambda: callbacks.ScalarPrinter(enable_step=True, whitelist=["cost"]),
    "SendMonitorData": lambda: callbacks.SendMonitorData("true {cost}", ["cost"]),
    "TFEventWriter": lambda: callbacks.TFEventWriter(split_files=True),
}
# Base classes, containers and adapters with tests of their own; the debugger needs a person.
# A HyperParam is no callback, monitors of trackers need a service, and DataPosition the flow that the trainer reads.
NOT_BY_THEMSELVES = {"Callback", "CallbackToHook", "Callbacks", "CometMLMonitor", "DataPosition", "GraphVarParam", "HyperParam",
                     "HyperParamSetter", "Inferencer", "InferenceRunnerBase", "MLflowMonitor", "MonitorBase", "Monitors",
                     "ObjAttrParam", "TFLocalCLIDebugHook", "WandbMonitor"}


def test_the_catalogue_is_complete():
    of_older_releases = TABLE.star["tensorpack.callbacks"]
    assert set(CATALOGUE) | set(MONITORS) | NOT_BY_THEMSELVES == set(callbacks.__all__) - set(of_older_releases)


class PutCost(Callback):
    """Gives the monitors a statistic."""

    def _before_run(self, ctx):
        return ["cost:0"]

    def _after_run(self, run_context, run_values):
        self.value = run_values.results[0]

    def _trigger_epoch(self):
        self.trainer.monitors.put_scalar("cost", self.value)


def train(user_callbacks, monitors):
    trainer = SimpleTrainer()
    launch_train_with_config(TrainConfig(model=Net(), dataflow=Data(), callbacks=[PutCost()] + user_callbacks,
                                         extra_callbacks=[], monitors=monitors, max_epoch=2), trainer)
    return trainer


@pytest.mark.parametrize("name", sorted(CATALOGUE))
def test_a_callback_takes_part_in_a_training(log_dir, name):
    callback = CATALOGUE[name]()
    trainer = train([callback], [])
    assert trainer.epoch_num == 2 and trainer.global_step == 6
    assert os.path.isdir(log_dir)


@pytest.mark.parametrize("name", sorted(MONITORS))
def test_a_monitor_takes_part_in_a_training(log_dir, name):
    trainer = train([], [MONITORS[name]()])
    assert trainer.monitors.get_history("cost")[-1][0] == 6


@pytest.mark.parametrize("name", sorted(dict(CATALOGUE, **MONITORS)))
def test_a_callback_shows_itself_by_class_and_arguments(log_dir, name):
    callback = dict(CATALOGUE, **MONITORS)[name]()
    assert repr(callback).startswith(type(callback).__name__ + "(") and repr(callback).endswith(")")
    assert re.split("[-(]", str(callback))[0] in type(callback).__name__ and "object at" not in str(callback)
    assert callback.chief_only in (True, False)
    assert callback.set_chief_only(False) is callback and callback.chief_only is False
