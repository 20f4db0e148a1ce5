"""Callbacks, inferencers, monitors and summaries by their old names, hooks and arguments."""
import json
import os

import numpy as np
import pytest

import tensorpack
from tensorpack import (
    Callback,
    Callbacks,
    ClassificationError,
    DataParallelInferenceRunner,
    FakeData,
    Inferencer,
    InferenceRunner,
    JSONWriter,
    MinSaver,
    ModelDesc,
    ModelSaver,
    MonitorBase,
    Monitors,
    PeriodicCallback,
    QueueInput,
    ScalarStats,
    SimpleTrainer,
    TowerContext,
    TrainConfig,
    launch_train_with_config,
    summary,
    tfv1,
)


class Model(ModelDesc):
    def inputs(self):
        return [tfv1.TensorSpec([None], tfv1.float32, "x"), tfv1.TensorSpec([None], tfv1.float32, "y")]

    def build_graph(self, x, y):
        v = tfv1.get_variable("v", initializer=1.0)
        tfv1.identity(x - y, "difference")
        tfv1.cast(tfv1.not_equal(x, y), tfv1.float32, "incorrect_vector")
        tfv1.reduce_mean(x, name="mean_of_x")
        return tfv1.reduce_mean(tfv1.square(x * v - y), name="cost")

    def optimizer(self):
        return tfv1.train.GradientDescentOptimizer(0.1)


class Pairs(FakeData):
    """x is 0 and y is 1, or the other way round."""

    order = [0.0, 1.0]

    def __init__(self, *order):
        super().__init__([[2], [2]], 4, random=False)
        self.order = list(order) or self.order

    def __iter__(self):
        for _ in range(4):
            yield [np.full(2, number, "float32") for number in self.order]


def train(*callbacks, **kwargs):
    settings = dict(dict(steps_per_epoch=2, max_epoch=2, monitors=[]), **kwargs)
    config = TrainConfig(model=Model(), data=QueueInput(Pairs()), callbacks=list(callbacks), **settings)
    trainer = SimpleTrainer()
    launch_train_with_config(config, trainer)
    return trainer


# ---- callbacks


def test_extra_fetches_of_a_step(warnings):
    class Fetch(Callback):
        def _setup_graph(self):
            self.seen = []

        def _extra_fetches(self):
            return ["mean_of_x:0", "cost:0"]

        def _trigger_step(self, *values):
            self.seen.append(values)

    fetch = Fetch()
    train(fetch)
    assert len(fetch.seen) == 4 and [float(mean) for mean, _ in fetch.seen] == [0] * 4
    assert fetch.extra_fetches() == ["mean_of_x:0", "cost:0"] and Callback()._extra_fetches() == []
    assert any("_extra_fetches" in text for text in warnings())


def test_old_forms_of_moments(warnings):
    class Older(tensorpack.Triggerable):
        def _before_train(self, trainer):
            assert trainer is self.trainer
            self.epoch_num = 0
            self.number = 0

        def _trigger(self):
            self.number += 1

    older = Older()
    train(older)
    assert older.number == 2 and any("epoch_num was set to 0" in text for text in warnings())


def test_callbacks_that_are_gone(warnings):
    dropped = [tensorpack.StatPrinter(), tensorpack.MaintainStepCounter()]
    group = Callbacks([ModelSaver(keep_recent=3, keep_freq=1.5)])
    group.append(dropped[0])
    assert len(group.cbs) == 2 and TrainConfig(FakeData([[2]], 10), callbacks=group).callbacks == group.cbs[:1]
    assert tensorpack.TrainCallbackType is tensorpack.TestCallbackType and Callback.type == "callback"
    with pytest.raises(NotImplementedError, match="ScalarPrinter"):
        tensorpack.StatHolder("dir")
    with pytest.raises(NotImplementedError, match="StatMonitorParamSetter"):
        tensorpack.NonDecreasingStatMonitorParamSetter("lr", "x", None)


def test_periods(warnings):
    class Count(Callback):
        steps, triggers, runs = 0, 0, 0

        def _before_run(self, ctx):
            self.runs += 1

        def _trigger_step(self):
            self.steps += 1

        def _trigger(self):
            self.triggers += 1

    every_second_step, of_epochs, hooked, saver = Count(), Count(), Count(), tensorpack.callbacks.trigger
    train(PeriodicCallback(every_second_step, 2), PeriodicCallback(cb=of_epochs, period=2),
          tensorpack.PeriodicRunHooks(hooked, 2))
    assert every_second_step.steps == 2 and of_epochs.triggers == 1 and (hooked.runs, hooked.steps) == (2, 4)
    assert sum("Before tensorpack 0.1.8 it meant every_k_epochs=2" in text for text in warnings()) == 1
    assert saver.PeriodicRunHooks is tensorpack.PeriodicRunHooks


def test_a_periodic_saver(log_dir):
    from tensorpack.callbacks.common import PeriodicSaver

    train(PeriodicSaver(2))
    assert [name for name in sorted(os.listdir(log_dir)) if name.startswith("model-")][0].startswith("model-4")


def test_keywords_of_callbacks(tmp_path):
    seen = []
    train(tensorpack.CallbackFactory(trigger_epoch=lambda cb: seen.append(cb.epoch_num)),
          tensorpack.StartProcOrThread(procs_threads=[]))
    assert tensorpack.SendStat("true {cost}", stats=["cost"])._names == ["cost"]
    assert seen == [1, 2]
    assert tensorpack.ScheduledHyperParamSetter(var_name="lr", schedule=[(1, 2)]).param.readable_name == "lr"
    with pytest.raises(TypeError, match="'min_non_decreasing' of older releases is not provided; instead: "):
        tensorpack.StatMonitorParamSetter("lr", "x", None, min_non_decreasing=2)


def test_a_setter_with_its_old_hook(log_dir):
    class Setter(tensorpack.HyperParamSetter):
        def _get_current_value(self):
            return 7.0

    read = []
    train(Setter(var_name="v"), tensorpack.CallbackFactory(trigger=lambda cb: read.append(cb.trainer.sess.run("v:0"))),
          max_epoch=1)
    assert read == [7]


# ---- inference


class Recorder(Inferencer):
    def before_inference(self):
        self.outputs, self.inputs = [], []

    def after_inference(self):
        return {"number": len(self.outputs)}


class WithOutput(Recorder):
    def _get_output_tensors(self):
        return ["difference"]

    def _datapoint(self, output):
        self.outputs.append(output[0].tolist())


class WithInputs(Recorder):
    def _get_output_vars(self):
        return ["difference:0"]

    def _datapoint(self, dp, output):
        self.inputs.append([value.tolist() for value in dp])
        self.outputs.append(output[0].tolist())


class Public(Recorder):
    def get_output_tensors(self):
        return ["difference"]

    def datapoint(self, output):
        self.outputs.append(output[0].tolist())


@pytest.mark.parametrize("cls", [WithOutput, WithInputs, Public])
def test_inferencers_with_old_hooks(cls, log_dir):
    inferencer = cls()
    trainer = train(InferenceRunner(ds=Pairs(), vcs=[inferencer]), max_epoch=1)
    assert inferencer.outputs == [[-1, -1]] * 4 and trainer.monitors.get_latest("number") == 4
    assert inferencer.inputs == ([[[0, 0], [1, 1]]] * 4 if cls is WithInputs else [])


@pytest.mark.parametrize("make", [
    lambda inf: InferenceRunner(Pairs(), inf, ["y", "x"]),
    lambda inf: InferenceRunner(Pairs(), inf, input_names=["y", "x"], prefix="Old"),
    lambda inf: InferenceRunner(Pairs(), inf, input_tensors=["y:0", "x:0"]),
    lambda inf: tensorpack.FeedfreeInferenceRunner(QueueInput(Pairs()), inf, ["y", "x"], prefix=""),
    lambda inf: DataParallelInferenceRunner(Pairs(), inf, [0], input_names=["y", "x"]),
    lambda inf: DataParallelInferenceRunner(Pairs(), inf, [0], ["y", "x"]),
], ids=["positional", "names", "tensors", "feedfree", "parallel", "parallel-positional"])
def test_names_of_the_inputs_of_a_runner(make, log_dir):
    trainer = train(make([ScalarStats("mean_of_x")]), max_epoch=1)
    assert trainer.monitors.get_latest("validation_mean_of_x") == 1


def test_keywords_of_inferencers():
    assert ScalarStats(names_to_print=["a"])._names == ["a"]
    assert ClassificationError(wrong_var_name="w")._wrong_tensor_name == "w"
    stats = tensorpack.BinaryClassificationStats(pred_var_name="p", label_var_name="l", summary_prefix="s")
    assert (stats._pred_tensor_name, stats._label_tensor_name, stats._prefix) == ("p", "l", "s")
    with pytest.raises(TypeError, match="'extra_hooks'.*HookToCallback"):
        InferenceRunner(Pairs(), ScalarStats("x"), extra_hooks=[])


def test_the_device_of_inference_is_the_first_predict_tower(log_dir):
    own, default = InferenceRunner(Pairs(), ScalarStats("mean_of_x"), device=0, tower_name="Own"), \
        InferenceRunner(Pairs(), ScalarStats("mean_of_x", "default"))
    train(own, default, predict_tower=-1, max_epoch=1)
    assert (own._device_id, default._device_id) == (0, -1)


def test_val_error_is_the_default_statistic_of_classification_error(log_dir, warnings):
    trainer = train(InferenceRunner(Pairs(), ClassificationError()), ModelSaver(), MinSaver("val_error"))
    assert trainer.monitors.get_latest("val_error") == trainer.monitors.get_latest("validation_error") == 1
    assert any(name.startswith("min-val_error") for name in os.listdir(log_dir))
    assert sum("'val_error' is 'validation_error'" in text for text in warnings()) == 1


def test_val_error_of_its_own_is_left_alone(log_dir, warnings):
    trainer = train(InferenceRunner(Pairs(), [ClassificationError(), ClassificationError("difference", "val_error")]))
    assert trainer.monitors.get_latest("val_error") == -1 and not any("val_error' is" in text for text in warnings())


# ---- monitors


def test_monitors_with_old_hooks(log_dir):
    class Older(tensorpack.TrainingMonitor):
        def setup(self, trainer):
            self.seen = ["setup"]
            assert trainer is self.trainer

        def put(self, name, val):
            self.seen.append((name, val))

        def put_summary(self, summary):
            self.seen.append("summary")

        def flush(self):
            self.seen.append("flush")

        def close(self):
            self.seen.append("close")

    older = Older()
    train(tensorpack.CallbackFactory(trigger=lambda cb: cb.trainer.monitors.put("a", 3)), monitors=[older], max_epoch=1,
          extra_callbacks=[tensorpack.ProgressBar()])
    assert older.seen == ["setup", ("a", 3), "summary", "flush", "close"]


def test_helpers_of_a_monitor_of_today_are_no_hooks(log_dir):
    class Today(MonitorBase):
        closed, seen = 0, ()

        def process_scalar(self, name, val):
            self.seen += (name,)

        def flush(self):
            raise AssertionError("nobody calls it")

        def close(self):
            self.closed += 1

        def _after_train(self):
            self.close()

    monitor = Today()
    train(tensorpack.CallbackFactory(trigger=lambda cb: cb.trainer.monitors.put_scalar("a", 3)), monitors=[monitor],
          max_epoch=1, extra_callbacks=[tensorpack.ProgressBar()])
    assert monitor.closed == 1 and monitor.seen == ("a",)


def test_a_statistics_file_of_older_releases_is_read(log_dir, warnings):
    records = [{"epoch_num": 3, "global_step": 12, "cost": 0.5}]
    with open(os.path.join(log_dir, "stat.json"), "w") as f:
        json.dump(records, f)
    assert JSONWriter.load_existing_json() == JSONWriter.load_existing_json(log_dir) == records
    assert JSONWriter.load_existing_epoch_number() == 3
    assert sum("stat.json is of an older tensorpack" in text for text in warnings()) == 1
    with open(os.path.join(log_dir, "stats.json"), "w") as f:
        json.dump([], f)
    assert JSONWriter.load_existing_json() == []


def test_the_history_of_scalars():
    from tensorpack.train.monitor import ScalarHistory, TFSummaryWriter

    history = ScalarHistory()
    history.process_scalar("a", 1)
    history.process_scalar("a", 2)
    assert history.get_latest("a") == 2 and history.get_history("a") == [1, 2]
    assert TFSummaryWriter is tensorpack.TFEventWriter and hasattr(Monitors, "put")


# ---- summaries


def tags():
    with tfv1.Session() as sess:
        sess.run(tfv1.global_variables_initializer())
        merged = sess.run(tfv1.summary.merge_all())
    return sorted(value.tag for value in tfv1.Summary.FromString(merged).value)


@pytest.mark.parametrize("arguments", [
    [[(".*/W", ["rms"]), (".*/b", ["mean"])]], [((".*/W", ["rms"]), (".*/b", ["mean"]))],
    [(".*/W", ["rms"]), (".*/b", ["mean"])], [[".*/W", ["rms"]], [".*/b", ["mean"]]],
    [(".*/W:0", ["rms"]), (".*/b:0$", ["mean"])]])
def test_pairs_of_a_summary_of_parameters(arguments):
    tfv1.get_variable("conv/W", [2, 2])
    tfv1.get_variable("conv/b", [2])
    summary.add_param_summary(*arguments)
    assert tags() == ["param-summary/conv/W-rms", "param-summary/conv/b-mean"]


def test_one_pair_as_a_list():
    tfv1.get_variable("conv/W", [2, 2])
    summary.add_param_summary([".*/W", ["rms"]])
    assert tags() == ["param-summary/conv/W-rms"]


def test_lists_of_moving_averages(warnings):
    a, b, c = (tfv1.constant(1.0, name=name) for name in "abc")
    with TowerContext("", is_training=True):
        assert len(summary.add_moving_summary([a, b], c)) == 3
    assert any("add_moving_summary([tensors])" in text for text in warnings())
    from tensorpack.tfutils.summary import create_summary, summary_moving_average

    assert create_summary("x", 2).value[0].simple_value == 2 and summary_moving_average().type == "NoOp"


@pytest.mark.parametrize("arguments, expected", [
    (("mine",), ["mine-histogram", "mine-rms", "mine-sparsity"]), ((["rms"], "mine"), ["mine-rms"]), (("rms",), ["x-rms"])])
def test_the_name_of_an_activation(arguments, expected, warnings):
    summary.add_activation_summary(tfv1.ones([2, 2], name="x"), *arguments)
    assert tags() == ["activation-summary/" + tag for tag in expected]
    assert any("second argument is types today" in text for text in warnings()) == (arguments == ("mine",))
