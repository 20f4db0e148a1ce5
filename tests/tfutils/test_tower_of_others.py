"""What a tower finds by name and in collections: its own tensors and any variables, nothing that another tower has made."""
import numpy as np
import pytest

from tensorpack.compat import tfv1 as tf
from tensorpack.input_source.input_source import TensorInput
from tensorpack.predict import FeedfreePredictor, MultiTowerOfflinePredictor, OfflinePredictor, PredictConfig
from tensorpack.tfutils.tower import (
    PredictTowerContext,
    TowerContext,
    TowerFunc,
    TrainTowerContext,
    get_current_tower_context,
)

SIGNATURE = [tf.TensorSpec((None,), tf.float32, "x")]


def build(x):
    with tf.variable_scope("fc", use_resource=build.use_resource):
        weights = tf.get_variable("W", initializer=2.0)
    if get_current_tower_context().is_training:
        tf.reduce_sum(x, name="seen")
    tf.add_to_collection("mine", [get_current_tower_context().name])
    tf.multiply(x, weights, name="y")


build.use_resource = False


@pytest.fixture(params=[False, True], ids=["ref", "resource"])
def use_resource(request):
    build.use_resource = request.param
    yield
    build.use_resource = False


def call(func, context, reuse=None):
    x = tf.placeholder(tf.float32, (None,))
    with tf.variable_scope(tf.get_variable_scope(), reuse=reuse), context:
        func(x)


@pytest.fixture(params=["", "tower0"], ids=["one-tower", "several-towers"])
def inference_tower(request):
    """The handle of an inference tower beside a training tower of this name, and a tensor that is in no tower."""
    tf.placeholder(tf.float32, (), name="outside")
    func = TowerFunc(build, SIGNATURE)
    call(func, TrainTowerContext(request.param))
    tf.get_variable("learning_rate", initializer=.5, trainable=False)
    tf.constant(1., name="train_op")
    call(func, PredictTowerContext("predict"), reuse=True)
    return func.towers["predict"]


@pytest.mark.parametrize("name", ["seen", "seen:0", "train_op", "outside", "tower0/seen", "fc/W/Assign"])
@pytest.mark.parametrize("method", ["get_tensor", "get_variable"])
def test_a_tower_gives_no_tensor_from_outside(inference_tower, use_resource, name, method):
    with pytest.raises(KeyError, match="tower 'predict'.*" + name):
        getattr(inference_tower, method)(name)


def test_the_error_says_whose_the_tensor_is(inference_tower):
    with pytest.raises(KeyError, match="seen:0' is of the training tower '"):
        inference_tower["seen"]


def test_a_tower_gives_its_own_tensors_inputs_and_all_variables(inference_tower, use_resource):
    assert inference_tower["y"].name == inference_tower["predict/y"].name == "predict/y:0"
    assert inference_tower["x"] is inference_tower.inputs[0]
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        names = ["fc/W", "fc/W:0", "learning_rate"] + [v.op.name + "/read" for v in tf.global_variables()
                                                       if not build.use_resource]
        assert sess.run(inference_tower.get_tensors(names)) == [2, 2, .5, 2, .5][:len(names)]
        assert sess.run(inference_tower.get_variables(["fc/W", "learning_rate"])) == [2, .5]


def test_the_training_tower_still_gives_its_tensors():
    func = TowerFunc(build, SIGNATURE)
    call(func, TrainTowerContext(""))
    call(func, PredictTowerContext("predict"), reuse=True)
    assert func.towers.training()[0]["seen"].name == "seen:0"
    assert func.towers.training()[0]["y"].name == "y:0"


def test_a_tower_is_asked_while_it_grows():
    """An inference handle asks the training tower whose tensor it has found, also before that is complete."""
    inference = TowerFunc(build, SIGNATURE)
    call(inference, PredictTowerContext("predict"))
    with tf.variable_scope(tf.get_variable_scope(), reuse=True), TrainTowerContext("predict"):
        for name in ("first", "second"):
            tf.constant(1., name=name)
            with pytest.raises(KeyError, match=name):
                inference.towers[0][name]
    with pytest.raises(KeyError, match="second"):
        inference.towers[0]["second"]


@pytest.mark.parametrize("name", ["", "tower0"], ids=["one-tower", "several-towers"])
def test_collections_of_a_tower_hold_nothing_of_other_towers(name):
    func = TowerFunc(build, SIGNATURE)
    call(func, TrainTowerContext(name))
    call(func, PredictTowerContext("predict"), reuse=True)
    call(func, PredictTowerContext("again"), reuse=True)
    tf.add_to_collection("mine", ["later"])
    assert [tower.get_collection("mine") for tower in func.towers] == [
        [[name], ["later"]], [["predict"], ["later"]], [["again"], ["later"]]]


def test_a_tower_that_failed_owns_what_it_has_made():
    def fail(x):
        build(x)
        raise RuntimeError("mine")

    func = TowerFunc(build, SIGNATURE)
    call(func, TrainTowerContext(""))
    with pytest.raises(RuntimeError, match="mine"):
        call(TowerFunc(fail, SIGNATURE), PredictTowerContext("predict"), reuse=True)
    assert func.towers[0].get_collection("mine") == [[""]]


# ---- predictors in a graph that has a training tower


def config(names, **kwargs):
    with tf.variable_scope(tf.get_variable_scope(), reuse=True):
        return PredictConfig(tower_func=build, input_signature=SIGNATURE, output_names=names, create_graph=False, **kwargs)


def offline(config):
    return OfflinePredictor(config)


def feedfree(config):
    return FeedfreePredictor(config, TensorInput(lambda: [tf.constant([1., 2.])]))


@pytest.fixture
def trained_graph():
    with TowerContext("", is_training=True):
        build(tf.placeholder(tf.float32, (None,), name="x"))


@pytest.mark.parametrize("make", [offline, feedfree])
@pytest.mark.parametrize("name", ["seen", "y:0"])
def test_a_predictor_gives_no_tensor_of_a_training_tower(trained_graph, make, name):
    with tf.variable_scope(tf.get_variable_scope(), reuse=True), pytest.raises(KeyError, match=name + ".*training"):
        make(config([name]))


def test_a_predictor_feeds_no_tensor_of_a_training_tower(trained_graph):
    with tf.variable_scope(tf.get_variable_scope(), reuse=True), pytest.raises(KeyError, match="seen.*training"):
        offline(config(["y_1"], input_names=["seen"]))


def test_a_predictor_beside_a_training_tower_gives_its_own_tensors_and_variables(trained_graph):
    tf.constant(5., name="outside")
    with tf.variable_scope(tf.get_variable_scope(), reuse=True):
        with offline(config(["y_1", "fc/W", "outside"])) as predictor:
            results = predictor(np.float32([1, 2]))
    assert [np.asarray(r).tolist() for r in results] == [[2, 4], 2, 5]


def test_towers_of_a_predictor_give_no_tensor_of_a_training_tower(trained_graph):
    with tf.variable_scope(tf.get_variable_scope(), reuse=True), pytest.raises(KeyError, match="seen.*training"):
        MultiTowerOfflinePredictor(config(["seen"]), [0])
