"""Mistakes that pass, or whose plain error misleads: what is said instead, and that nothing is said of what is meant so."""
import os

import numpy as np
import pytest

from tensorpack import (
    AutoResumeTrainConfig,
    BatchData,
    Callback,
    DataFromList,
    FakeData,
    FullyConnected,
    HyperParamSetterWithFunc,
    InferenceRunner,
    MaxSaver,
    MinSaver,
    ModelDesc,
    ModelSaver,
    PeriodicTrigger,
    PredictConfig,
    QueueInput,
    RNGDataFlow,
    ScalarStats,
    SimpleTrainer,
    SmartInit,
    StatMonitorParamSetter,
    TrainConfig,
    launch_train_with_config,
)
from tensorpack.compat import tfv1 as tf
from tensorpack.contrib.keras import weights_from_keras
from tensorpack.dataflow import TestDataSpeed as Speed
from tensorpack.dataflow import imgaug
from tensorpack.tfutils.export import ModelExporter
from tensorpack.tfutils.gradproc import SummaryGradient
from tensorpack.tfutils.optimizer import apply_grad_processors


class Model(ModelDesc):
    def __init__(self, rate=0.1):
        self.rate = rate

    def inputs(self):
        return [tf.TensorSpec((None, 4), tf.float32, "x")]

    def build_graph(self, x):
        return tf.reduce_mean(tf.square(FullyConnected("fc", x, 3)), name="cost")

    def optimizer(self):
        rate = tf.get_variable("learning_rate", initializer=self.rate, trainable=False)
        return tf.train.GradientDescentOptimizer(rate)


def data():
    return FakeData([[8, 4]], 3, dtype="float32")


def train(callbacks=(), max_epoch=2, **kwargs):
    with tf.Graph().as_default():
        launch_train_with_config(TrainConfig(
            model=Model(**kwargs), data=QueueInput(data()), callbacks=list(callbacks), monitors=[], extra_callbacks=[],
            max_epoch=max_epoch), SimpleTrainer())


def warnings(records):
    return [record.getMessage() for record in records if record.levelname == "WARNING"]


def about(words, records):
    return [message for message in warnings(records) if words in message]


class OwnReset(RNGDataFlow):
    def reset_state(self):
        self.is_reset = True

    def __iter__(self):
        yield [self.rng.rand()]


def first(df):
    df.reset_state()
    return next(iter(df))


def optimizer():
    return tf.train.GradientDescentOptimizer(0.1)


REFUSED = [
    (lambda: ModelSaver("log/run"), "must be a whole number; got 'log/run'; .*ModelSaver\\(checkpoint_dir='log/run'\\)$"),
    (lambda: BatchData(DataFromList([[1]] * 9), "a few"), "batch_size must be a whole number; got 'a few'$"),
    (lambda: BatchData(DataFromList([[1]] * 9), "3"), "got '3'; convert it by int\\(\\)$"),
    (lambda: first(BatchData(DataFromList([np.zeros(3)] * 2), 2)), "Got float64 .*; .*a list of one: yield \\[x\\]"),
    (lambda: DataFromList({1, 2}), "DataFromList: lst must be a list of datapoints; got {1, 2}; try list"),
    (lambda: DataFromList(iter([[1]])), "DataFromList: lst must be a list of datapoints; got .*iterator.*DataFromGenerator"),
    (lambda: first(OwnReset()), "reset_state\\(\\) of your own must call super\\(\\).reset_state\\(\\)"),
    (lambda: weights_from_keras([np.zeros(3)], {}), "weights must be a dict by name of layer; got .*get_weights"),
    (lambda: weights_from_keras({"a": [np.zeros(3)]}, ["a"]), "names must be a dict by name of layer; got "),
    (lambda: AutoResumeTrainConfig(Model(), dataflow=data()), "the first argument is always_resume; got .*\\(model="),
    (lambda: AutoResumeTrainConfig("yes", dataflow=data()), "always_resume must be True or False"),
    (lambda: apply_grad_processors([SummaryGradient()], optimizer()), "the optimizer comes first"),
    (lambda: apply_grad_processors(optimizer(), SummaryGradient()), "write \\[it\\]"),
    (lambda: train([HyperParamSetterWithFunc("learning_rate", lambda epoch, value: "0.1")]),
     "GraphVarParam: variable 'learning_rate:0' holds float32; got '0.1'; give a number"),
]


@pytest.mark.parametrize("call, words", REFUSED, ids=[str(k) for k in range(len(REFUSED))])
def test_what_is_refused_comes_with_the_remedy(call, words):
    with pytest.raises((TypeError, ValueError, RuntimeError), match=words):
        call()


KINDS = [("model.pb", "an exported model.*ExportedPredictor"), ("model.onnx", "an exported model"), ("model.tflite", "an ex"),
         ("model.h5", "one of Keras.*weights_from_keras"), ("model.keras", "one of Keras"), ("model.pth", "one of PyTorch"),
         ("model", "damaged or something else")]


@pytest.mark.parametrize("name, words", KINDS)
def test_files_of_others_are_no_checkpoints_and_say_who_reads_them(tmp_path, name, words):
    (tmp_path / name).write_text("something")
    with pytest.raises(ValueError, match="the file is " + words):
        SmartInit(str(tmp_path / name)).init(tf.Session())


def test_a_graph_is_no_checkpoint_and_is_not_suggested_as_one(log_dir):
    train([ModelSaver()])
    graph = next(name for name in os.listdir(log_dir) if name.endswith(".meta"))
    with pytest.raises(ValueError, match="checkpoints in .*'model-3', 'model-6'") as info:
        SmartInit("{}/{}".format(log_dir, graph))
    assert "did you mean" not in str(info.value)


# ---- warned of

def test_epochs_from_none_to_zero(log_records):
    train(max_epoch=0)
    assert about("with max_epoch=0 nothing is trained", log_records)


def rate_of(function):
    return HyperParamSetterWithFunc("learning_rate", function)


@pytest.mark.parametrize("function, is_told", [
    (lambda epoch, value: None, True), (lambda epoch, value: value / 2 if epoch == 1 else None, False)], ids=["never", "once"])
def test_a_function_that_always_returns_none(log_records, function, is_told):
    train([rate_of(function)])
    assert bool(about("learning_rate was never set, since the function has returned None", log_records)) == is_told


def test_a_statistic_that_should_change_a_parameter_to_none(log_records):
    train([InferenceRunner(data(), ScalarStats("cost")),
           StatMonitorParamSetter("learning_rate", "validation_cost", lambda value: None, 100., 1)])
    assert len(about("learning_rate is left alone, since value_func has returned None", log_records)) == 1


@pytest.mark.parametrize("rate, num_told", [(float("nan"), 1), (0.1, 0)], ids=["nan", "finite"])
def test_a_checkpoint_of_spoilt_weights_is_told_once(log_dir, log_records, rate, num_told):
    train([ModelSaver()], rate=rate, max_epoch=3)
    told = about("has weights that are NaN or infinite", log_records)
    assert len(told) == num_told
    assert all("model-3 has" in each and "fc/W" in each and "TerminateOnNaN" in each for each in told)


class Mine(Callback):
    def _trigger(self):
        pass


def twice(cb):
    return [cb, PeriodicTrigger(cb, every_k_epochs=2)]


def best_savers(*savers):
    return [InferenceRunner(data(), [ScalarStats("cost")]), *savers]


ODD = [
    (lambda: [ScalarStats("cost")], "sees no data by itself; write InferenceRunner(flow, [ScalarStats(...)])"),
    (lambda: twice(Mine()), "is in the list of callbacks more than once"),
    (lambda: [ModelSaver(), ModelSaver(max_to_keep=1)], "Two ModelSavers write to"),
    (lambda: best_savers(MinSaver("validation_cost"), MinSaver("validation_cost")), "Two MinSavers write the checkpoint"),
    (lambda: best_savers(MinSaver("validation_cost"), MinSaver("validation_cost", keep=2), MaxSaver("validation_cost"),
                         MinSaver("validation_cost", filename="best")), None),
    (lambda: [ModelSaver(), Mine(), Mine(), InferenceRunner(data(), [ScalarStats("cost")])], None),
]


@pytest.mark.parametrize("make, words", ODD, ids=["inferencer", "twice", "savers", "best of one name", "best", "fine"])
def test_odd_callbacks(log_dir, log_records, make, words):
    train(make())
    if words is None:
        assert not [told for told in warnings(log_records) if "for better" not in told]  # MaxSaver of a cost
    else:
        assert len(about(words, log_records)) == 1


def test_savers_of_two_directories_are_fine(log_dir, log_records, tmp_path):
    train([ModelSaver(), ModelSaver(checkpoint_dir=str(tmp_path / "other"))])
    assert not about("ModelSavers", log_records)


def exporter():
    return ModelExporter(PredictConfig(model=Model(), input_names=["x"], output_names=["fc/output"]))


@pytest.mark.parametrize("name, other", [("m.tflite", "export_tflite"), ("m.onnx", "export_onnx"), ("m.pb", None), ("m", None)])
@pytest.mark.parametrize("export", ["export_compact", "export_serving"])
def test_a_name_that_promises_another_format(tmp_path, log_records, export, name, other):
    getattr(exporter(), export)(str(tmp_path / name), verify=False)
    if export == "export_serving" and name == "m.pb":
        other = "export_compact"
    told = about("does not write what the name", log_records)
    assert told == ([] if other is None else [
        "{} does not write what the name {} promises; {} does.".format(export, name, other)])


def test_a_name_that_ends_with_a_slash_is_no_file(tmp_path):
    with pytest.raises(OSError, match="must be that of a file; .*/new/ is a directory"):
        exporter().export_compact(str(tmp_path / "new") + "/", verify=False)
    assert not list(tmp_path.iterdir())


def test_the_speed_of_an_empty_flow(log_records):
    Speed(DataFromList([], shuffle=False), 10).start()
    assert about("has given no datapoint", log_records)


@pytest.mark.parametrize("shape, is_told", [((3, 32, 40), True), ((1, 32, 40), True), ((32, 40, 3), False), ((3, 4, 3), False),
                                            ((32, 40), False)], ids=str)
def test_images_with_channels_first(log_records, shape, is_told):
    imgaug.AugmentorList([imgaug.Flip(horiz=True)]).augment(np.zeros(shape, "uint8"))
    assert bool(about("seems to have its channels first", log_records)) == is_told
