"""Checkpoints and npz files that the original wrote give its predictions here; a graph built here has their variables."""
import importlib.util
import json
import os

import numpy as np
import pytest

from tensorpack.compat import tfv1 as tf
from tensorpack.tfutils.common import get_global_step_var
from tensorpack.tfutils.sessinit import SmartInit
from tensorpack.tfutils.tower import TowerContext

GOLDEN = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "data", "golden")
OPTIMIZERS = pytest.mark.parametrize("optimizer", ["adam", "momentum"])


@pytest.fixture(scope="module")
def layers_model():
    """The user's script that made the files."""
    spec = importlib.util.spec_from_file_location("golden_layers_model", os.path.join(GOLDEN, "layers_model.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def golden(optimizer, name):
    return os.path.join(GOLDEN, "layers_" + optimizer, name)


def stored_variables(optimizer):
    with open(golden(optimizer, "variables.json")) as f:
        return json.load(f)


def build(model, is_training):
    """Returns the image placeholder and the cost."""
    inputs = [tf.placeholder(spec.dtype, spec.shape, spec.name) for spec in model.inputs()]
    with TowerContext("", is_training=is_training):
        return inputs[0], model.build_graph(*inputs)


def stored(optimizer, source, folder):
    """What to give to SmartInit: the path of a file, or a dict."""
    if source in ("model-30", "params.npz"):
        return golden(optimizer, source)
    with np.load(golden(optimizer, "params.npz")) as f:
        parameters = dict(f)
    if source == "params.npy":  # the older form of a dict in a file
        np.save(str(folder / source), parameters)
        return str(folder / source)
    return parameters


@pytest.mark.parametrize("source", ["model-30", "params.npz", "params.npy", "dict"])
@OPTIMIZERS
def test_predictions_from_stored_parameters_equal_the_originals(optimizer, source, layers_model, tmp_path):
    image, _ = build(layers_model.Model(optimizer), is_training=False)
    expected = np.load(golden(optimizer, "io.npz"))
    names = layers_model.OUTPUTS
    with tf.Session() as sess:
        SmartInit(stored(optimizer, source, tmp_path)).init(sess)
        outputs = sess.run([name + ":0" for name in names], {image: expected["image"]})
    for name, output in zip(names, outputs):
        np.testing.assert_allclose(output, expected[name.replace("/", "__")], rtol=1e-5, atol=1e-5, err_msg=name)


@OPTIMIZERS
def test_a_training_graph_has_exactly_the_stored_variables(optimizer, layers_model):
    model = layers_model.Model(optimizer)
    _, cost = build(model, is_training=True)
    model.optimizer().minimize(cost, global_step=get_global_step_var())
    variables = {v.op.name: [v.shape.as_list(), v.dtype.base_dtype.name] for v in tf.global_variables()}
    assert variables == stored_variables(optimizer)


@OPTIMIZERS
def test_parameters_of_the_graph_are_those_of_the_stored_npz(optimizer, layers_model):
    build(layers_model.Model(optimizer), is_training=True)
    parameters = {v.name for v in tf.trainable_variables()} | {v.name for v in tf.model_variables()}
    assert parameters == set(np.load(golden(optimizer, "params.npz")).keys())
