"""Predictors over a DataFlow, in this process and in spawned ones."""
import gc
import multiprocessing
import os
import signal
import threading
import time

import numpy as np
import pytest

from tensorpack.compat import tfv1 as tf
from tensorpack.dataflow.base import DataFlow, ProxyDataFlow
from tensorpack.dataflow.common import JoinData, RepeatedData
from tensorpack.dataflow.raw import DataFromGenerator, DataFromList
from tensorpack.graph_builder.model_desc import ModelDesc
from tensorpack.predict import PredictConfig
from tensorpack.predict.dataset import DatasetPredictorBase, MultiProcessDatasetPredictor, SimpleDatasetPredictor
from tensorpack.tfutils.sessinit import DictRestore
from tensorpack.utils._process.remote_failure import RemoteFailure

SIGNATURE = [tf.TensorSpec((), tf.int32, "x")]
INIT = DictRestore({"w": np.int32(10)})


class Model(ModelDesc):
    def inputs(self):
        return SIGNATURE

    def build_graph(self, x):
        w = tf.get_variable("w", [], tf.int32, initializer=tf.zeros_initializer())
        tf.multiply(x, w, name="y")
        with tf.control_dependencies([tf.debugging.assert_less(x, 1000, message="too large")]):
            tf.identity(x, name="checked")
        tf.numpy_function(_about_process, [x], [tf.int32, tf.string], name="process")


def _about_process(x):
    if x < 4:  # so that results come in another order
        time.sleep(0.05 * (4 - x))
    return np.int32(os.getpid()), os.environ["CUDA_VISIBLE_DEVICES"].encode()


def config(output_names=("y",), **kwargs):
    arguments = dict(model=Model(), output_names=list(output_names), session_init=INIT)
    arguments.update(kwargs)
    return PredictConfig(**arguments)


@pytest.fixture
def without_keras(monkeypatch):
    """The processes that are spawned do without Keras 3, whose import is half of TensorFlow's."""
    monkeypatch.setenv("TF_USE_LEGACY_KERAS", "1")


class Numbers(DataFlow):
    """The datapoints [0], [1], ...; needs a reset, which may take a while, and may raise."""

    def __init__(self, size, fail_at=None, known=True, seconds=0):
        self._size, self._fail_at, self._known, self._seconds, self.resets = size, fail_at, known, seconds, 0

    def __len__(self):
        if not self._known:
            raise NotImplementedError()
        return self._size

    def reset_state(self):
        time.sleep(self._seconds)
        self.resets += 1

    def __iter__(self):
        assert self.resets == 1
        for i in range(self._size):
            if i == self._fail_at:
                raise KeyError("no datapoint {}".format(i))
            yield [np.int32(i)]


def processes():
    return multiprocessing.active_children()


# ---- in this process


def test_simple_predictor_yields_the_outputs_of_each_datapoint(capfd):
    flow = Numbers(3)
    predictor = SimpleDatasetPredictor(config(), flow)
    assert isinstance(predictor, DatasetPredictorBase)
    results = predictor.get_result()
    assert next(results) == [0] and list(results) == [[10], [20]]
    assert predictor.get_all_result() == [[0], [10], [20]]
    assert flow.resets == 1
    assert "3/3" in capfd.readouterr().err


def test_no_bar_without_a_length(capfd):
    assert len(SimpleDatasetPredictor(config(), Numbers(3, known=False)).get_all_result()) == 3
    assert "/?" not in capfd.readouterr().err


def test_a_flow_that_does_not_have_each_datapoint_once_is_warned_about(log_records):
    SimpleDatasetPredictor(config(), JoinData([Numbers(3), Numbers(5)]))
    assert "[SimpleDatasetPredictor] A pass should have each datapoint once, or the results are not those of each datapoint: " \
        "JoinData has 3 datapoints in a pass, though its flows have 3, 5; join flows of one length." in [
            record.getMessage() for record in log_records]


@pytest.mark.parametrize("shuffle", [True, False])
def test_the_order_of_a_flow_that_shuffles_is_told(log_records, shuffle):
    flow = RepeatedData(DataFromList([[np.int32(k)] for k in range(4)], shuffle=shuffle), 1)
    SimpleDatasetPredictor(config(), flow)
    SimpleDatasetPredictor(config(["y", "x:0"]), flow)  # the second tells of which datapoint a result is
    told = [record for record in log_records if "which shuffles" in record.getMessage()]
    assert [record.levelname for record in told] == ["WARNING", "INFO"][:2 * shuffle]
    assert all("in the order of DataFromList" in record.getMessage() for record in told)


def test_all_results_of_a_flow_that_never_ends_are_refused():
    predictor = SimpleDatasetPredictor(config(), RepeatedData(Numbers(3), -1))
    with pytest.raises(ValueError, match="SimpleDatasetPredictor.get_all_result: the dataset must end; .*FixedSizeData"):
        predictor.get_all_result()
    results = predictor.get_result()
    assert len([next(results) for _ in range(7)]) == 7
    results.close()


def test_simple_predictor_gives_inputs_when_asked():
    (given, outputs), = SimpleDatasetPredictor(config(return_input=True), DataFromList([[7]])).get_result()
    assert given == (7,) and outputs == [70]


@pytest.mark.parametrize("cls", [SimpleDatasetPredictor, lambda *args: MultiProcessDatasetPredictor(*args, nr_proc=1)],
                         ids=["simple", "processes"])
@pytest.mark.parametrize("arguments, words", [
    (lambda: (Model(), Numbers(1)), "config must be a PredictConfig"),
    (lambda: (config(), [[1]]), "dataset must be a DataFlow; got"),
], ids=["config", "dataset"])
def test_wrong_types_are_told(cls, arguments, words):
    with pytest.raises(TypeError, match=words):
        cls(*arguments())


def test_a_datapoint_that_is_no_list_is_told():
    with pytest.raises(TypeError, match="a datapoint must be a list .* got dict of 1"):
        SimpleDatasetPredictor(config(), DataFromList([{"x": 1}])).get_all_result()


def test_the_base_is_abstract():
    with pytest.raises(TypeError):
        DatasetPredictorBase(config(), Numbers(1))


# ---- mistakes that are found before a process is started


class Holder(ProxyDataFlow):
    def __init__(self, ds, thing):
        super().__init__(ds)
        self.thing = thing


@pytest.mark.parametrize("make, words", [
    (lambda: (config(model=None, tower_func=lambda x: x, input_signature=SIGNATURE), Numbers(1)),
     r"config must be picklable.*config\.tower_func\._tower_fn = <function .*lambda"),
    (lambda: (config(), Holder(Numbers(1), {"a": [1, threading.Lock()]})),
     r"dataset must be picklable.*dataset\.thing\['a'\]\[1\] = <unlocked"),
    (lambda: (config(), DataFromGenerator(x for x in [[1]])), "dataset must be picklable.*generator"),
], ids=["function", "lock", "generator"])
def test_what_cannot_be_pickled_is_named(make, words):
    with pytest.raises(TypeError, match=words):
        MultiProcessDatasetPredictor(*make(), nr_proc=1, use_gpu=False)
    assert not processes()


@pytest.mark.parametrize("setting", ["", "-1", "3"])
def test_too_few_gpus_are_told(monkeypatch, setting):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", setting)
    with pytest.raises(ValueError, match="nr_proc=2 processes; got {}.*use_gpu=False".format(int(setting == "3"))):
        MultiProcessDatasetPredictor(config(), Numbers(1), 2)


def test_there_must_be_a_worker():
    with pytest.raises(ValueError, match="nr_proc must be at least 1; got 0"):
        MultiProcessDatasetPredictor(config(), Numbers(1), 0, use_gpu=False)


# ---- with processes; each that is spawned takes some seconds to import TensorFlow


def test_results_of_two_workers_come_in_order_and_a_second_pass_works(monkeypatch, forked_workers, capfd, log_records):
    # TensorFlow has run in this process, and the config has built a graph here
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "5,6,7")
    cfg = config(["y", "process:0", "process:1"], return_input=True)
    with SimpleDatasetPredictor(cfg, DataFromList([[1]])).predictor:
        pass
    predictor = MultiProcessDatasetPredictor(cfg, Numbers(12, seconds=1.5), 2)
    predictor.STALL_SECONDS = 0.5
    assert os.environ["CUDA_VISIBLE_DEVICES"] == "5,6,7"
    assert [r for r in log_records if "return_input=True" in r.getMessage()]
    results = predictor.get_all_result()
    assert [given for given, _ in results] == [(i,) for i in range(12)]
    assert [outputs[0] for _, outputs in results] == [10 * i for i in range(12)]
    devices = {(outputs[1], outputs[2]) for _, outputs in results}
    assert os.getpid() not in {pid for pid, _ in devices}
    assert len(devices) <= 2 and {device for _, device in devices} <= {b"5", b"6"}
    assert not processes()
    stalls = [r.getMessage() for r in log_records if "there was no result for" in r.getMessage()]
    assert "PredictWorker-0 (" in stalls[0] and "PredictWorker-1 (" in stalls[0] and "feeder (" in stalls[0]
    said = capfd.readouterr()
    assert "12/12" in said.err and "13/" not in said.err
    assert (said.out + said.err).count("Traceback") == 0
    assert len(predictor.get_all_result()) == 12


def test_an_error_of_the_data_comes_after_the_results_before_it(without_keras):
    # spawned, as all are for users: TensorFlow has run in this process
    with SimpleDatasetPredictor(config(), DataFromList([[1]])).predictor:
        pass
    predictor = MultiProcessDatasetPredictor(config(["y", "process:1"]), Numbers(9, fail_at=3), 1, use_gpu=False)
    results = predictor.get_result()
    assert [next(results) for _ in range(3)] == [[10 * i, b"-1"] for i in range(3)]
    with pytest.raises(KeyError, match="no datapoint 3") as info:
        next(results)
    assert "in __iter__" in str(info.value.__cause__) and "feeder" in str(info.value.__cause__)
    assert not processes()


def test_an_error_in_a_worker_is_raised_with_its_traceback(forked_workers):
    flow = DataFromList([[1], [5000], [2]], shuffle=False)
    predictor = MultiProcessDatasetPredictor(config(["checked"]), flow, 1, use_gpu=False, ordered=False)
    results = predictor.get_result()
    assert next(results) == [1]
    with pytest.raises(tf.errors.InvalidArgumentError, match="too large") as info:
        next(results)
    assert "MultiProcessPredictWorker-0" in str(info.value.__cause__) and "Traceback" in str(info.value.__cause__)
    assert not processes()


@pytest.mark.parametrize("victim", ["MultiProcessPredictWorker-0", "MultiProcessDatasetPredictor-feeder"])
def test_a_killed_process_is_named_soon(monkeypatch, forked_workers, victim):
    monkeypatch.setattr("tensorpack.predict._process_group._JOIN_SECONDS", 120)
    predictor = MultiProcessDatasetPredictor(config(["y"]), Numbers(10 ** 9), 1, use_gpu=False)
    results = predictor.get_result()
    next(results)
    process, = [p for p in processes() if p.name == victim]
    start = time.time()
    os.kill(process.pid, signal.SIGKILL)
    with pytest.raises(RuntimeError, match=r"{} \(pid {}\) was killed by signal SIGKILL".format(victim, process.pid)):
        for _ in results:
            pass
    assert time.time() - start < 100
    assert not processes()


def test_leaving_the_results_ends_the_processes(forked_workers):
    predictor = MultiProcessDatasetPredictor(config(), Numbers(10 ** 9), 1, use_gpu=False, ordered=False)
    results = predictor.get_result()
    next(results)
    assert len(processes()) == 2
    results.close()
    assert not processes()
    unused = MultiProcessDatasetPredictor(config(), Numbers(1), 1, use_gpu=False)
    assert len(processes()) == 2
    del unused
    gc.collect()
    assert not processes()


# ---- errors on their way


class Odd(Exception):
    def __init__(self, a, b):
        super().__init__("odd")


@pytest.mark.parametrize("error, expected, words", [
    (KeyError("k"), KeyError, "k"),
    (tf.errors.NotFoundError(None, None, "no file"), tf.errors.NotFoundError, "no file"),
    (Odd(1, 2), RuntimeError, "there failed: Odd: odd"),
    (SystemExit(3), RuntimeError, "there failed: SystemExit: 3"),
], ids=["plain", "tensorflow", "unpicklable", "exit"])
def test_a_failure_raises_the_error_or_tells_about_it(error, expected, words):
    try:
        raise error
    except BaseException as e:
        failure = RemoteFailure("there", e)
    with pytest.raises(expected, match=words) as info:
        failure.reraise()
    assert type(info.value) is expected and "test_predict_dataset.py" in str(info.value.__cause__)
