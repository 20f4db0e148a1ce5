"""Construction of trainers, the devices they run on, and the trainers that are hardly more than SimpleTrainer."""
import numpy as np
import pytest
from told import messages
from tower_runs import OPTIMIZERS, Model, batches, in_parts, run

from tensorpack import Callback, DataFromList, FeedInput, SimpleTrainer, TrainConfig, compat, launch_train_with_config
from tensorpack.compat import tfv1 as tf
from tensorpack.tfutils.sesscreate import NewSessionCreator, ReuseSessionCreator, SessionCreatorAdapter
from tensorpack.train.trainers import (
    AsyncMultiGPUTrainer,
    NoOpTrainer,
    QueueInputTrainer,
    SyncMultiGPUTrainer,
    SyncMultiGPUTrainerParameterServer,
    SyncMultiGPUTrainerReplicated,
)

MULTI_GPU = [SyncMultiGPUTrainer, SyncMultiGPUTrainerParameterServer, SyncMultiGPUTrainerReplicated, AsyncMultiGPUTrainer]


@pytest.fixture
def four_gpus(monkeypatch):
    """As if TensorFlow saw four GPUs, for constructors."""
    monkeypatch.setattr(compat, "num_gpus", lambda: 4)


@pytest.mark.parametrize("make", MULTI_GPU, ids=lambda make: make.__name__)
@pytest.mark.parametrize("gpus,devices", [(2, [0, 1]), ([3, 1], [3, 1]), ((2,), [2]), (range(2), [0, 1])],
                         ids=["number", "list", "tuple", "range"])
def test_gpus_are_a_number_or_a_list(make, gpus, devices, four_gpus, log_records):
    trainer = make(gpus)
    assert trainer.devices == devices
    assert not messages(log_records, "ERROR") and not messages(log_records, "WARNING")
    assert any("{} towers".format(len(devices)) in m for m in messages(log_records, "INFO")) == (len(devices) > 1)


@pytest.mark.parametrize("gpus,error,words", [
    (0, ValueError, "must be positive"), (-1, ValueError, "must be positive"), ([], ValueError, "one GPU number at least"),
    ([0, 0], ValueError, "each once"), ([-1], ValueError, "none negative"), ("01", TypeError, "list of GPU numbers"),
    (None, TypeError, "list of GPU numbers"), ([0.5], TypeError, "list of GPU numbers"), (True, TypeError, "or how many")])
def test_gpus_that_are_none(gpus, error, words, four_gpus):
    with pytest.raises(error, match=words):
        AsyncMultiGPUTrainer(gpus)


@pytest.mark.parametrize("make", MULTI_GPU, ids=lambda make: make.__name__)
def test_a_gpu_that_does_not_exist_is_an_error(make, four_gpus):
    with pytest.raises(ValueError, match=r"each GPU must exist; got \[0, 4\], but TensorFlow sees 4"):
        make([0, 4])


@pytest.mark.skipif(compat.num_gpus() > 0, reason="there are GPUs")
@pytest.mark.parametrize("gpus", [1, 2], ids=["one", "two"])
def test_without_any_gpu_all_runs_on_the_cpu_and_the_log_says_so(gpus, log_records):
    trainer = SyncMultiGPUTrainerReplicated(gpus)
    run(trainer, Model(OPTIMIZERS["sgd"]), in_parts(batches(2), gpus), 2)
    assert any("sees no GPU" in m and "device_type='cpu'" in m and "TF_CPP_MIN_LOG_LEVEL=2" in m
               for m in messages(log_records, "WARNING"))
    assert messages(log_records, "ERROR") == []


@pytest.mark.parametrize("mode,kwargs,words", [
    ("ring", {}, "mode must be one of"), (3, {}, "mode must be one of"), (None, {"device_type": "tpu"}, "'gpu' or 'cpu'")])
def test_wrong_arguments_of_replicated(mode, kwargs, words):
    with pytest.raises(ValueError, match=words):
        SyncMultiGPUTrainerReplicated(2, mode=mode, **kwargs)


@pytest.mark.parametrize("gpus,mode,chosen,level", [
    (2, None, "gpu", None), (8, None, "hierarchical", None), (2, "NCCL", "nccl", "WARNING"),
    (2, "hierarchical", "gpu", "WARNING"), (8, "Cpu", "cpu", None), (3, "collective", "collective", None)])
def test_modes_of_replicated(gpus, mode, chosen, level, log_records, monkeypatch):
    monkeypatch.setattr(compat, "num_gpus", lambda: 8)
    assert SyncMultiGPUTrainerReplicated(gpus, mode=mode)._builder.mode == chosen
    assert [r.levelname for r in log_records if r.levelname != "INFO"] == ([level] if level else [])


@pytest.mark.parametrize("gpus,default", [(2, "gpu"), (3, "cpu")])
def test_variables_of_many_towers_are_on_the_cpu(gpus, default, four_gpus):
    assert SyncMultiGPUTrainerParameterServer(gpus)._builder.ps_device == default
    assert SyncMultiGPUTrainerParameterServer(gpus, "gpu")._builder.ps_device == "gpu"
    assert SyncMultiGPUTrainer(gpus)._builder.ps_device == "cpu"


def config_with(num):
    return tf.ConfigProto(device_count={"CPU": num}, allow_soft_placement=True)


@pytest.mark.parametrize("make_creator", [
    lambda: NewSessionCreator(config=config_with(1)), lambda: NewSessionCreator(config=config_with(5)),
    lambda: SessionCreatorAdapter(NewSessionCreator(), lambda sess: sess)], ids=["one", "five", "adapted"])
def test_the_session_gets_as_many_cpu_devices_as_towers_need(make_creator):
    creator = make_creator()
    given = getattr(creator, "config", None)
    before = given.SerializeToString() if given else None
    seen = []

    class Look(Callback):
        def _before_train(self):
            seen.extend(device.name for device in self.trainer.sess.list_devices() if device.device_type == "CPU")

    run(AsyncMultiGPUTrainer([0, 2], device_type="cpu"), Model(OPTIMIZERS["sgd"]), in_parts(batches(2), 2), 2,
        callbacks=[Look()], session_creator=creator)
    assert len(seen) == (5 if given and given.device_count["CPU"] == 5 else 3)
    assert given is None or given.SerializeToString() == before


def test_a_session_that_lacks_devices_is_an_error():
    with tf.Session(config=config_with(1)) as sess:
        with pytest.raises(RuntimeError, match=r"lacks /cpu:1; .*device_count={'CPU': 2}"):
            run(AsyncMultiGPUTrainer(2, device_type="cpu"), Model(OPTIMIZERS["sgd"]), in_parts(batches(2), 2), 2,
                session_creator=ReuseSessionCreator(sess))


class Count(Callback):
    def __init__(self):
        self.runs = 0

    def _before_run(self, ctx):
        return ["cost:0"]

    def _after_run(self, ctx, values):
        self.runs += 1
        self.cost = values.results[0]


def test_a_noop_trainer_runs_callbacks_and_no_update():
    count = Count()
    final = run(NoOpTrainer(), Model(OPTIMIZERS["sgd"]), batches(2), 6, callbacks=[count])
    assert count.runs == 6 and np.isfinite(count.cost)
    assert tf.get_default_graph().get_operation_by_name("train_op") is not None
    np.testing.assert_array_equal(final.saved["hidden/b"], 0)
    assert final.saved["global_step"] == 6


def test_the_former_trainer_for_queues(log_records):
    trainer = QueueInputTrainer()
    assert any("SimpleTrainer" in m for m in messages(log_records, "WARNING"))
    final = run(trainer, Model(OPTIMIZERS["sgd"]), batches(2), 2)
    assert final.saved["global_step"] == 2
    assert isinstance(trainer, SimpleTrainer)


def test_the_former_trainer_for_queues_takes_a_queue():
    config = TrainConfig(model=Model(OPTIMIZERS["sgd"]), data=FeedInput(DataFromList(batches(2))), monitors=[],
                         steps_per_epoch=2, max_epoch=1)
    with pytest.raises(TypeError, match="must be a QueueInput"):
        launch_train_with_config(config, QueueInputTrainer())


def test_names_that_scripts_import_from_utility():
    from tensorpack.graph_builder.utils import LeastLoadedDeviceSetter
    from tensorpack.train import utility

    assert utility.LeastLoadedDeviceSetter is LeastLoadedDeviceSetter
    with utility.override_to_local_variable():
        tf.get_variable("a", [])
    assert [v.op.name for v in tf.local_variables()] == ["a"]
