"""Nobody predicts or exports with weights that the given model does not have, unless they are allowed to be missing."""
import os

import numpy as np
import pytest

from tensorpack import TensorInput, tfv1
from tensorpack._cli import export_model
from tensorpack.predict import (
    DataParallelOfflinePredictor,
    FeedfreePredictor,
    MultiTowerOfflinePredictor,
    OfflinePredictor,
    PredictConfig,
)
from tensorpack.tfutils.export import ModelExporter
from tensorpack.tfutils.sesscreate import ReuseSessionCreator
from tensorpack.tfutils.sessinit import ChainInit, DictRestore, JustCurrentSession, SaverRestore, SessionInit, SmartInit
from tensorpack.tfutils.varmanip import save_checkpoint_vars

tf = tfv1
F = np.float32
X = F([[1, 2]])
SIGNATURE = [tf.TensorSpec((None, 2), tf.float32, "x")]
STORED = {
    "body/W": F([[1, 0], [0, 1]]), "head5/W": F([[1], [1]]), "head5/b": F([0]), "body/mean/EMA": F([0, 0]),
    "body/W/Momentum": F([[1, 0], [0, 1]]), "body/W/AnyOptimizer": F([[1, 0], [0, 1]]), "global_step": np.int64(7),
    "learning_rate": F(.1), "dropout_rate": F(.5), "beta1_power": F(.9), "beta2_power": F(.99), "EMA/cost": F(1),
}


def model_variable(name, shape):
    return tf.get_variable(name, shape, trainable=False, initializer=tf.zeros_initializer(),
                           collections=[tf.GraphKeys.GLOBAL_VARIABLES, tf.GraphKeys.MODEL_VARIABLES])


def build(x, head="head5", mean="body/mean/EMA", body="body/W", parts=0):
    x = x - model_variable(mean, [2])
    x = tf.matmul(x, tf.get_variable(body, [2, 2]), name="features")
    with tf.variable_scope(head, partitioner=tf.fixed_size_partitioner(parts) if parts else None, use_resource=True):
        w = tf.convert_to_tensor(tf.get_variable("W", [2, 1]))
        b = tf.get_variable("b", [1], initializer=tf.zeros_initializer(), partitioner=None)
    tf.get_variable("not_a_weight", [1], trainable=False)
    tf.add(tf.matmul(x, w), b, name="y")


def tower(**kwargs):
    return lambda x: build(x, **kwargs)


def config(tower_func=build, session_init=None, outputs=("y",), **kwargs):
    return PredictConfig(tower_func=tower_func, input_signature=SIGNATURE, output_names=list(outputs),
                         session_init=session_init or SmartInit(STORED), **kwargs)


@pytest.fixture(params=["checkpoint", "npz", "dict"])
def stored(request, tmp_path):
    if request.param == "dict":
        return STORED
    path = str(tmp_path / "model") + (".npz" if request.param == "npz" else "")
    save_checkpoint_vars(STORED, path)
    return path


def warnings_in(records):
    return [r.getMessage() for r in records if r.levelname == "WARNING"]


MAKERS = pytest.mark.parametrize("make", [
    OfflinePredictor,
    lambda cfg: MultiTowerOfflinePredictor(cfg, [0, 1]),
    lambda cfg: DataParallelOfflinePredictor(cfg, [0]),
    lambda cfg: FeedfreePredictor(cfg, TensorInput(lambda: [tf.constant(X)])),
    lambda cfg: ModelExporter(cfg).export_compact("model.pb"),
    lambda cfg: ModelExporter(cfg).export_serving("saved"),
    lambda cfg: ModelExporter(cfg).export_tflite("model.tflite"),
], ids=["offline", "towers", "parallel", "feedfree", "compact", "serving", "tflite"])

WRONG = pytest.mark.parametrize("tower_func, words", [
    (tower(head="head"), "2 of 4: 'head/W' \\(is it 'head5/W' there\\?\\), 'head/b' \\(is it 'head5/b' there\\?\\)"),
    (tower(mean="body/Mean/EMA"), "1 of 4: 'body/Mean/EMA' \\(is it 'body/mean/EMA' there\\?\\)"),
    (tower(body="resnet/body/W"), "1 of 4: 'resnet/body/W' \\(is it 'body/W' there\\?\\)"),
    (tower(head="head", parts=2), "2 of 4: 'head/b'|2 of 4: 'head/W'"),
], ids=["trainable", "model-variable", "scope", "partitioned"])


@MAKERS
@WRONG
def test_a_weight_that_is_missing_is_an_error(make, tower_func, words, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match=words + ".*allow_missing"):
        make(config(tower_func))
    assert os.listdir(str(tmp_path)) == []


@WRONG
def test_the_error_names_the_file(tower_func, words, stored):
    with pytest.raises(ValueError, match="must be in the {}.*{}".format(
            "dict; " if isinstance(stored, dict) else "(checkpoint |dict in )" + stored, words)):
        OfflinePredictor(config(tower_func, SmartInit(stored)))


HEAD = tower(head="head")
HOW = [
    lambda init, allow: config(HEAD, SmartInit(init), allow_missing=allow),
    lambda init, allow: config(HEAD, SmartInit(init, allow_missing=allow)),
]


@pytest.mark.parametrize("how", HOW, ids=["PredictConfig", "SmartInit"])
@pytest.mark.parametrize("allow", [True, "head/.*", ["head/W", "head/b:0"]], ids=repr)
def test_what_may_be_missing_keeps_its_initial_value(how, allow, stored):
    with OfflinePredictor(how(stored, allow)) as predictor:
        w = predictor.sess.run("head/W/Read/ReadVariableOp:0")
        np.testing.assert_allclose(predictor(X)[0], X.dot(w), rtol=1e-5)


@pytest.mark.parametrize("how", HOW, ids=["PredictConfig", "SmartInit"])
@pytest.mark.parametrize("allow", ["head", ["head/W"], "ead/.*", False], ids=repr)
def test_what_is_not_named_may_not_be_missing(how, allow):
    with pytest.raises(ValueError, match="'head/b'"):
        OfflinePredictor(how(STORED, allow))


def test_wrong_patterns_are_refused():
    with pytest.raises(TypeError, match=r"PredictConfig\(allow_missing=\).*got 3"):
        config(allow_missing=3)


@pytest.mark.parametrize("init", [
    lambda path: SmartInit(path, ignore_mismatch=True, allow_missing="head/.*"),
    lambda path: SmartInit([path, {"head/W": F([[1], [1]]), "head/b": F([0])}]),
    lambda path: ChainInit([SaverRestore(path), SetsAll()]),
    lambda path: SetsAll(),
    lambda path: SaverRestore(path, ignore=["head5/W"], allow_missing="head/.*"),
], ids=["ignore_mismatch", "chain", "chain-of-own", "own", "ignore"])
def test_it_is_no_error_if(init, tmp_path):
    path = str(tmp_path / "model")
    save_checkpoint_vars(STORED, path)
    OfflinePredictor(config(HEAD, init(path))).close()


MISFITS = [
    ({"head5/W": F([1, 2, 3])}, r"1 of 4: 'head5/W' \(.*shape \(2, 1\); got \(3,\)\)"),
    ({"head5/b": np.array(["a"])}, r"1 of 4: 'head5/b' \(.*must be float32; got string"),
    ({"body/mean/EMA": F([0, 0, 0]), "head5/W": F(1)}, r"2 of 4: 'body/mean/EMA' \(.*\(3,\)\), 'head5/W' \(.*\(\)\)"),
]


@MAKERS
def test_what_does_not_fit_is_missing(make, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    init = SmartInit(dict(STORED, **MISFITS[0][0]), ignore_mismatch=True)
    with pytest.raises(ValueError, match=MISFITS[0][1] + ".*allow_missing"):
        make(config(session_init=init))
    assert os.listdir(str(tmp_path)) == []


@pytest.mark.parametrize("values, words", MISFITS, ids=["shape", "dtype", "several"])
@pytest.mark.parametrize("kind", ["checkpoint", "npz", "dict", "chain"])
def test_the_error_tells_why_it_does_not_fit(values, words, kind, tmp_path):
    path = str(tmp_path / "model") + (".npz" if kind == "npz" else "")
    values = dict(STORED, **values)
    if kind in ("checkpoint", "npz"):
        save_checkpoint_vars(values, path)
    stored = {"checkpoint": path, "npz": path, "dict": values, "chain": [{"global_step": 1}, values]}[kind]
    with pytest.raises(ValueError, match=words):
        OfflinePredictor(config(session_init=SmartInit(stored, ignore_mismatch=True)))


def test_nothing_at_all_matches():
    with pytest.raises(ValueError, match="4 of 4"):
        OfflinePredictor(config(session_init=SmartInit({"other": F(1)}, ignore_mismatch=True)))


@pytest.mark.parametrize("how", [
    dict(allow_missing="head5/W"), dict(allow_missing=True),
], ids=["pattern", "True"])
@pytest.mark.parametrize("on", ["SmartInit", "PredictConfig"])
def test_what_does_not_fit_may_be_allowed(how, on):
    values = dict(STORED, **MISFITS[0][0])
    init = SmartInit(values, ignore_mismatch=True, **how if on == "SmartInit" else {})
    OfflinePredictor(config(session_init=init, **how if on == "PredictConfig" else {})).close()


def test_what_can_be_reshaped_or_cast_fits():
    values = dict(STORED, **{"head5/W": np.float64([1, 1])})
    with OfflinePredictor(config(session_init=SmartInit(values, ignore_mismatch=True))) as predictor:
        assert predictor(X)[0].tolist() == [[3]]


class SetsAll(SessionInit):
    """A class of the user's own, of which nothing is known."""

    def _run_init(self, sess):
        for variable in sess.graph.get_collection(tf.GraphKeys.GLOBAL_VARIABLES):
            variable.load(np.ones(variable.shape.as_list(), "float32"), sess)


def test_ignored_names_are_left_out_on_purpose(tmp_path):
    path = str(tmp_path / "model")
    save_checkpoint_vars(STORED, path)
    with OfflinePredictor(config(build, SaverRestore(path, ignore=["head5/W"]))) as predictor:
        assert np.shape(predictor(X)[0]) == (1, 1)


def test_a_weight_that_no_output_needs_may_be_missing(stored):
    with OfflinePredictor(config(HEAD, SmartInit(stored), outputs=["features"])) as predictor:
        assert predictor(X)[0].tolist() == X.tolist()
    with OfflinePredictor(config(tower(body="other"), SmartInit(stored), input_names=["features"])) as predictor:
        assert predictor(X)[0].tolist() == [[3]]


@pytest.mark.parametrize("init", [
    JustCurrentSession(), DictRestore({}), SmartInit(None), SmartInit([{}, None]),
], ids=["current", "empty-dict", "none", "list"])
def test_who_loads_nothing_is_warned_only(init, log_records):
    OfflinePredictor(config(HEAD, init)).close()
    assert any("No model is loaded" in m for m in warnings_in(log_records))


def test_a_session_of_the_users_own_has_all_values():
    with tf.Session() as sess:
        sess.run(tf.no_op())
        cfg = config(HEAD, create_graph=False, session_creator=ReuseSessionCreator(sess))
        OfflinePredictor(cfg).close()


def test_what_only_training_needs_is_no_news(stored, log_records):
    with OfflinePredictor(config(build, SmartInit(stored))) as predictor:
        assert predictor(X)[0].tolist() == [[3]]
    assert [m for m in warnings_in(log_records) if "not_a_weight" not in m] == []


def test_what_a_model_may_need_is_news(log_records):
    OfflinePredictor(config(build, SmartInit(dict(STORED, **{"bn/gamma": F([1, 1])})))).close()
    assert any(m.endswith("not found in the graph: bn/gamma") for m in warnings_in(log_records))


MODEL = '''
from tensorpack import *

class Model(ModelDesc):
    def inputs(self):
        return [tfv1.TensorSpec((None, 2), tfv1.float32, "x")]

    def build_graph(self, x):
        tfv1.matmul(x, tfv1.get_variable("body/W", [2, 2]) * tfv1.get_variable("gain", []), name="y")
'''


@pytest.mark.parametrize("kind", ["serving", "compact", "tflite"])
def test_the_tool_refuses_and_allows(tmp_path, kind, capsys):
    (tmp_path / "model.py").write_text(MODEL)
    save_checkpoint_vars(STORED, str(tmp_path / "m"))
    argv = [str(tmp_path / "m"), str(tmp_path / "model.py") + ":Model", str(tmp_path / "out"), "--outputs", "y",
            "--format", kind]
    assert export_model.main(argv) == 1
    assert "error: PredictConfig: each trainable or model variable" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
    assert export_model.main(argv + ["--allow-missing", "other", "g.*"]) == 0
    assert (tmp_path / "out").exists()
