"""Keras models in our trainers; on TensorFlow 2.16 and later with the package tf_keras."""
import importlib.util
import os
import re
import sys

import numpy as np
import pytest

from tensorpack import compat
from tensorpack.callbacks.base import Callback
from tensorpack.callbacks.graph import RunUpdateOps
from tensorpack.callbacks.inference import ScalarStats
from tensorpack.callbacks.inference_runner import InferenceRunner
from tensorpack.callbacks.saver import ModelSaver
from tensorpack.callbacks.trigger import PeriodicTrigger
from tensorpack.compat import tfv1 as tf
from tensorpack.contrib._keras.cost import KerasCost
from tensorpack.contrib._keras.model import KerasModelCaller
from tensorpack.contrib.keras import KerasModel, KerasPhaseCallback, _InferencePhase, setup_keras_trainer
from tensorpack.dataflow.common import BatchData
from tensorpack.dataflow.raw import DataFromList
from tensorpack.input_source.input_source import QueueInput, StagingInput
from tensorpack.predict.base import OfflinePredictor
from tensorpack.predict.config import PredictConfig
from tensorpack.tfutils.sessinit import SaverRestore
from tensorpack.tfutils.tower import TowerContext, TowerFunc
from tensorpack.train.base import Trainer
from tensorpack.train.trainers import SimpleTrainer, SyncMultiGPUTrainerParameterServer, SyncMultiGPUTrainerReplicated

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
HAS_KERAS_2 = compat.VERSION < (2, 16) or importlib.util.find_spec("tf_keras") is not None
needs_keras = pytest.mark.skipif(not HAS_KERAS_2, reason="needs tf_keras")

INPUT = [tf.TensorSpec([None, 6], tf.float32, "x")]
TARGET = [tf.TensorSpec([None, 3], tf.float32, "target")]


def classifier(x, dropout=0.3, decay=0.01):
    keras = compat.graph_keras()
    layers, l2 = keras.layers, keras.regularizers.l2(decay)
    model = keras.models.Sequential()
    model.add(layers.InputLayer(input_tensor=x))
    model.add(layers.Dense(8, activation="relu", kernel_regularizer=l2))
    model.add(layers.BatchNormalization(momentum=0.5))
    model.add(layers.Dropout(dropout))
    model.add(layers.Dense(3, activation="softmax"))
    return model


def unconnected(x):
    """A model with an input of its own."""
    keras = compat.graph_keras()
    return keras.models.Sequential([keras.layers.Dense(3, activation="softmax", input_shape=(6,), kernel_regularizer="l2",
                                                       activity_regularizer="l2"),
                                    keras.layers.BatchNormalization()])


def two_in_two_out(x, y):
    keras = compat.graph_keras()
    a, b = keras.layers.Input(tensor=x), keras.layers.Input(tensor=y)
    both = keras.layers.Concatenate()([a, b])
    return keras.Model([a, b], [keras.layers.Dense(3, activation="softmax", name="kind")(both),
                                keras.layers.Dense(1, name="amount")(keras.layers.Dropout(0.5)(both))])


def partly_frozen(x):
    keras = compat.graph_keras()
    frozen = keras.layers.Dense(4, name="frozen")
    model = keras.models.Sequential([keras.layers.InputLayer(input_tensor=x), frozen, keras.layers.Dense(3, name="free")])
    frozen.trainable = False
    return model


def batches(num=40, seed=0):
    rng = np.random.RandomState(seed)
    x = rng.normal(size=(num * 16, 6)).astype("float32")
    labels = np.argmax(x[:, :3] + 3, axis=1)
    return BatchData(DataFromList([[a, b] for a, b in zip(x, np.eye(3, dtype="float32")[labels])], shuffle=False), 16)


def compiled(get_model=classifier, trainer=None, **kwargs):
    model = KerasModel(get_model, INPUT, TARGET, input=batches(), trainer=trainer)
    options = dict(optimizer=tf.train.AdamOptimizer(0.05), loss="categorical_crossentropy", metrics="categorical_accuracy")
    options.update(kwargs)
    model.compile(**options)
    return model


class Keep(Callback):
    """Keeps what the monitors got, and values of tensors of the first tower."""

    def __init__(self, *names):
        self.names, self.fetched, self.stats = list(names), [], []

    def _before_run(self, ctx):
        return self.names or None

    def _after_run(self, ctx, values):
        self.fetched.append(values.results)

    def _trigger_epoch(self):
        try:
            self.stats.append(self.trainer.monitors.get_latest("validation_total_loss"))
        except KeyError:
            pass


def fit(model, *callbacks, **kwargs):
    options = dict(steps_per_epoch=40, max_epoch=2, callbacks=list(callbacks), monitors=[], extra_callbacks=[RunUpdateOps()])
    options.update(kwargs)
    model.fit(**options)


# ---- training -------------------------------------------------------------------------------------------------------


@needs_keras
def test_a_model_learns_and_is_restored_by_its_names(log_dir):
    tf.set_random_seed(1)
    model = compiled()
    keep = Keep("categorical_crossentropy:0", "total_loss:0", "regularize_cost:0", "keras_learning_phase:0")
    callbacks = [ModelSaver(), keep]
    fit(model, validation_data=batches(4, seed=1), callbacks=callbacks, max_epoch=8)
    assert callbacks == [callbacks[0], keep], "the list of the caller is its own"

    losses = np.array([each[:3] for each in keep.fetched], dtype="float64")
    assert losses[-20:, 0].mean() < 0.9 * losses[:5, 0].mean()
    np.testing.assert_allclose(losses[:, 1], losses[:, 0] + losses[:, 2], rtol=1e-5)
    assert losses[:, 2].min() > 0 and all(each[3] for each in keep.fetched)
    assert keep.stats[-1] < 0.6
    latest = model.trainer.monitors.get_latest
    assert latest("validation_categorical_accuracy") > 0.8
    assert latest("validation_total_loss") == latest("validation_categorical_crossentropy")

    names = {name for name, _ in tf.train.list_variables(log_dir)}
    assert names >= {"dense/kernel", "dense/bias", "batch_normalization/gamma", "batch_normalization/moving_mean",
                     "dense_1/kernel", "dense_1/kernel/Adam", "global_step"}
    for name in ("batch_normalization/moving_mean", "dense/kernel"):
        assert np.abs(tf.train.load_variable(log_dir, name)).max() > 0.01

    predict = OfflinePredictor(PredictConfig(
        tower_func=model.trainer.tower_func, session_init=SaverRestore(os.path.join(log_dir, "checkpoint")),
        input_names=["x", "target"], output_names=["total_loss", "categorical_accuracy"]))
    values = [predict(*datapoint) for datapoint in _datapoints(batches(4, seed=1))]
    assert np.mean([value[0] for value in values]) == pytest.approx(latest("validation_total_loss"), rel=1e-4)


def _datapoints(flow):
    flow.reset_state()
    return list(flow)


@needs_keras
def test_collections_agree_with_the_model():
    model = compiled()
    assert [v.op.name for v in tf.trainable_variables()] == [
        "dense/kernel", "dense/bias", "batch_normalization/gamma", "batch_normalization/beta", "dense_1/kernel",
        "dense_1/bias"]
    assert [v.op.name for v in tf.get_collection(tf.GraphKeys.MODEL_VARIABLES)] == [
        "batch_normalization/moving_mean", "batch_normalization/moving_variance"]
    assert len(tf.get_collection(tf.GraphKeys.UPDATE_OPS)) == 2
    assert len(tf.get_collection(tf.GraphKeys.REGULARIZATION_LOSSES)) == 1
    tags = {op.name for op in tf.get_default_graph().get_operations() if op.name.endswith("-summary")}
    assert tags == {"total_loss-summary", "regularize_cost-summary", "categorical_crossentropy-summary",
                    "categorical_accuracy-summary"}
    assert model.trainer.towers[0]["total_loss"].op.name == "total_loss"


@needs_keras
def test_dropout_acts_in_training_only():
    model = compiled(lambda x: classifier(x, dropout=0.999, decay=0.))
    keep = Keep(_dropped())

    class Predict(Callback):
        def _setup_graph(self):
            self.predict = self.trainer.get_predictor(["x", "target"], ["categorical_crossentropy"])

        def _trigger_epoch(self):
            x = np.random.RandomState(3).normal(size=(4, 6))
            self.outputs = [self.predict(x, np.eye(4, 3))[0] for _ in range(2)]

    predict = Predict()
    fit(model, keep, predict, steps_per_epoch=2)
    dropped = np.array(keep.fetched)
    assert np.mean(dropped == 0) > 0.9
    assert predict.outputs[0] == predict.outputs[1]


def _dropped():
    """Name of the output of Dropout, the end of a branch on the learning phase."""
    names = [op.outputs[0].name for op in tf.get_default_graph().get_operations()
             if op.name.startswith("dropout/") and op.name.count("/") == 2 and op.type == "Merge"]
    return names[0]


@needs_keras
def test_the_phase_of_inference_is_fed_also_inside_of_other_callbacks():
    model = compiled(lambda x: classifier(x, dropout=0., decay=0.))
    phases = []

    class Phase(ScalarStats):
        def _get_fetches(self):
            return ["phase"]

        def _on_fetches(self, results):
            phases.append(bool(results[0]))

        def _after_inference(self):
            return None

    def tower(x, target):
        return tf.identity(compat.graph_keras().backend.learning_phase(), name="phase")

    runner = InferenceRunner(batches(1), Phase("phase"), tower_func=TowerFunc(tower, INPUT + TARGET))
    keep = Keep("keras_learning_phase:0")
    fit(model, PeriodicTrigger(runner, every_k_epochs=1), keep, steps_per_epoch=3)
    assert [type(hook) for hook in runner._hooks].count(_InferencePhase) == 1
    assert phases == [False, False] and all(each[0] for each in keep.fetched)


@needs_keras
@pytest.mark.parametrize("make, names", [
    (lambda: SyncMultiGPUTrainerParameterServer(2, device_type="cpu"), set()),
    (lambda: SyncMultiGPUTrainerReplicated(2, device_type="cpu"),
     {"tower1/" + name for name in ("dense/kernel", "dense/bias", "batch_normalization/gamma", "batch_normalization/beta",
                                    "batch_normalization/moving_mean", "batch_normalization/moving_variance",
                                    "dense_1/kernel", "dense_1/bias")}),
], ids=["parameter server", "replicated"])
def test_several_towers(make, names):
    tf.set_random_seed(1)
    model = compiled(trainer=make())
    assert isinstance(model.input, StagingInput)
    globals_before = {v.op.name for v in tf.global_variables()}
    assert not [name for name in globals_before if name.startswith("tower")]
    local = {v.op.name for v in tf.local_variables()}
    assert {name for name in local if name.startswith("tower") and not re.search("Adam|beta[12]_power", name)} == names
    keep = Keep("categorical_crossentropy:0")
    fit(model, keep, validation_data=batches(3), max_epoch=3)
    costs = [float(each[0]) for each in keep.fetched]
    assert np.mean(costs[-10:]) < 0.9 * np.mean(costs[:10])
    assert keep.stats[-1] < 1


@needs_keras
def test_several_inputs_and_outputs_with_their_metrics():
    inputs = [tf.TensorSpec([None, 6], tf.float32, "x"), tf.TensorSpec([None, 2], tf.float32, "y")]
    targets = [tf.TensorSpec([None], tf.int32, "kind_target"), tf.TensorSpec([None, 1], tf.float32, "amount_target")]
    rng = np.random.RandomState(0)
    data = BatchData(DataFromList([[rng.normal(size=6).astype("float32"), rng.normal(size=2).astype("float32"),
                                    rng.randint(3), np.ones(1, "float32")] for _ in range(64)]), 16)
    model = KerasModel(two_in_two_out, inputs, targets, input=data)
    model.compile(tf.train.AdamOptimizer(0.05), ["sparse_categorical_crossentropy", "mean_squared_error"],
                  [["sparse_categorical_accuracy", "sparse_top_k_categorical_accuracy"], ["mean_absolute_error"]])
    keep = Keep("mean_squared_error:0", "total_loss:0", "sparse_categorical_crossentropy:0")
    fit(model, keep, validation_data=data, steps_per_epoch=4, max_epoch=10)
    values = np.array(keep.fetched)
    np.testing.assert_allclose(values[:, 1], values[:, 0] + values[:, 2], rtol=1e-5)
    assert values[-1, 0] < values[0, 0]
    for name in ("sparse_categorical_accuracy", "sparse_top_k_categorical_accuracy", "mean_absolute_error"):
        assert model.trainer.monitors.get_latest("validation_" + name) is not None


@needs_keras
@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_losses_of_half_precision_are_averaged_in_single_precision(dtype):
    x, target = [tf.cast(tf.placeholder_with_default(np.full([80000, 1], value, "float32"), [80000, 1]), dtype)
                 for value in (1, 2)]
    with TowerContext("", is_training=False):
        cost = KerasCost(lambda x: x, 1, 1, ["mean_absolute_error"], [])(x, target)
    assert cost.dtype == dtype and cost.op.name == "total_loss"
    with tf.Session() as sess:
        assert sess.run(tf.cast(cost, tf.float32)) == pytest.approx(1)


@needs_keras
@pytest.mark.parametrize("units, loss, expected", [
    (3, "categorical_crossentropy", 0.5), (1, "binary_crossentropy", 0.75), (3, "sparse_categorical_crossentropy", 0.5),
], ids=["one hot", "binary", "sparse"])
def test_accuracy_means_what_keras_means_by_it(units, loss, expected):
    target = {"categorical_crossentropy": [[1, 0, 0], [0, 1, 0], [1, 0, 0], [0, 0, 1]],
              "binary_crossentropy": [[1], [1], [0], [1]],
              "sparse_categorical_crossentropy": [[0], [1], [0], [2]]}[loss]
    outputs = [[.9], [.8], [.7], [.6]] if units == 1 else [[.6, .3, .1], [.6, .3, .1], [.7, .2, .1], [.5, .3, .2]]

    def model(x):
        keras = compat.graph_keras()
        return keras.models.Sequential([keras.layers.InputLayer(input_tensor=x),
                                        keras.layers.Lambda(lambda x: tf.identity(x))])

    signature = [tf.TensorSpec([None, units], tf.float32, "x")]
    targets = [tf.TensorSpec([None, len(target[0])], tf.float32, "target")]
    cost = KerasCost(KerasModelCaller(model), len(signature), len(targets), [loss], ["accuracy"])
    with TowerContext("", is_training=False), tf.Session() as sess:
        cost(tf.constant(outputs), tf.constant(target, tf.float32))
        assert sess.run("accuracy:0") == pytest.approx(expected)


# ---- calling models -------------------------------------------------------------------------------------------------


@needs_keras
def test_a_frozen_layer_is_not_trained(log_records):
    call = KerasModelCaller(partly_frozen)
    with TowerContext("", is_training=True):
        call(tf.zeros([2, 6]))
    assert [v.op.name for v in tf.trainable_variables()] == ["free/kernel", "free/bias"]
    assert {v.op.name for v in tf.get_collection(tf.GraphKeys.MODEL_VARIABLES)} == {"frozen/kernel", "frozen/bias"}
    warnings = [record.getMessage() for record in log_records if "does not train it" in record.getMessage()]
    assert [text.split()[1] for text in warnings] == ["frozen/kernel", "frozen/bias"]


@needs_keras
def test_towers_share_the_model_or_get_their_own():
    call = KerasModelCaller(classifier)
    with TowerContext("tower0", is_training=True):
        output = call(tf.zeros([2, 6]))
    assert isinstance(output, tf.Tensor)
    names = [v.op.name for v in tf.global_variables()]
    assert not [name for name in names if name.startswith("tower")]
    updates = list(tf.get_collection(tf.GraphKeys.UPDATE_OPS))
    assert len(updates) == 2
    with tf.variable_scope(tf.get_variable_scope(), reuse=True), TowerContext("tower1", is_training=True):
        output = call(tf.zeros([2, 6]))
    assert output.name.startswith("tower1/") and [v.op.name for v in tf.global_variables()] == names
    assert tf.get_collection(tf.GraphKeys.UPDATE_OPS) == updates
    with tf.Graph().as_default():
        with TowerContext("predict", is_training=False):
            call(tf.zeros([2, 6]))
        assert [v.op.name for v in tf.global_variables()] == names


@needs_keras
def test_a_model_that_is_not_built_on_its_inputs_is_called_on_them():
    call = KerasModelCaller(unconnected)
    x = tf.placeholder(tf.float32, [None, 6])
    with TowerContext("", is_training=True):
        output = call(x)
    updates = tf.get_collection(tf.GraphKeys.UPDATE_OPS)
    losses = tf.get_collection(tf.GraphKeys.REGULARIZATION_LOSSES)
    assert len(updates) == 2 and len(losses) == 2
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        assert sess.run([output, updates, losses], {x: np.ones((4, 6))})[0].shape == (4, 3)


@needs_keras
def test_the_first_call_must_create_variables():
    call = KerasModelCaller(classifier)
    with tf.variable_scope(tf.get_variable_scope(), reuse=True), TowerContext("", is_training=False):
        with pytest.raises(RuntimeError, match="first call must not be under reuse"):
            call(tf.zeros([2, 6]))


# ---- errors ---------------------------------------------------------------------------------------------------------


class DistributedTrainerBase(SimpleTrainer):
    pass


def setup(**kwargs):
    options = dict(trainer=SimpleTrainer(), get_model=classifier, input_signature=INPUT, target_signature=TARGET,
                   input=QueueInput(batches()), optimizer=tf.train.AdamOptimizer(), loss=["categorical_crossentropy"],
                   metrics=["categorical_accuracy"])
    options.update(kwargs)
    setup_keras_trainer(**options)


def taken_name():
    tf.zeros([], name="total_loss")
    setup()


MISTAKES = {
    "no input": (lambda: KerasModel(classifier, INPUT, TARGET), TypeError, "a DataFlow or an InputSource; got None"),
    "no function": (lambda: KerasModel("model", INPUT, TARGET, batches()), TypeError, "get_model must be a function"),
    "no signature": (lambda: KerasModel(classifier, INPUT, input=batches()), TypeError, "target_signature must be"),
    "a trainer class": (lambda: KerasModel(classifier, INPUT, TARGET, batches(), SimpleTrainer), TypeError, "SimpleTrainer()"),
    "other trainer": (lambda: KerasModel(classifier, INPUT, TARGET, batches(), Trainer()), TypeError, "SingleCostTrainer"),
    "distributed": (lambda: KerasModel(classifier, INPUT, TARGET, batches(), DistributedTrainerBase()), TypeError,
                    "must not be distributed"),
    "no compile": (lambda: KerasModel(classifier, INPUT, TARGET, batches()).fit(), RuntimeError, r"compile\(\) must be called"),
    "a model": (lambda: setup(get_model=classifier(tf.zeros([2, 6]))), TypeError, "make the model inside"),
    "optimizer of Keras": (lambda: setup(optimizer="adam"), TypeError, "must be a tf.train.Optimizer; got 'adam'"),
    "number of losses": (lambda: setup(loss=["mse", "mse"]), ValueError, "a name for each of 1 targets"),
    "a loss function": (lambda: setup(loss=[lambda a, b: a]), TypeError, "list of names of losses"),
    "unknown loss": (lambda: setup(loss=["nonsense"]), ValueError, "nonsense"),
    "number of metrics": (lambda: setup(metrics=[["mse"], ["mae"]]), ValueError, "at most one element for each of 1 outputs"),
    "metric with a state": (lambda: setup(metrics=["AUC"]), ValueError, "which keeps a state"),
    "metric called like the loss": (lambda: setup(loss=["mean_squared_error"], metrics=["mean_squared_error"]), ValueError,
                                    "another 'mean_squared_error'"),
    "taken name": (taken_name, ValueError, "another 'total_loss' in the graph"),
    "number of outputs": (lambda: setup(target_signature=TARGET + [tf.TensorSpec([], tf.float32, "more")],
                                        loss=["mse", "mae"]), ValueError, "output for each of 2 targets; got 1"),
    "no model": (lambda: setup(get_model=lambda x: x), TypeError, "get_model must return a Model of"),
    "phase": (lambda: KerasPhaseCallback(1), TypeError, "isTrain must be a bool"),
}


@needs_keras
@pytest.mark.parametrize("name", MISTAKES)
def test_mistakes_are_explained(name):
    function, error, message = MISTAKES[name]
    with pytest.raises(error, match=message):
        function()


@needs_keras
@pytest.mark.skipif(compat.VERSION < (2, 16), reason="there is no Keras 3")
def test_a_model_of_keras_3_is_refused():
    def model(x):
        return tf.keras.Sequential([tf.keras.layers.Dense(3)])

    with pytest.raises(TypeError, match="must return a Model of tf_keras; got .*Sequential.* of keras"):
        setup(get_model=model)


@pytest.mark.skipif(compat.VERSION < (2, 16), reason="tf.keras is Keras 2")
@pytest.mark.parametrize("construct", [
    lambda: KerasModel(classifier, INPUT, TARGET, batches()), setup, lambda: KerasPhaseCallback(True),
], ids=["KerasModel", "setup_keras_trainer", "KerasPhaseCallback"])
def test_without_keras_2_there_is_an_error_that_names_the_alternatives(monkeypatch, construct):
    monkeypatch.setitem(sys.modules, "tf_keras", None)
    with pytest.raises(ImportError, match=r"pip install tf_keras~=2\.\d+\.0.*import tf_keras as keras.*tensorpack.models"):
        construct()


def test_importing_the_module_does_not_import_keras(run_program):
    code = ("import sys, tensorpack.compat; before = set(sys.modules)\n"
            "import tensorpack.contrib.keras, tensorpack.contrib.rnn\n"
            "print(sorted(m for m in set(sys.modules) - before if 'keras' in m and not m.startswith('tensorpack')))")
    _, output = run_program("-c", code, folder=ROOT)
    assert output.splitlines()[-1] == "[]", output
