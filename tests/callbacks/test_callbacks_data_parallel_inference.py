"""`DataParallelInferenceRunner` on several CPU devices: the same statistics as with one tower, from towers side by side."""
import numpy as np
import pytest
from small_training import messages
from test_callbacks_inference_runner import Model, Sized, Unsized, Values, batch, flow

from tensorpack import compat
from tensorpack.callbacks import inference_runner
from tensorpack.callbacks.inference import ClassificationError, ScalarStats
from tensorpack.callbacks.inference_runner import DataParallelInferenceRunner, InferenceRunner
from tensorpack.compat import device_words
from tensorpack.compat import tfv1 as tf
from tensorpack.dataflow.raw import DataFromList
from tensorpack.input_source.input_source import FeedInput, QueueInput, StagingInput
from tensorpack.input_source.input_source_base import remap_input_source
from tensorpack.tfutils.sesscreate import NewSessionCreator
from tensorpack.train.config import TrainConfig
from tensorpack.train.interface import launch_train_with_config
from tensorpack.train.trainers import SimpleTrainer, SyncMultiGPUTrainerParameterServer, SyncMultiGPUTrainerReplicated


def launch(callbacks, epochs=1, trainer=None, steps=2):
    trainer = trainer or SimpleTrainer()
    launch_train_with_config(TrainConfig(
        data=QueueInput(flow(1)), model=Model(), callbacks=list(callbacks), monitors=[], extra_callbacks=[],
        session_creator=NewSessionCreator(config=tf.ConfigProto(device_count={"CPU": 3}, allow_soft_placement=True)),
        steps_per_epoch=steps, max_epoch=epochs), trainer)
    return trainer


def parallel(input, infs, gpus=(0, 1, 2), **kwargs):
    return DataParallelInferenceRunner(input, infs, list(gpus), device_type="cpu", **kwargs)


@pytest.mark.parametrize("number", [1, 2, 3, 6, 7, 8])
def test_every_datapoint_is_seen_once_in_each_pass(number):
    inferencer = Values("mean_x")
    launch([parallel(flow(*range(number)), inferencer)], epochs=3)
    assert inferencer.calls == ["setup_graph"] + (["before"] + ["fetches"] * number + ["after"]) * 3
    for epoch in range(3):
        seen = [value for value, in inferencer.values[epoch * number:(epoch + 1) * number]]
        assert sorted(seen) == list(range(number))


@pytest.mark.parametrize("make", [
    SimpleTrainer, lambda: SyncMultiGPUTrainerReplicated(2, device_type="cpu"),
    lambda: SyncMultiGPUTrainerParameterServer(2, device_type="cpu")], ids=["simple", "replicated", "parameter server"])
def test_statistics_are_those_of_one_tower(make):
    data = [batch(k % 5, label=k % 2, size=k + 1) for k in range(7)]
    runners = [kind(DataFromList(data, shuffle=False), [ScalarStats("cost", prefix=prefix), ClassificationError(
        summary_name=prefix + "_error")]) for prefix, kind in (("one", InferenceRunner), ("many", parallel))]
    trainer = launch(runners, epochs=2, trainer=make())
    for stat in ("cost", "error"):
        sep = "_"
        one, many = [trainer.monitors.get_history(prefix + sep + stat) for prefix in ("one", "many")]
        assert len(one) == 2 and np.allclose(one, many, rtol=1e-5)


@pytest.mark.parametrize("make", [InferenceRunner, parallel], ids=["one tower", "three towers"])
def test_batches_count_by_their_sizes(make):
    data = [batch(k, size=k + 1) for k in range(5)]
    trainer = launch([make(DataFromList(data, shuffle=False), ScalarStats("mean_x", by_size=True))])
    assert np.isclose(trainer.monitors.get_latest("validation_mean_x"), np.concatenate([each[0] for each in data]).mean())


def test_towers_are_on_their_devices_and_run_there():
    used = set()

    class Trace(tf.train.SessionRunHook):
        def before_run(self, run_context):
            return tf.train.SessionRunArgs([], options=tf.RunOptions(trace_level=tf.RunOptions.FULL_TRACE))

        def after_run(self, run_context, run_values):
            used.update((node.node_name.split("/")[0], device.device[-5:]) for device in
                        run_values.run_metadata.step_stats.dev_stats for node in device.node_stats
                        if node.node_name.endswith("/prediction"))

    runner = parallel(flow(1, 2, 3, 4), ScalarStats("cost"), gpus=[2, 0])
    runner.register_hook(Trace())
    trainer = launch([runner])
    assert [t.ns_name for t in trainer.towers] == ["", "InferenceTower0", "InferenceTower1"]
    assert [trainer.graph.get_operation_by_name("InferenceTower{}/prediction".format(k)).device for k in (0, 1)] == [
        "/device:CPU:2", "/device:CPU:0"]
    assert used == {("InferenceTower0", "CPU:2"), ("InferenceTower1", "CPU:0")}


def test_each_tower_reads_the_variables_of_the_training_tower_on_its_device():
    trainer = launch([parallel(flow(1, 2), ScalarStats("cost"), gpus=[0, 1])],
                     trainer=SyncMultiGPUTrainerReplicated(2, device_type="cpu"))
    assert [(t.ns_name, t.vs_name) for t in trainer.towers] == [
        ("tower0", ""), ("tower1", "tower1"), ("InferenceTower0", ""), ("InferenceTower1", "tower1")]


def test_a_registered_hook_sees_runs_of_all_towers_and_of_one():
    runs = []

    class Hook(tf.train.SessionRunHook):
        def before_run(self, run_context):
            runs.append(1)

    runner = parallel(flow(*range(8)), ScalarStats("cost"))
    runner.register_hook(Hook())
    launch([runner])
    assert len(runs) == 2 + 2  # two of three towers, two of the first one
    with pytest.raises(TypeError, match="SessionRunHook"):
        runner.register_hook(3)


def test_gpu_is_the_default(monkeypatch, log_records):
    monkeypatch.setattr(inference_runner, "num_gpus", lambda: 0)
    trainer = launch([DataParallelInferenceRunner(flow(1, 3, 5), ScalarStats("mean_x"), [0, 1])])
    assert trainer.graph.get_operation_by_name("InferenceTower1/prediction").device == "/device:GPU:1"
    assert trainer.monitors.get_latest("validation_mean_x") == 3
    assert any("'InferenceTower1' on {} ...".format(device_words("/gpu:1")) in m for m in messages(log_records, "INFO"))


def test_a_gpu_that_does_not_exist_is_an_error(monkeypatch):
    monkeypatch.setattr(inference_runner, "num_gpus", lambda: 2)
    with pytest.raises(ValueError, match=r"each GPU must exist; got \[0, 2\], but TensorFlow sees 2"):
        launch([DataParallelInferenceRunner(flow(1), ScalarStats("cost"), [0, 2])])


def test_several_runners():
    trainer = launch([parallel(flow(1, 3), ScalarStats("mean_x", prefix="a"), gpus=[0, 1]),
                      InferenceRunner(flow(7), ScalarStats("mean_x", prefix="b")),
                      parallel(flow(10, 30), ScalarStats("mean_x", prefix="c"), gpus=[0, 1])])
    assert [trainer.monitors.get_latest(prefix + "_mean_x") for prefix in "abc"] == [2, 7, 20]
    assert [t.ns_name for t in trainer.towers][1:] == ["InferenceTower0", "InferenceTower1", "InferenceTower",
                                                       "InferenceTower_10", "InferenceTower_11"]
    with pytest.raises(ValueError, match="tower_name.*'mine'.*its own"):
        launch([parallel(flow(1), ScalarStats("cost"), tower_name="mine") for _ in range(2)])


def test_a_queue_input_and_a_remapped_one():
    swapped = DataFromList([batch(value)[::-1] for value in (2, 4)], shuffle=False)
    trainer = launch([parallel(QueueInput(flow(1, 3)), ScalarStats("mean_x", prefix="a")),
                      parallel(remap_input_source(QueueInput(swapped), ["label", "x"]), ScalarStats("mean_x", prefix="b"))])
    assert [trainer.monitors.get_latest(prefix + "_mean_x") for prefix in "ab"] == [2, 3]


def test_an_error_of_the_data_ends_training_as_that_error():
    with pytest.raises(KeyError, match="the file is gone"):
        launch([parallel(Sized(6, *range(6), die_at=4), ScalarStats("cost"))])


@pytest.mark.parametrize("make, error, message", [
    (lambda: parallel(FeedInput(flow(1)), ScalarStats("x")), TypeError, "must be a DataFlow or a QueueInput"),
    (lambda: parallel(StagingInput(QueueInput(flow(1))), ScalarStats("x")), TypeError, "must be a DataFlow or a QueueInput"),
    (lambda: InferenceRunner(StagingInput(QueueInput(flow(1))), ScalarStats("x")), TypeError, "not be a StagingInput"),
    (lambda: parallel(Unsized(1), ScalarStats("x")), ValueError, "never ends"),
    (lambda: parallel(Sized(0), ScalarStats("x")), ValueError, "must have data"),
    (lambda: DataParallelInferenceRunner(flow(1), ScalarStats("x"), 2), TypeError, "list of GPU numbers; got 2"),
    (lambda: parallel(flow(1), ScalarStats("x"), gpus=[]), ValueError, "one GPU number at least"),
    (lambda: parallel(flow(1), ScalarStats("x"), gpus=[1, 1]), ValueError, "each once"),
    (lambda: parallel(flow(1), ScalarStats("x"), gpus=[-1]), ValueError, "none negative"),
    (lambda: parallel(flow(1), ScalarStats("x"), tower_func=len), TypeError, "tower_func must be a TowerFunc"),
    (lambda: DataParallelInferenceRunner(flow(1), ScalarStats("x"), [0], device_type="tpu"), ValueError, "device_type"),
], ids=["feed", "staging", "staging, one tower", "no length", "empty", "number", "no gpu", "twice", "negative",
        "tower_func", "device_type"])
def test_wrong_arguments(make, error, message):
    with pytest.raises(error, match=message):
        make()


def test_a_trainer_without_towers_is_an_error():
    from small_training import train

    with pytest.raises(RuntimeError, match="DataParallelInferenceRunner: the trainer must be a TowerTrainer"):
        train([parallel(flow(1), ScalarStats("cost"))])
    assert compat.num_gpus() >= 0
