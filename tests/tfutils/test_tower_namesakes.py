"""A name that was given to several tensors is told where somebody asks for it; so is a tensor that is another tower's."""
import re

import numpy as np
import pytest
from told import messages

from tensorpack import (
    Callback,
    FeedInput,
    FullyConnected,
    InferenceRunner,
    ModelDesc,
    OfflinePredictor,
    PredictConfig,
    ProcessTensors,
    ScalarStats,
    SimpleTrainer,
)
from tensorpack.compat import tfv1 as tf
from tensorpack.dataflow import BatchData, DataFromList
from tensorpack.tfutils._tower.namesakes import tell_of_namesakes
from tensorpack.tfutils.tower import TowerFunc
from tensorpack.train import TrainConfig, launch_train_with_config
from tensorpack.utils import argtools

FLOW = BatchData(DataFromList([(np.full(2, k, "f4"),) for k in range(1, 9)], shuffle=False), 4)


@pytest.fixture(autouse=True)
def nothing_told_before(monkeypatch):
    monkeypatch.setattr(argtools, "_LOGGED", set())


class Model(ModelDesc):
    """Keeps tensors in attributes, as scripts do; `score` is given to two tensors."""

    def inputs(self):
        return [tf.TensorSpec([None, 2], tf.float32, "x")]

    def build_graph(self, x):
        out = FullyConnected("fc", x, 2)
        for head in range(2):
            tf.reduce_mean(out[:, head], name="score")
        self.cost = tf.reduce_mean(tf.square(out), name="cost")
        return self.cost

    def optimizer(self):
        return tf.train.GradientDescentOptimizer(1e-4)


def train(callbacks):
    with tf.Graph().as_default():
        model = Model()
        launch_train_with_config(TrainConfig(
            model=model, data=FeedInput(FLOW), steps_per_epoch=2, max_epoch=1, monitors=[],
            callbacks=[each(model) if isinstance(each, type) else each for each in callbacks]), SimpleTrainer())


NAMES = r"The name 'score' was given to 2 tensors .* the other 'score_1'"


class Predicts(Callback):
    def __init__(self, model):
        pass

    def _setup_graph(self):
        self.trainer.get_predictor(["x"], ["score"])


@pytest.mark.parametrize("asks", [
    InferenceRunner(FLOW, ScalarStats("score")), ProcessTensors(["score:0"], lambda score: None), Predicts,
], ids=["inferencer", "by a callback", "get_predictor"])
def test_a_name_of_two_tensors_is_told_in_a_training(log_records, asks):
    train([asks])
    assert len([line for line in messages(log_records, "WARNING") if re.match(NAMES, line)]) == 1


def test_a_name_of_two_tensors_is_told_by_a_predictor(log_records):
    config = PredictConfig(tower_func=TowerFunc(Model().build_graph, Model().inputs()), input_names=["x"],
                           output_names=["score"])
    with OfflinePredictor(config) as predict:
        assert predict(np.ones((1, 2), "f4"))[0].shape == ()
    assert [line for line in messages(log_records, "WARNING") if re.match(NAMES, line)]


def _once(x):
    return tf.negative(x, name="a")


def _numbered_by_the_user(x):
    first = tf.negative(x, name="a")
    tf.negative(x, name="a_1")
    return first


def _beside_a_scope(x):
    first = tf.negative(x, name="a")
    with tf.name_scope("a"):
        tf.negative(x)
    return first


def _beside_a_summary(x):
    first = tf.negative(x, name="a")
    tf.summary.scalar("a", first)
    return first


def _beside_its_copy(x):
    first = tf.negative(x, name="a")
    tf.identity(first, name="a")
    return first


def _named_by_type(x):
    first = tf.negative(x)
    tf.negative(x)
    return first


def _named_by_an_operator(x):
    first = x + 1.
    x + 2.  # noqa: B018 (an operation of the graph)
    return first


def _of_another_type(x):
    first = tf.negative(x, name="a")
    tf.greater(x, 0, name="a")
    return first


def _variable(x):
    first = tf.Variable(1., name="a")
    tf.Variable(1., name="a")
    return first.value()


@pytest.mark.parametrize("make", [
    _once, _numbered_by_the_user, _beside_a_scope, _beside_a_summary, _beside_its_copy, _named_by_type, _named_by_an_operator,
    _of_another_type, _variable], ids=lambda make: make.__name__[1:])
def test_what_nobody_can_mistake_is_not_told(log_records, make):
    with tf.Graph().as_default():
        tell_of_namesakes(make(tf.constant(1.)))
    assert not messages(log_records, "WARNING")


def test_many_tensors_of_a_name_are_told_by_the_first_ones(log_records):
    with tf.Graph().as_default(), tf.name_scope("tower"):
        tensors = [tf.negative(1., name="Loss") for _ in range(6)]
        tell_of_namesakes(tensors[0], "tower/")
    told, = messages(log_records, "WARNING")
    assert told.startswith("The name 'Loss' was given to 6 tensors") and "others 'Loss_1', 'Loss_2', 'Loss_3', ..." in told


# ---- tensors of other towers -------------------------------------------------------------------------------------------


class Fetches(Callback):
    def __init__(self, model):
        self.model = model

    def _before_run(self, ctx):
        return self.what(self.model)

    def _after_run(self, run_context, run_values):
        self.values = run_values.results


class ListOfTensors(Fetches):
    def what(self, model):
        return [model.cost, "cost:0"]


class RunArgs(Fetches):
    def what(self, model):
        return tf.train.SessionRunArgs({"cost": model.cost})


class ListOfNames(Fetches):
    def what(self, model):
        return ["InferenceTower/cost:0"]  # asked for on purpose


class ArgsThatFeed(Fetches):
    def what(self, model):
        return tf.train.SessionRunArgs([model.cost], feed_dict={self.unused: 1.})

    def _setup_graph(self):
        self.unused = tf.placeholder(tf.float32, [])


@pytest.mark.parametrize("asks, is_told", [(ListOfTensors, True), (RunArgs, True), (ListOfNames, False), (ArgsThatFeed, False)])
@pytest.mark.parametrize("validates", [True, False])
def test_a_tensor_of_the_validation_in_a_step_of_the_training_is_told(log_records, asks, is_told, validates):
    if not validates and asks is ListOfNames:
        pytest.skip("there is no such tower")
    train(([InferenceRunner(FLOW, ScalarStats("cost"))] if validates else []) + [asks])
    told = [line for line in messages(log_records, "WARNING") if "fetches 'InferenceTower/cost:0'" in line]
    assert len(told) == (is_told and validates)
    assert all("of the tower 'InferenceTower'" in line and line.endswith("prefix: 'cost:0'.") for line in told)
