"""BatchNorm with synchronised statistics: towers on CPU devices for real; for NCCL and Horovod the graph and the formula."""
import sys
import types

import layer_reference as ref
import numpy as np
import pytest

from tensorpack import compat
from tensorpack.callbacks.base import Callback
from tensorpack.compat import tfv1 as tf
from tensorpack.dataflow import DataFromList
from tensorpack.graph_builder.model_desc import ModelDesc
from tensorpack.input_source import QueueInput
from tensorpack.models import BatchNorm, FullyConnected
from tensorpack.models._normalization import synchronize
from tensorpack.tfutils.tower import TrainTowerContext
from tensorpack.train.config import TrainConfig
from tensorpack.train.interface import launch_train_with_config
from tensorpack.train.trainers import SimpleTrainer, SyncMultiGPUTrainerParameterServer, SyncMultiGPUTrainerReplicated
from tensorpack.utils import argtools
from tensorpack.utils.optional import optional_import


@pytest.fixture(autouse=True)
def nothing_logged_before(monkeypatch):
    monkeypatch.setattr(argtools, "_LOGGED", set())


def nccl_operations():
    return [op for op in tf.get_default_graph().get_operations() if op.type == "NcclAllReduce"]


@pytest.mark.parametrize("shape,axes", [((6, 3), (0,)), ((2, 3, 3, 4), (0, 1, 2))], ids=["2d", "4d"])
@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_one_tower_uses_local_statistics_with_a_warning(shape, axes, dtype, log_records):
    x = ref.random_array(*shape).astype(dtype) + 2
    placeholder = tf.placeholder(dtype, (None,) + shape[1:])
    with ref.training_tower():
        y = BatchNorm("bn", placeholder, sync_statistics="NCCL")
    assert [r.levelname for r in log_records] == ["WARNING"]
    assert ref.collection_names("variables") == ["bn/beta", "bn/gamma", "bn/mean/EMA", "bn/variance/EMA"]
    assert not nccl_operations() and not tf.get_collection(tf.GraphKeys.UPDATE_OPS)
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        got = sess.run(y, {placeholder: x})
        variance = sess.run(y.variables.variance)
    np.testing.assert_allclose(got, ref.normalize(x, axes, 1, 0, 1e-5), atol=1e-3 if dtype == "float32" else 2e-2)
    np.testing.assert_allclose(variance, 0.9 + 0.1 * x.astype("float64").var(axis=axes), rtol=1e-3)


def test_nccl_operations_are_shared_by_name_without_the_tower():
    x = tf.placeholder(tf.float32, [None, 3])
    for index, scope in enumerate(["", "tower1"]):
        with TrainTowerContext("tower{}".format(index), vs_name=scope, index=index, total=2), tf.variable_scope("block"):
            y = BatchNorm("bn", x, sync_statistics="nccl")
            tf.gradients(y, x)
    operations = nccl_operations()
    names = [op.get_attr("shared_name").decode() for op in operations]
    assert sorted(names) == sorted(2 * ["block/bn_NCCL_mean", "block/bn_NCCL_mean_square", "block/bn_NCCL_mean_grad",
                                        "block/bn_NCCL_mean_square_grad"])
    assert {(op.get_attr("num_devices"), op.get_attr("reduction")) for op in operations} == {(2, b"sum")}


def test_nccl_statistics_are_those_of_the_joined_batch(monkeypatch):
    """One half of a batch, with the other half's moments added in place of the operation that needs GPUs."""
    shared = {}

    def add_partner(x, num_devices, shared_name):
        return shared[shared_name] + x

    monkeypatch.setattr(compat, "nccl_all_reduce_sum", add_partner)
    halves = [ref.random_array(4, 3, seed=1), ref.random_array(4, 3, seed=2) + 3]
    other = halves[1].astype("float64")
    shared["bn_NCCL_mean"] = other.mean(axis=0).astype("float32")
    shared["bn_NCCL_mean_square"] = (other ** 2).mean(axis=0).astype("float32")
    placeholder = tf.placeholder(tf.float32, [4, 3])
    with TrainTowerContext("tower0", index=0, total=2):
        y = BatchNorm("bn", placeholder, sync_statistics="nccl")
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        got = sess.run(y, {placeholder: halves[0]})
        mean, variance = sess.run([y.variables.mean, y.variables.variance])
    joined = np.concatenate(halves).astype("float64")
    np.testing.assert_allclose(got, ref.normalize(joined, (0,), 1, 0, 1e-5)[:4], atol=1e-4)
    np.testing.assert_allclose(mean, 0.1 * joined.mean(axis=0), rtol=1e-4)
    np.testing.assert_allclose(variance, 0.9 + 0.1 * joined.var(axis=0), rtol=1e-4)


def synchronized_towers(shape, num, layers=1):
    """Inputs and outputs of towers on CPU devices that share variables; the batch norm is used `layers` times in a row."""
    inputs, outputs = [], []
    for index in range(num):
        with tf.device("/cpu:{}".format(index)), tf.variable_scope(tf.get_variable_scope(), reuse=index > 0):
            with TrainTowerContext("tower{}".format(index), index=index, total=num):
                inputs.append(tf.placeholder(tf.float32, shape))
                y = BatchNorm("bn", inputs[-1], sync_statistics="nccl", momentum=0.8)
                for _ in range(layers - 1):
                    with tf.variable_scope("", reuse=True):
                        y = BatchNorm("bn", y * y, sync_statistics="nccl", momentum=0.8)
                outputs.append(y)
    return inputs, outputs


def cpu_session(num):
    return tf.Session(config=tf.ConfigProto(device_count={"CPU": num}))


@pytest.mark.parametrize("shape", [(4, 3), (2, 3, 4, 2)], ids=["2d", "4d"])
@pytest.mark.parametrize("num,layers", [(2, 1), (3, 2)], ids=["two", "three-shared"])
def test_towers_on_cpus_are_one_tower_on_the_joined_batch(num, layers, shape):
    """Results, gradients of inputs and variables, and averages; with two gradients of each tower."""
    x = ref.random_array(num * shape[0], *shape[1:]) + np.arange(num * shape[0]).reshape([-1] + [1] * (len(shape) - 1))
    weights = ref.random_array(*x.shape, seed=1)

    def gradients(inputs, outputs):
        parts = np.split(weights, len(inputs))
        costs = [tf.reduce_sum(y * part) for y, part in zip(outputs, parts)]
        return [tf.gradients(cost, [x] + tf.trainable_variables()) for x, cost in zip(inputs, costs)]

    with tf.Graph().as_default(), ref.training_tower():
        placeholder = tf.placeholder(tf.float32, x.shape)
        y = BatchNorm("bn", placeholder, ema_update="internal", momentum=0.8, virtual_batch_size=len(x))
        for _ in range(layers - 1):
            with tf.variable_scope("", reuse=True):
                y = BatchNorm("bn", y * y, ema_update="internal", momentum=0.8, virtual_batch_size=len(x))
        grads = gradients([placeholder], [y])[0]
        with tf.Session() as sess:
            ref.randomize(sess)
            expected, grads = sess.run([y, grads], {placeholder: x})
            averages = sess.run([y.variables.mean, y.variables.variance])

    inputs, outputs = synchronized_towers(shape, num, layers)
    first, second = gradients(inputs, outputs), gradients(inputs, outputs)
    with cpu_session(num) as sess:
        ref.randomize(sess)
        got = sess.run([outputs, first, second], dict(zip(inputs, np.split(x, num))))
        if layers == 1:  # else two updates race
            np.testing.assert_allclose(
                sess.run([outputs[0].variables.mean, outputs[0].variables.variance]), averages, rtol=1e-4)
    assert not nccl_operations()
    np.testing.assert_allclose(np.concatenate(got[0]), expected, rtol=1e-3, atol=1e-3)
    for towers in got[1:]:
        # the statistics carry gradients from tower to tower: what is summed there is d(all costs)/d(its input)
        np.testing.assert_allclose(np.concatenate([tower[0] for tower in towers]), grads[0], rtol=1e-2, atol=1e-3)
        for k in (1, 2):
            np.testing.assert_allclose(sum(tower[k] for tower in towers), grads[k], rtol=1e-3, atol=1e-3)


class SynchronizedModel(ModelDesc):
    def inputs(self):
        return [tf.TensorSpec((None, 3), tf.float32, "x")]

    def build_graph(self, x):
        y = FullyConnected("a", x, 4, kernel_initializer=tf.random_uniform_initializer(seed=3))
        y = BatchNorm("bn", y, sync_statistics="nccl", ema_update="internal")
        y = FullyConnected("b", tf.tanh(y), 2, kernel_initializer=tf.random_uniform_initializer(seed=4))
        return tf.reduce_mean(tf.square(y - x[:, :2]), name="cost")

    def optimizer(self):
        return tf.train.MomentumOptimizer(0.05, 0.9)


class FinalValues(Callback):
    def _after_train(self):
        self.values = self.trainer.sess.run({v.op.name: v for v in tf.global_variables()})


def trained(trainer, parts):
    """Variables after 10 steps in which the towers share the same 16 numbers."""
    numbers = np.random.RandomState(0).randn(10, 16, 3).astype("float32") + np.arange(16, dtype="float32")[:, None]
    data = DataFromList([[part] for batch in numbers for part in np.split(batch, parts)], shuffle=False)
    final = FinalValues()
    with tf.Graph().as_default():
        launch_train_with_config(TrainConfig(model=SynchronizedModel(), data=QueueInput(data), callbacks=[final], monitors=[],
                                             extra_callbacks=[], steps_per_epoch=10, max_epoch=1), trainer)
    return final.values


@pytest.mark.parametrize("make_trainer", [
    lambda: SyncMultiGPUTrainerParameterServer(2, device_type="cpu"),
    lambda: SyncMultiGPUTrainerReplicated(2, mode="collective", device_type="cpu")], ids=["shared", "replicated"])
def test_a_trainer_with_two_towers_equals_one_with_the_joined_batch(make_trainer):
    expected, got = trained(SimpleTrainer(), 1), trained(make_trainer(), 2)
    assert set(got) == set(expected)
    for name, value in expected.items():
        np.testing.assert_allclose(got[name], value, rtol=1e-3, atol=1e-4, err_msg=name)


def test_nccl_needs_a_training_tower():
    with ref.inference_tower(), pytest.raises(RuntimeError, match="averaged over training towers"):
        BatchNorm("bn", tf.placeholder(tf.float32, [2, 3]), sync_statistics="nccl", training=True)


def test_synchronisation_is_ignored_at_inference():
    with ref.inference_tower():
        BatchNorm("bn", tf.placeholder(tf.float32, [2, 3]), sync_statistics="horovod")
    assert len(tf.global_variables()) == 4


def fake_horovod(monkeypatch, size, version="0.28.1", allreduce=None):
    package, module = types.ModuleType("horovod"), types.ModuleType("horovod.tensorflow")
    package.__version__, package.tensorflow = version, module
    module.size, module.allreduce = (lambda: size), allreduce
    monkeypatch.setitem(sys.modules, "horovod", package)
    monkeypatch.setitem(sys.modules, "horovod.tensorflow", module)
    monkeypatch.setattr(synchronize, "_horovod", optional_import("horovod", needed_by="test", pip="horovod"))
    monkeypatch.setattr(synchronize, "_hvd", optional_import("horovod.tensorflow", needed_by="test", pip="horovod"))


def horovod_layer():
    placeholder = tf.placeholder(tf.float32, [4, 3])
    with ref.training_tower():
        return placeholder, BatchNorm("bn", placeholder, sync_statistics="horovod")


def test_horovod_averages_both_moments(monkeypatch):
    def allreduce(x, average):
        assert average is True
        return (x + 3.0) / 2

    fake_horovod(monkeypatch, size=2, allreduce=allreduce)
    placeholder, y = horovod_layer()
    x = ref.random_array(4, 3)
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        got = sess.run(y, {placeholder: x})
    mean = (x.mean(axis=0) + 3) / 2
    variance = ((x ** 2).mean(axis=0) + 3) / 2 - mean ** 2
    np.testing.assert_allclose(got, ref.normalize(x, (0,), 1, 0, 1e-5, mean, np.maximum(variance, 0)), rtol=1e-3)


def test_one_horovod_process_uses_local_statistics_with_a_warning(monkeypatch, log_records):
    fake_horovod(monkeypatch, size=1)
    horovod_layer()
    assert [r.levelname for r in log_records] == ["WARNING"]


def test_old_horovod_is_refused(monkeypatch):
    fake_horovod(monkeypatch, size=2, version="0.13.5")
    with pytest.raises(RuntimeError, match="at least 0.13.6; got 0.13.5"):
        horovod_layer()


def test_missing_horovod_is_explained(monkeypatch):
    monkeypatch.setattr(synchronize, "_hvd", optional_import("no_such_horovod", needed_by="BatchNorm", pip="horovod"))
    with pytest.raises(ImportError, match="pip install horovod"):
        horovod_layer()
