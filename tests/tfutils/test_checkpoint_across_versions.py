"""What the library saved on one TensorFlow loads on the other, and training goes on from it as it would have there.

The files were written by tests/data/across_versions/make_across_versions.py, once on each TensorFlow.
"""
import glob
import importlib.util
import os
import shutil

import numpy as np
import pytest

from tensorpack import Callback, SmartInit
from tensorpack._cli.dump_model_params import main as dump_model_params
from tensorpack.compat import tfv1 as tf
from tensorpack.tfutils.varmanip import load_checkpoint_vars, save_checkpoint_vars

FOLDER = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "data", "across_versions")
SAVED_ON = pytest.mark.parametrize("version", ["tf1.15", "tf2.21"])
OPTIMIZERS = pytest.mark.parametrize("optimizer", ["adam", "momentum"])
VARIABLE_KIND = pytest.mark.parametrize("use_resource", [False, True], ids=["reference", "resource"])
SLOTS = {"adam": ("/Adam", "/Adam_1"), "momentum": ("/Momentum",)}


@pytest.fixture(scope="module")
def script():
    spec = importlib.util.spec_from_file_location("make_across_versions", os.path.join(FOLDER, "make_across_versions.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def unpack(tmp_path):
    """From version and optimizer to the log directory of that training, a copy of its own."""
    def function(version, optimizer):
        directory = str(tmp_path / "log")
        shutil.unpack_archive(os.path.join(FOLDER, "{}-{}.zip".format(version, optimizer)), directory)
        return directory
    return function


class Look(Callback):
    """The values of all variables before training."""

    def _before_train(self):
        variables = tf.global_variables()
        self.values = dict(zip([v.op.name for v in variables], self.trainer.sess.run(variables)))


def assert_equal(found, expected, **tolerance):
    assert sorted(found) == sorted(expected)
    for name, value in expected.items():
        assert found[name].dtype == value.dtype and found[name].shape == value.shape, name
        np.testing.assert_allclose(found[name], value, err_msg=name, **tolerance)


PAIRS = [("tf1.15", "adam", False), ("tf1.15", "momentum", True), ("tf2.21", "adam", True), ("tf2.21", "momentum", False)]


@pytest.mark.parametrize("version, optimizer, use_resource", PAIRS + [  # each pair of values, and the other half of all
    pytest.param(version, optimizer, not use_resource, marks=pytest.mark.slow) for version, optimizer, use_resource in PAIRS])
def test_training_resumes_with_the_weights_that_it_would_have_had(script, unpack, version, optimizer, use_resource):
    directory = unpack(version, optimizer)
    stored, look = load_checkpoint_vars(directory), Look()
    trainer = script.train(directory, script.Model(optimizer, use_resource), script.EPOCHS_AFTERWARDS, [look])
    assert trainer.starting_epoch == script.EPOCHS_SAVED + 1
    assert_equal(look.values, stored, rtol=0, atol=0)
    after, expected = load_checkpoint_vars(directory), dict(np.load(os.path.join(directory, "expected.npz")))
    assert after["global_step"] == script.EPOCHS_AFTERWARDS * script.STEPS_PER_EPOCH
    assert_equal(after, expected, rtol=1e-4, atol=1e-5)
    slots = [name for name in stored if name.endswith(SLOTS[optimizer])]
    assert len(slots) == 6 * len(SLOTS[optimizer]) and all((after[name] != stored[name]).any() for name in slots)


@pytest.mark.parametrize("version, optimizer", [
    ("tf1.15", "adam"), ("tf2.21", "momentum"), pytest.param("tf1.15", "momentum", marks=pytest.mark.slow),
    pytest.param("tf2.21", "adam", marks=pytest.mark.slow)])
def test_a_training_without_the_slots_would_end_elsewhere(script, unpack, version, optimizer):
    """Or the test above could not tell a lost slot."""
    directory = unpack(version, optimizer)
    stored, expected = load_checkpoint_vars(directory), dict(np.load(os.path.join(directory, "expected.npz")))
    for name in [name for name in stored if name.endswith(SLOTS[optimizer])]:
        stored[name] = np.zeros_like(stored[name])
    save_checkpoint_vars(stored, os.path.join(directory, "model-4"))
    script.train(directory, script.Model(optimizer), script.EPOCHS_AFTERWARDS)
    after = load_checkpoint_vars(directory)
    assert not any(np.allclose(after[name], expected[name], rtol=1e-3, atol=1e-4) for name in ("conv/W", "bn/gamma", "fc/W"))


@VARIABLE_KIND
@pytest.mark.parametrize("source", ["checkpoint", "model-4", "dumped.npz", "dict"])
@SAVED_ON
def test_predictions_from_each_kind_of_file(script, unpack, version, source, use_resource):
    directory = unpack(version, "adam")
    path = os.path.join(directory, source)
    expected = np.load(os.path.join(directory, "prob_saved.npy"))
    loaded = load_checkpoint_vars(directory) if source == "dict" else path
    found = script.predict(script.Model("adam", use_resource), SmartInit(loaded))
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


@OPTIMIZERS
@SAVED_ON
def test_dump_model_params_makes_the_same_file_on_both(unpack, version, optimizer, tmp_path):
    directory = unpack(version, optimizer)
    with np.load(os.path.join(directory, "dumped.npz")) as f:
        expected = dict(f)
    assert sorted(expected) == ["bn/beta:0", "bn/gamma:0", "bn/mean/EMA:0", "bn/variance/EMA:0", "conv/W:0", "conv/b:0",
                                "fc/W:0", "fc/b:0"]
    meta, = glob.glob(os.path.join(directory, "graph-*.meta"))
    for number, arguments in enumerate(([directory], ["--meta", meta, os.path.join(directory, "model-4")])):
        output = str(tmp_path / "{}.npz".format(number))
        assert dump_model_params(arguments + [output]) == 0
        with np.load(output) as f:
            assert_equal(dict(f), expected, rtol=0, atol=0)
