"""PredictConfig: what it accepts, its defaults, and what it says about mistakes."""
import pytest

from tensorpack.compat import tfv1 as tf
from tensorpack.dataflow import FakeData
from tensorpack.graph_builder.model_desc import ModelDesc
from tensorpack.input_source import QueueInput
from tensorpack.predict import (
    DataParallelOfflinePredictor,
    FeedfreePredictor,
    MultiProcessDatasetPredictor,
    MultiProcessQueuePredictWorker,
    MultiTowerOfflinePredictor,
    OfflinePredictor,
    PredictConfig,
    SimpleDatasetPredictor,
)
from tensorpack.tfutils.export import ModelExporter
from tensorpack.tfutils.sesscreate import NewSessionCreator
from tensorpack.tfutils.sessinit import DictRestore, JustCurrentSession
from tensorpack.tfutils.tower import TowerFunc

SIGNATURE = [tf.TensorSpec((None, 2), tf.float32, "x"), tf.TensorSpec((), tf.int32, "n")]


class Model(ModelDesc):
    def inputs(self):
        return SIGNATURE

    def build_graph(self, x, n):
        tf.multiply(x, 2., name="y")


def function(x, n):
    tf.multiply(x, 2., name="y")


def test_a_model_gives_signature_and_tower_function():
    config = PredictConfig(model=Model(), output_names=["y"])
    assert isinstance(config.tower_func, TowerFunc) and config.input_signature == SIGNATURE
    assert config.input_names == ["x", "n"] and config.output_names == ["y"]
    assert type(config.session_init) is JustCurrentSession and type(config.session_creator) is NewSessionCreator
    assert config.return_input is False and config.create_graph is True
    assert config._maybe_create_graph() is not tf.get_default_graph()
    assert PredictConfig(Model(), output_names=["y"], create_graph=False)._maybe_create_graph() is tf.get_default_graph()


def test_any_sequence_of_names_and_specs_is_accepted():
    config = PredictConfig(tower_func=function, input_signature=tuple(SIGNATURE), input_names=("x",), output_names=("y",))
    assert config.input_names == ["x"] and config.output_names == ["y"]


def test_a_tower_func_is_kept_and_brings_its_signature():
    tower_func = TowerFunc(function, SIGNATURE)
    config = PredictConfig(tower_func=tower_func, output_names=["y"])
    assert config.tower_func is tower_func and config.input_signature == SIGNATURE
    assert PredictConfig(tower_func=tower_func, input_signature=SIGNATURE, output_names=["y"]).tower_func is tower_func


def test_no_input_names_is_warned_about(log_records):
    PredictConfig(Model(), input_names=[], output_names=["y"])
    assert [r.levelname for r in log_records] == ["WARNING"]


GOOD = dict(tower_func=function, input_signature=SIGNATURE, output_names=["y"])


@pytest.mark.parametrize("changes, error, words", [
    (dict(tower_func=None), ValueError, "neither"),
    (dict(model=Model()), ValueError, "both"),
    (dict(tower_func=None, model=Model()), ValueError, "input_signature"),
    (dict(tower_func=None, input_signature=None, model=Model), TypeError, r"write Model\("),
    (dict(input_signature=None), ValueError, "input_signature"),
    (dict(input_signature=[]), ValueError, "input_signature"),
    (dict(tower_func=3), TypeError, "callable"),
    (dict(tower_func=TowerFunc(function, SIGNATURE), input_signature=SIGNATURE[:1]), ValueError, "TowerFunc"),
    (dict(output_names=None), TypeError, "output_names"),
    (dict(output_names=[]), ValueError, "output_names"),
    (dict(output_names="y"), TypeError, r"output_names .*; write \['y'\]"),
    (dict(output_names=["y", 3]), TypeError, "3"),
    (dict(input_names=[None]), TypeError, "None"),
    (dict(input_names="x"), TypeError, "input_names"),
    (dict(session_init={"W": 1}), TypeError, "SmartInit"),
    (dict(session_init="model-3"), TypeError, "SmartInit"),
    (dict(session_creator=tf.Session), TypeError, "session_creator"),
], ids=lambda value: None if not isinstance(value, dict) else "-".join(value))
def test_mistakes_are_named(changes, error, words):
    with pytest.raises(error, match=words):
        PredictConfig(**dict(GOOD, **changes))


def test_session_init_is_kept():
    init = DictRestore({})
    assert PredictConfig(Model(), output_names=["y"], session_init=init).session_init is init


def test_an_input_named_twice_is_refused():
    with pytest.raises(ValueError, match="input_names must be unique.*'x' more than once"):
        PredictConfig(tower_func=lambda x, n: x, input_signature=SIGNATURE, input_names=["x", "x"], output_names=["y"])


CONFIG_TAKERS = {
    "OfflinePredictor": OfflinePredictor,
    "MultiTowerOfflinePredictor": lambda config: MultiTowerOfflinePredictor(config, [0]),
    "DataParallelOfflinePredictor": lambda config: DataParallelOfflinePredictor(config, [0]),
    "FeedfreePredictor": lambda config: FeedfreePredictor(config, QueueInput(FakeData([[2]]))),
    "SimpleDatasetPredictor": lambda config: SimpleDatasetPredictor(config, FakeData([[2]])),
    "MultiProcessDatasetPredictor": lambda config: MultiProcessDatasetPredictor(config, FakeData([[2]]), 1, use_gpu=False),
    "MultiProcessQueuePredictWorker": lambda config: MultiProcessQueuePredictWorker(0, None, None, config),
    "ModelExporter": ModelExporter,
}


@pytest.mark.parametrize("value, got", [
    ("log/min-val_error", "'log/min-val_error'"), (Model(), ".*Model object"), (PredictConfig, "the class PredictConfig"),
    (None, "None")], ids=["path", "model", "class", "None"])
@pytest.mark.parametrize("taker", CONFIG_TAKERS)
def test_what_is_no_config_is_refused_by_all_that_take_one(taker, value, got):
    with pytest.raises(TypeError, match=r"^{}: config must be a PredictConfig; got {}.*; try PredictConfig\(model=..., "
                                        r"session_init=SmartInit\(path\), output_names=\[...\]\)$".format(taker, got)):
        CONFIG_TAKERS[taker](value)


@pytest.mark.parametrize("keyword, words", [
    ("checkpoint", r"try session_init=SmartInit\(path\)"), ("outputs", "did you mean output_names"),
    ("inputs", "did you mean .*input_names"), ("session_inti", "did you mean session_init")])
def test_keywords_that_are_near_are_told(keyword, words):
    with pytest.raises(TypeError, match="^PredictConfig: got an unexpected keyword argument '{}'; {}".format(keyword, words)):
        PredictConfig(**dict(GOOD, **{keyword: "x"}))
