"""`OfflinePredictor(config, engine=...)` and the pools of predictors compute what the session computes."""
import tempfile

import numpy as np
import pytest
from exported_small import IMAGES, config, expected, make_wrong

from tensorpack import tfv1 as tf
from tensorpack.dataflow.common import BatchData
from tensorpack.dataflow.raw import DataFromList
from tensorpack.predict import (
    MultiProcessDatasetPredictor,
    MultiThreadAsyncPredictor,
    OfflinePredictor,
    PredictConfig,
    SimpleDatasetPredictor,
)
from tensorpack.predict.concurrency import MultiProcessPredictWorker
from tensorpack.tfutils._engines import choose
from tensorpack.tfutils.sesscreate import NewSessionCreator, ReuseSessionCreator

ENGINES = ["frozen", "tensorflow", "onnxruntime", "openvino", "litert", "opencv"]
LABELS = np.zeros(len(IMAGES), "int32")


@pytest.fixture(scope="module")
def wanted():
    return expected()


def needs(engine):
    if engine != "frozen" and not choose.engine_class(engine).is_installed():
        pytest.skip("needs the engine " + engine)
    if engine in ("onnxruntime", "opencv"):
        pytest.importorskip("tf2onnx")


@pytest.fixture(autouse=True)
def temporary_folder(tmp_path, monkeypatch):
    """Where temporary exports of this test go."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    yield folder
    assert not list(folder.glob("tensorpack-predictor-*"))


def test_a_temporary_export_is_there_until_the_predictor_is_closed(temporary_folder):
    with OfflinePredictor(config(), engine="tensorflow"):
        assert len(list(temporary_folder.glob("tensorpack-predictor-*/model.pb"))) == 1
    assert not list(temporary_folder.glob("tensorpack-predictor-*"))


@pytest.mark.parametrize("engine", ENGINES)
def test_each_engine_computes_what_the_session_does(wanted, engine):
    needs(engine)
    size = 1 if engine == "litert" else len(IMAGES)  # that of TF 1.15 takes one
    with OfflinePredictor(config(), engine=engine) as predictor:
        prob, digit = predictor(IMAGES[:size], LABELS[:size])
        np.testing.assert_allclose(prob, wanted[0][:size], atol=1e-5)
        assert digit.tolist() == wanted[1][:size].tolist() and digit.dtype == np.int64
        with pytest.raises(ValueError, match="OfflinePredictor: must be called with 2 inputs .image.*label.*; got 1"):
            predictor(IMAGES)
        with pytest.raises(ValueError, match="input 'image.*must have the shape"):
            predictor(IMAGES[:, :7], LABELS)
        with MultiThreadAsyncPredictor([predictor], batch_size=size) as pool:
            rows = [pool.put_task([image, 0]) for image in IMAGES]
            np.testing.assert_allclose([row.result(60)[0] for row in rows], wanted[0], atol=1e-5)
    with pytest.raises(RuntimeError, match="OfflinePredictor: must not be called after close"):
        predictor(IMAGES, LABELS)


def test_the_frozen_graph_has_no_variables_and_takes_the_same_inputs(wanted):
    with OfflinePredictor(config(return_input=True), engine="frozen") as frozen, OfflinePredictor(config()) as usual:
        types = {op.type for op in frozen.graph.get_operations()}
        assert not types & {"VariableV2", "VarHandleOp", "ReadVariableOp", "FusedBatchNormV3"}
        assert len(frozen.graph.get_operations()) < len(usual.graph.get_operations()) / 2
        assert [tensor.name for tensor in frozen.input_tensors] == ["image:0", "label:0"]
        inputs, outputs = frozen(IMAGES, LABELS)
        assert inputs[0] is IMAGES
        np.testing.assert_allclose(outputs[0], wanted[0], atol=1e-5)


def test_an_input_that_an_output_needs_is_fed():
    with OfflinePredictor(config(["wrong", "class"]), engine="frozen") as predictor:
        wrong, digit = predictor(IMAGES, LABELS)
        assert wrong.tolist() == (digit != 0).astype("float32").tolist()


def test_lookup_tables_of_a_frozen_predictor_are_filled():
    def lookup(word):
        table = tf.lookup.StaticHashTable(tf.lookup.KeyValueTensorInitializer(["a", "b"], tf.constant([3, 4], tf.int64)), -1)
        tf.identity(table.lookup(word), name="number")

    of_words = PredictConfig(tower_func=lookup, input_signature=[tf.TensorSpec((None,), tf.string, "word")],
                             output_names=["number"])
    with OfflinePredictor(of_words, engine="frozen") as predictor:
        assert predictor([b"b", b"c", b"a"])[0].tolist() == [4, -1, 3]


def test_options_of_the_session_are_kept_and_sessions_of_others_left_alone():
    options = tf.ConfigProto(intra_op_parallelism_threads=1)
    with OfflinePredictor(config(session_creator=NewSessionCreator(config=options)), engine="frozen") as predictor:
        assert predictor.sess._config.intra_op_parallelism_threads == 1
    with tf.Session(graph=tf.Graph()) as other, OfflinePredictor(
            config(session_creator=ReuseSessionCreator(other)), engine="frozen") as predictor:
        assert predictor.sess is not other and predictor(IMAGES, LABELS)[0].shape == (5, 10)


@pytest.mark.parametrize("make", [
    lambda engine: OfflinePredictor(config(), engine=engine),
    lambda engine: SimpleDatasetPredictor(config(), DataFromList([[IMAGES, LABELS]]), engine=engine),
    lambda engine: MultiProcessDatasetPredictor(config(), DataFromList([[IMAGES, LABELS]]), 1, use_gpu=False, engine=engine),
    lambda engine: MultiProcessPredictWorker(0, config(), engine=engine),
], ids=["OfflinePredictor", "SimpleDatasetPredictor", "MultiProcessDatasetPredictor", "MultiProcessPredictWorker"])
def test_an_unknown_engine_is_refused_at_once(make):
    with pytest.raises(ValueError, match="engine must be None, 'frozen' or one of .*'onnxruntime'.*; got 'torch'"):
        make("torch")


def test_what_an_engine_cannot_have_leaves_no_file():
    pytest.importorskip("tf2onnx")
    fft = PredictConfig(tower_func=lambda x: tf.abs(tf.signal.fft(tf.cast(x, tf.complex64)), name="y"), output_names=["y"],
                        input_signature=[tf.TensorSpec((None, 8), tf.float32, "x")])
    with pytest.raises(ValueError):
        OfflinePredictor(fft, engine="onnxruntime")


def test_an_engine_that_computes_something_else_is_refused(monkeypatch):
    needs("opencv")
    make_wrong(monkeypatch, "tensorflow")  # the one that runs in this process
    with pytest.raises(ValueError, match="engine='opencv'.: the engine must compute what the model computes; output 'prob"):
        OfflinePredictor(config(), engine="opencv")


@pytest.mark.parametrize("engine", ["frozen", "onnxruntime"])
def test_datasets_are_predicted_by_an_engine(wanted, engine):
    needs(engine)
    flow = BatchData(DataFromList([[image, 0] for image in IMAGES], shuffle=False), 2, remainder=True)
    predictor = SimpleDatasetPredictor(config(), flow, engine=engine)
    np.testing.assert_allclose(np.concatenate([row[0] for row in predictor.get_all_result()]), wanted[0], atol=1e-5)
    predictor.predictor.close()


def test_processes_predict_by_an_engine(forked_workers, wanted):
    flow = BatchData(DataFromList([[image, 0] for image in IMAGES], shuffle=False), 2, remainder=True)
    results = MultiProcessDatasetPredictor(config(), flow, 1, use_gpu=False, engine="frozen").get_all_result()
    np.testing.assert_allclose(np.concatenate([row[0] for row in results]), wanted[0], atol=1e-5)
