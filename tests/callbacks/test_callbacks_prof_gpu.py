"""The trackers of GPUs: what they send, and that nothing that goes wrong with them stops or delays a training."""
import queue
import threading
import time

import fake_nvml
import pytest
from small_training import Call, messages, train

from tensorpack.callbacks import _gpu_trackers
from tensorpack.callbacks.prof import GPUMemoryTracker, GPUUtilizationTracker, PeakMemoryTracker
from tensorpack.compat import tfv1 as tf


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    return fake_nvml.build(tmp_path_factory.mktemp("driver"))


@pytest.fixture
def driver(library, monkeypatch):
    """Call it with what the driver shall do."""
    def install(mode="fine", period=0.02, patience=60):
        fake_nvml.install(monkeypatch, library)
        monkeypatch.setenv("FAKE_NVML", mode)
        monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
        monkeypatch.setattr(_gpu_trackers, "_PERIOD", period)
        monkeypatch.setattr(_gpu_trackers, "_PATIENCE", patience)

    return install


def utilization(tracker, epochs=2, seconds=0.2):
    """The names and values that arrive in a training whose epochs take this long."""
    trainer = train([tracker, Call(trigger_step=lambda cb: time.sleep(seconds / 2))], steps=2, epochs=epochs)
    assert trainer.epoch_num == epochs
    return {name: [value for _, value in history] for name, history in trainer.monitors._history.items()}


# ---- GPUUtilizationTracker --------------------------------------------------------------------------------------------

@pytest.mark.parametrize("devices, visible, expected", [
    ([1], None, [1]), (2, None, [2]), (None, "2", [2]), (None, "0, 2", [0, 2]), (None, "1,-1", [1]), (None, None, [0, 1, 2])])
def test_the_utilization_of_each_gpu_arrives_each_epoch(driver, monkeypatch, devices, visible, expected):
    driver()
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert utilization(GPUUtilizationTracker(devices)) == {"GPUUtil/{}".format(k): [50. + k] * 2 for k in expected}


def test_a_process_of_a_horovod_training_looks_at_its_own_gpu(driver):
    driver()

    class Horovod:
        @staticmethod
        def local_rank():
            return 1

    class AsHorovod(GPUUtilizationTracker):
        def _setup_graph(self):
            self.trainer.hvd = Horovod
            super()._setup_graph()

    assert utilization(AsHorovod()) == {"GPUUtil/1": [51., 51.]}


def test_all_gpus_are_announced_and_a_session_without_gpu_as_well(driver, log_records):
    driver()
    utilization(GPUUtilizationTracker())
    warnings = messages(log_records, "WARNING")
    assert len(warnings) == 2 and "all 3 GPUs" in warnings[0] and "session has no GPU" in warnings[1]


def test_short_epochs_have_a_value_and_cost_no_time(driver):
    driver(period=120)
    start = time.time()
    values = utilization(GPUUtilizationTracker([0]), epochs=5, seconds=0.1)
    assert values == {"GPUUtil/0": [50.] * 5} and time.time() - start < 100


@pytest.mark.parametrize("mode, visible, devices, reason", [
    ("fine", None, [7], "number of a GPU must be from 0 to 2; got 7"),
    ("fine", None, [], "no GPU"),
    ("fine", "", None, "no GPU"),
    ("fine", "GPU-8932f937-d72c", None, "names instead of numbers"),
    ("fine", "MIG-GPU-8932f937/1/0", None, "names instead of numbers"),
    ("mig", None, [0], "Not Supported"),
    ("fail-later", None, [0], "GPU is lost"),
    ("hang", None, [0], "does not answer"),
    ("hang-later", None, [0], "does not answer"),
], ids=str)
def test_whatever_fails_is_warned_of_once_and_training_goes_on(driver, monkeypatch, log_records, mode, visible, devices,
                                                               reason):
    driver(mode, patience=0.3 if mode.startswith("hang") else 60)
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    start = time.time()
    utilization(GPUUtilizationTracker(devices), epochs=3, seconds=0.4 if mode.endswith("later") else 0)
    assert time.time() - start < 100
    warnings = [m for m in messages(log_records, "WARNING") if "nothing is tracked" in m]
    assert len(warnings) == 1 and reason in warnings[0]


def test_a_machine_without_driver(monkeypatch, log_records):
    fake_nvml.install(monkeypatch, "libno-such-driver.so.1")
    assert utilization(GPUUtilizationTracker(), seconds=0) == {}
    warning, = messages(log_records, "WARNING")
    assert warning.startswith("GPUUtilizationTracker: nothing is tracked") and "there must be a driver of NVIDIA" in warning


def test_an_epoch_that_fails_ends_the_thread(driver):
    driver()
    before = set(threading.enumerate())

    def fail(cb):
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        train([GPUUtilizationTracker([0]), Call(trigger_step=fail)])
    assert not [t for t in threading.enumerate() if t.name == "GPUUtilizationTracker" and t not in before]


def test_the_worker_can_be_used_by_itself(driver):
    driver()
    now, stop, samples = threading.Event(), threading.Event(), queue.Queue()
    thread = threading.Thread(target=GPUUtilizationTracker.worker, args=(now, samples, stop, [0, 2]), daemon=True)
    thread.start()
    assert samples.get(timeout=120) == [50, 52]
    stop.set()
    now.set()
    thread.join(120)
    assert not thread.is_alive()


# ---- GPUMemoryTracker -------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("devices", [(0,), 0, ["/gpu:1"], "/cpu:0"], ids=repr)
def test_memory_of_a_gpu_that_is_not_there_is_warned_of_once(devices, log_records, monkeypatch):
    monkeypatch.setattr("tensorpack.compat.num_gpus", lambda: 0)
    trainer = train([GPUMemoryTracker(devices)])
    assert trainer.epoch_num == 2 and trainer.monitors._history == {}
    warning, = messages(log_records, "WARNING")
    assert "GPUMemoryTracker: nothing is tracked" in warning and "sees no GPU" in warning


def test_peak_memory_is_read_after_the_last_step_of_each_epoch(monkeypatch):
    read = []

    def reader(device):
        assert tf.get_default_graph().finalized is False
        return lambda sess: read.append(device) or 2500000 * len(read)

    monkeypatch.setattr(_gpu_trackers, "peak_gpu_memory_reader", reader)
    trainer = train([PeakMemoryTracker((0, 1))])
    assert trainer.monitors._history == {
        "PeakMemory(MB)/gpu:0": [(4, 2.5), (8, 7.5)], "PeakMemory(MB)/gpu:1": [(4, 5.), (8, 10.)]}


def test_memory_that_cannot_be_read_is_warned_of_once(monkeypatch, log_records):
    def read(sess):
        raise tf.errors.InvalidArgumentError(None, None, "No OpKernel was registered\nto support it")

    monkeypatch.setattr(_gpu_trackers, "peak_gpu_memory_reader", lambda device: read)
    trainer = train([GPUMemoryTracker()])
    assert trainer.epoch_num == 2
    assert messages(log_records, "WARNING") == ["GPUMemoryTracker: nothing is tracked: No OpKernel was registered"]


def test_the_reader_of_peak_memory_can_be_made_where_a_gpu_is_claimed(monkeypatch):
    """TF 1.15 makes an operation of a library that has to be loaded; it cannot run without a GPU."""
    from tensorpack import compat

    monkeypatch.setattr(compat, "num_gpus", lambda: 2)
    compat.peak_gpu_memory_reader("/gpu:1")
    operations = [(op.type, op.device) for op in tf.get_default_graph().get_operations()]
    assert operations in ([], [("MaxBytesInUse", "/device:GPU:1")])
    with pytest.raises(ValueError, match="sees no GPU '/gpu:2'"):
        compat.peak_gpu_memory_reader("/gpu:2")
