"""BatchNorm with synchronised statistics. The machine has neither NCCL nor Horovod: the graph and the formula are tested."""
import sys
import types

import layer_reference as ref
import numpy as np
import pytest

from tensorpack import compat
from tensorpack.compat import tfv1 as tf
from tensorpack.models import BatchNorm, _synchronize
from tensorpack.tfutils.tower import TrainTowerContext
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
    monkeypatch.setattr(_synchronize, "_horovod", optional_import("horovod", needed_by="test", pip="horovod"))
    monkeypatch.setattr(_synchronize, "_hvd", optional_import("horovod.tensorflow", needed_by="test", pip="horovod"))


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
    monkeypatch.setattr(_synchronize, "_hvd", optional_import("no_such_horovod", needed_by="BatchNorm", pip="horovod"))
    with pytest.raises(ImportError, match="pip install horovod"):
        horovod_layer()
