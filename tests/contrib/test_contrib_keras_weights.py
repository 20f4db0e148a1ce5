"""Weights of Keras models in layers of this library, and the layers of Keras 3 that are refused in a tower."""
import importlib.util
import os
import pickle
import subprocess
import sys

import numpy as np
import pytest

from tensorpack import (
    BatchNorm,
    Conv2D,
    Conv2DTranspose,
    DataFromList,
    DictRestore,
    FullyConnected,
    LayerNorm,
    MaxPooling,
    ModelDesc,
    OfflinePredictor,
    PredictConfig,
    SimpleTrainer,
    SmartInit,
    TrainConfig,
    launch_train_with_config,
)
from tensorpack.compat import VERSION
from tensorpack.compat import tfv1 as tf
from tensorpack.contrib.keras import weights_from_keras

HAS_KERAS_3 = VERSION >= (2, 16) and importlib.util.find_spec("keras") is not None

# Run by a process of its own: Keras 3 is eager, and its global state is nothing for the others.
KERAS = """
import pickle, sys
import numpy as np
import tensorflow as tf
layers = tf.keras.layers
np.random.seed(0)
model = tf.keras.Sequential([
    layers.Conv2D(6, 3, activation="relu", name="first", input_shape=(8, 8, 3)),
    layers.BatchNormalization(name="bn"),
    layers.Conv2DTranspose(4, 3, strides=2, padding="same", use_bias=False, name="up"),
    layers.MaxPooling2D(2),
    layers.LayerNormalization(name="ln"),
    layers.Conv2D(5, 3, padding="same", strides=2, name="second"),
    layers.Flatten(),
    layers.Dense(7, activation="relu", name="hidden"),
    layers.Dropout(0.5),
    layers.Dense(4, name="unused_head"),
])
model.set_weights([np.abs(np.random.normal(0.2, 0.3, w.shape)) for w in model.get_weights()])
x = np.random.rand(5, 8, 8, 3).astype("float32")
weights = {layer.name: layer.get_weights() for layer in model.layers}
hidden = tf.keras.Model(model.inputs, model.get_layer("hidden").output)
pickle.dump([x, weights, hidden.predict(x, verbose=0)], open(sys.argv[1], "wb"))
"""


@pytest.fixture(scope="module")
def of_keras(tmp_path_factory):
    """Input, weights by layer, and output of a Keras model."""
    path = tmp_path_factory.mktemp("keras") / "weights"
    (path.parent / "keras_model.py").write_text(KERAS, encoding="utf-8")
    environ = dict(os.environ, CUDA_VISIBLE_DEVICES="", TF_CPP_MIN_LOG_LEVEL="3")
    run = subprocess.run([sys.executable, str(path.parent / "keras_model.py"), str(path)], env=environ, stdout=subprocess.PIPE,
                         stderr=subprocess.STDOUT, text=True, timeout=200)
    assert run.returncode == 0, run.stdout[-3000:]
    with open(str(path), "rb") as f:
        return pickle.load(f)


def same_model(image):
    """The model as the page on migration translates it."""
    x = Conv2D("conv0", image, 6, 3, padding="valid", activation=tf.nn.relu)
    x = BatchNorm("conv0/bn", x, epsilon=1e-3)
    x = Conv2DTranspose("up", x, 4, 3, 2, use_bias=False)
    x = MaxPooling("pool", x, 2)
    x = last_axis_norm(x)
    x = Conv2D("conv1", x, 5, 3, strides=2)
    FullyConnected("fc", x, 7, activation=tf.nn.relu)


def last_axis_norm(x):
    """LayerNormalization of Keras is over the last axis, and ours over all but the first."""
    return tf.reshape(LayerNorm("ln", tf.reshape(x, [-1, 4]), epsilon=1e-3), tf.shape(x))


NAMES = {"first": "conv0", "bn": "conv0/bn", "up": "up", "ln": "ln", "second": "conv1", "hidden": "fc",
         "unused_head": None}


def test_the_weights_of_a_keras_model_give_the_same_predictions(of_keras):
    x, weights, expected = of_keras
    values = weights_from_keras(weights, NAMES)
    assert sorted(values) == sorted([
        "conv0/W", "conv0/b", "conv0/bn/gamma", "conv0/bn/beta", "conv0/bn/mean/EMA", "conv0/bn/variance/EMA", "up/W",
        "ln/gamma", "ln/beta", "conv1/W", "conv1/b", "fc/W", "fc/b"])
    config = PredictConfig(tower_func=same_model, input_signature=[tf.TensorSpec([None, 8, 8, 3], tf.float32, "image")],
                           input_names=["image"], output_names=["fc/output"], session_init=DictRestore(values))
    with OfflinePredictor(config) as predict:
        found = predict(x)[0]
    assert np.abs(expected).max() > 1
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)


KERNEL, BIAS = np.zeros([3, 2]), np.zeros([2])


@pytest.mark.parametrize("weights, names, error, words", [
    ({"a": [KERNEL], "b": [KERNEL]}, {"a": "fc"}, KeyError, "layers with weights must have a name.*got none for 'b'"),
    ({"a": [KERNEL], "flatten": []}, {"a": "fc", "dense": "x"}, KeyError, "names must be for layers.*none for 'dense'"),
    ({"a": [BIAS, BIAS, BIAS]}, {"a": "bn"}, ValueError, r"'a' must be kernel and bias.*\(2,\), \(2,\), \(2,\); try a list"),
    ({"a": [KERNEL, KERNEL]}, {"a": "rnn"}, ValueError, "try a list of variable names, such as 'a': "),
    ({"a": [KERNEL, BIAS]}, {"a": ["fc/W"]}, ValueError, "a name for each of 2 weights"),
    ({"a": [KERNEL], "b": [KERNEL]}, {"a": "fc", "b": "fc"}, ValueError, "got two for 'fc/W', one of them of layer 'b'"),
], ids=["no name", "no layer", "three", "two kernels", "short list", "twice"])
def test_what_cannot_be_mapped_is_named(weights, names, error, words):
    with pytest.raises(error, match=words):
        weights_from_keras(weights, names)


# ---- layers of Keras 3 in a tower ----------------------------------------------------------------------------------------


def keras_layers():
    import keras

    return keras.layers


LAYERS = {
    "Dense": lambda x: keras_layers().Dense(1)(x),
    "BatchNormalization": lambda x: FullyConnected("fc", keras_layers().BatchNormalization()(x), 1),
    "Dropout, by its seed": lambda x: FullyConnected("fc", keras_layers().Dropout(0.5)(x), 1),
}


class Model(ModelDesc):
    def __init__(self, layer):
        super().__init__()
        self.layer = layer

    def inputs(self):
        return [tf.TensorSpec([None, 3], tf.float32, "x")]

    def build_graph(self, x):
        return tf.reduce_mean(self.layer(x), name="cost")

    def optimizer(self):
        return tf.train.GradientDescentOptimizer(0.1)


def train(layer):
    data = DataFromList([[np.ones([2, 3], "float32")]], shuffle=False)
    launch_train_with_config(TrainConfig(model=Model(layer), dataflow=data, max_epoch=1, monitors=[]), SimpleTrainer())


@pytest.mark.skipif(not HAS_KERAS_3, reason="needs Keras 3")
@pytest.mark.parametrize("layer", list(LAYERS.values()), ids=sorted(LAYERS))
def test_layers_of_keras_3_are_refused_in_the_first_training_tower(layer):
    with pytest.raises(TypeError, match="tensorpack.models, .* variables of Keras 3: .*nothing runs the updates"):
        train(layer)


@pytest.mark.skipif(not HAS_KERAS_3, reason="needs Keras 3")
@pytest.mark.parametrize("layer", [
    lambda x: FullyConnected("fc", __import__("keras").activations.relu(x), 1),
    lambda x: FullyConnected("fc", keras_layers().Flatten()(x), 1)], ids=["activation", "layer without variables"])
def test_what_has_no_variables_may_be_of_keras(layer):
    train(layer)


@pytest.mark.skipif(not HAS_KERAS_3, reason="needs Keras 3")
def test_a_predictor_may_use_them():
    """For weights that were trained elsewhere."""
    with OfflinePredictor(PredictConfig(model=Model(LAYERS["Dense"]), input_names=["x"], output_names=["cost"])) as predict:
        assert predict(np.ones([2, 3], "float32"))[0].shape == ()


@pytest.mark.parametrize("multiplier", [1, 2])
def test_the_kernel_of_a_depthwise_convolution_is_reshaped_when_it_is_loaded(multiplier, log_records):
    kernel = np.random.RandomState(0).normal(size=(3, 3, 4, multiplier)).astype("float32")
    variables = weights_from_keras({"depthwise": [kernel]}, {"depthwise": "dw"})
    x = tf.constant(np.random.RandomState(1).normal(size=(2, 6, 6, 4)).astype("float32"))
    y = Conv2D("dw", x, 4 * multiplier, 3, split=4, use_bias=False)
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        SmartInit(variables).init(sess)
        got, expected = sess.run([y, tf.nn.depthwise_conv2d(x, tf.constant(kernel), [1, 1, 1, 1], "SAME")])
    np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-5)
    reshaped = [record for record in log_records if record.levelname == "WARNING" and "dw/W" in record.getMessage()]
    assert len(reshaped) == 1
