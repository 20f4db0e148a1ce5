"""Predictors with several towers in one graph; without GPUs they run on the CPU."""
import numpy as np
import pytest

from tensorpack.compat import device_words
from tensorpack.compat import tfv1 as tf
from tensorpack.predict import OnlinePredictor, PredictConfig
from tensorpack.predict.multigpu import DataParallelOfflinePredictor, MultiTowerOfflinePredictor
from tensorpack.tfutils.common import get_default_sess_config
from tensorpack.tfutils.sesscreate import ReuseSessionCreator
from tensorpack.tfutils.sessinit import DictRestore
from tensorpack.tfutils.tower import TowerFunc, get_current_tower_context

SIGNATURE = [tf.TensorSpec((None, 2), tf.float32, "x"), tf.TensorSpec((), tf.float32, "scale")]
X = np.float32([[1, 2]])
W = {"fc/W": np.float32([[1, 0], [0, 3]])}
BOTH = pytest.mark.parametrize("cls", [MultiTowerOfflinePredictor, DataParallelOfflinePredictor])


def build(x, scale, use_resource=False):
    assert not get_current_tower_context().is_training
    with tf.variable_scope("fc", use_resource=use_resource):
        w = tf.get_variable("W", [2, 2])
    tf.multiply(tf.matmul(x, w, name="product"), scale, name="y")


def config(**kwargs):
    arguments = dict(tower_func=build, input_signature=SIGNATURE, output_names=["y"], session_init=DictRestore(W))
    arguments.update(kwargs)
    return PredictConfig(**arguments)


def placeholders(graph):
    return [op.name for op in graph.get_operations() if op.type == "Placeholder"]


@pytest.mark.parametrize("use_resource", [False, True], ids=["reference", "resource"])
def test_towers_share_variables_and_placeholders(use_resource):
    cfg = config(tower_func=lambda x, scale: build(x, scale, use_resource))
    with MultiTowerOfflinePredictor(cfg, [0, 2]) as predictor:
        assert placeholders(predictor.graph) == ["x", "scale"]
        with predictor.graph.as_default():
            assert [v.op.name for v in tf.global_variables()] == ["fc/W"]
        assert predictor.graph.get_operation_by_name("tower2/y").device.lower().endswith("gpu:2")
        assert not predictor.graph.get_operation_by_name("x").device
        assert [t.name for t in predictor.output_tensors] == ["tower0/y:0"]
        assert predictor(X, 2)[0].tolist() == [[2, 12]]
        predictors = predictor.get_predictors()
        assert all(type(p) is OnlinePredictor and p.sess is predictor.sess for p in predictors)
        assert [p.output_tensors[0].name for p in predictors] == ["tower0/y:0", "tower2/y:0"]
        assert [p(X, 3)[0].tolist() for p in predictors] == [[[3, 18]]] * 2


def test_each_tower_is_announced(log_records):
    MultiTowerOfflinePredictor(config(), [0, 1]).close()
    said = [r.getMessage() for r in log_records if "Building prediction tower" in r.getMessage()]
    assert len(said) == 2 and "'tower1' on {} ...".format(device_words("/gpu:1")) in said[1]


def test_get_predictor_gives_the_nth_one_and_starts_again_with_a_warning(log_records):
    with MultiTowerOfflinePredictor(config(), [4, 7]) as predictor:
        assert [predictor.get_predictor(n).output_tensors[0].name for n in (0, 1)] == ["tower4/y:0", "tower7/y:0"]
        assert not [r for r in log_records if r.levelname == "WARNING"]
        assert predictor.get_predictor(3) is predictor.get_predictor(1)
        assert "2 towers" in [r for r in log_records if r.levelname == "WARNING"][-1].getMessage()
        with pytest.raises(ValueError, match="n must not be negative; got -1"):
            predictor.get_predictor(-1)


def test_inputs_and_outputs_are_names_inside_a_tower():
    cfg = config(input_names=["product"], output_names=["y", "fc/W", "scale"])
    with MultiTowerOfflinePredictor(cfg, [0, 1]) as predictor:
        assert [[t.name for t in p.input_tensors] for p in predictor.get_predictors()] == [["tower0/product:0"],
                                                                                          ["tower1/product:0"]]
        assert predictor.output_tensors[2].name == "scale:0"


def test_data_parallel_takes_and_gives_all_towers_one_after_the_other():
    cfg = config(output_names=["y", "product"])
    with DataParallelOfflinePredictor(cfg, [0, 1]) as predictor:
        assert placeholders(predictor.graph) == ["tower0_x", "tower0_scale", "tower1_x", "tower1_scale"]
        outputs = predictor(X, 1, 2 * X, 10)
        assert [o.tolist() for o in outputs] == [[[1, 6]], [[1, 6]], [[20, 120]], [[2, 12]]]
        with pytest.raises(ValueError, match="must be called with 4 inputs"):
            predictor(X, 1)


@BOTH
def test_return_input(cls):
    with cls(config(return_input=True), [0]) as predictor:
        given, outputs = predictor(X, 1)
        assert given == (X, 1) and outputs[0].tolist() == [[1, 6]]


@BOTH
@pytest.mark.parametrize("towers, error, words", [
    ([], ValueError, "at least one GPU number"),
    ([0, 0], ValueError, r"each once; got \[0, 0\]"),
    ([-1], ValueError, "none negative"),
    (2, TypeError, "list of GPU numbers; got 2"),
    ("0", TypeError, "list of GPU numbers"),
    (["0"], TypeError, "list of GPU numbers"),
], ids=["empty", "repeated", "negative", "number", "string", "strings"])
def test_wrong_towers_are_refused(cls, towers, error, words):
    with pytest.raises(error, match=words):
        cls(config(), towers)


@BOTH
def test_unknown_names_are_refused(cls):
    with pytest.raises(KeyError, match="'z:0'"):
        cls(config(output_names=["z"]), [0])


@BOTH
def test_a_closed_predictor_says_so_and_its_session_is_closed(cls):
    predictor = cls(config(), [0, 1])
    sess = predictor.sess
    predictor.close()
    predictor.close()
    with pytest.raises(RuntimeError, match="close"):
        predictor(*[X, 1] * (len(predictor.input_tensors) // 2))
    with pytest.raises(RuntimeError):
        sess.run("y:0")


def test_predictors_of_towers_end_with_the_whole():
    predictor = MultiTowerOfflinePredictor(config(), [0])
    tower = predictor.get_predictor(0)
    predictor.close()
    with pytest.raises(RuntimeError, match="session"):
        tower(X, 1)


def test_a_config_serves_again_and_with_a_tower_func():
    cfg = config(tower_func=TowerFunc(build, SIGNATURE), input_signature=None)
    for _ in range(2):
        with MultiTowerOfflinePredictor(cfg, [0, 1]) as predictor:
            assert predictor.get_predictor(1)(X, 1)[0].tolist() == [[1, 6]]


def test_a_failing_init_closes_the_session_and_a_users_own_session_stays_open():
    with pytest.raises(ValueError):
        MultiTowerOfflinePredictor(config(session_init=DictRestore({"fc/W": np.zeros((5, 5), "float32")})), [0])
    build_in = tf.get_default_graph()
    with tf.Session(config=get_default_sess_config()) as sess:
        MultiTowerOfflinePredictor(config(create_graph=False, session_creator=ReuseSessionCreator(sess)), [0]).close()
        assert build_in.get_tensor_by_name("tower0/y:0") is not None
        assert sess.run(tf.constant(3)) == 3


def test_a_model_that_is_not_loaded_is_warned_about(log_records):
    MultiTowerOfflinePredictor(config(session_init=None), [0]).close()
    assert [r for r in log_records if "No model is loaded" in r.getMessage()]
