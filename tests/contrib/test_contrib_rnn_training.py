"""A recurrent model from training to exports, with the library's own tools."""
import numpy as np
import pytest

from tensorpack.callbacks.inference import ScalarStats
from tensorpack.callbacks.inference_runner import InferenceRunner
from tensorpack.callbacks.saver import ModelSaver
from tensorpack.compat import tfv1 as tf
from tensorpack.contrib.rnn import DropoutWrapper, GRUCell, LSTMCell, MultiRNNCell, dynamic_rnn
from tensorpack.dataflow.common import BatchData, FixedSizeData
from tensorpack.dataflow.raw import DataFromGenerator
from tensorpack.graph_builder.model_desc import ModelDesc
from tensorpack.predict.base import OfflinePredictor
from tensorpack.predict.config import PredictConfig
from tensorpack.tfutils.export import ModelExporter
from tensorpack.tfutils.sessinit import SaverRestore
from tensorpack.tfutils.tower import get_current_tower_context
from tensorpack.train.config import TrainConfig
from tensorpack.train.interface import launch_train_with_config
from tensorpack.train.trainers import SimpleTrainer

LONGEST = 8


class WhichCameFirst(ModelDesc):
    """Tells which of two symbols is the first one of a sequence, which needs a memory."""

    def inputs(self):
        return [tf.TensorSpec([None, None], tf.int32, "symbols"), tf.TensorSpec([None], tf.int32, "length"),
                tf.TensorSpec([None], tf.int32, "label")]

    def build_graph(self, symbols, length, label):
        cell = MultiRNNCell([LSTMCell(12), GRUCell(8)])
        if get_current_tower_context().is_training:
            cell = DropoutWrapper(cell, output_keep_prob=0.9)
        _, state = dynamic_rnn(cell, tf.one_hot(symbols, 3), length, dtype=tf.float32)
        logits = tf.matmul(state[1], tf.get_variable("W", [8, 2]), name="logits")
        cost = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=label, logits=logits)
        return tf.reduce_mean(cost, name="cost")

    def optimizer(self):
        return tf.train.AdamOptimizer(0.02)


def sequences():
    rng = np.random.RandomState(0)
    while True:
        label, length = rng.randint(2), rng.randint(2, LONGEST + 1)
        symbols = np.full(LONGEST, 2, "int32")
        symbols[:length] = rng.randint(0, 2, length)
        symbols[0] = label
        yield [symbols, np.int32(length), np.int32(label)]


def batches(num):
    return BatchData(FixedSizeData(DataFromGenerator(sequences), 32 * num), 32)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """(directory of the checkpoint, costs of validation in each epoch)"""
    from tensorpack.utils import logger

    folder = str(tmp_path_factory.mktemp("rnn") / "log")
    logger.set_logger_dir(folder)
    costs = []

    class Costs(ScalarStats):
        def _after_inference(self):
            result = super()._after_inference()
            costs.append(result["validation_cost"])
            return result

    with tf.Graph().as_default():
        trainer = SimpleTrainer()
        launch_train_with_config(TrainConfig(
            model=WhichCameFirst(), dataflow=batches(40), max_epoch=3, steps_per_epoch=40,
            callbacks=[ModelSaver(), InferenceRunner(batches(5), Costs("cost"))],
            monitors=[], extra_callbacks=[]), trainer)
    logger._close_log_file()
    logger.LOG_DIR = None
    return folder, costs


def predict_config(folder):
    return PredictConfig(model=WhichCameFirst(), session_init=SaverRestore(folder + "/checkpoint"),
                         input_names=["symbols", "length"], output_names=["logits"])


SYMBOLS = np.array([[0, 1, 1, 1, 2, 2], [1, 0, 0, 0, 0, 0], [1, 1, 2, 2, 2, 2]], "int32")
LENGTHS = np.array([4, 6, 2], "int32")


def test_it_learns(trained):
    folder, costs = trained
    assert len(costs) == 3 and costs[-1] < 0.2 < 0.6
    logits, = OfflinePredictor(predict_config(folder))(SYMBOLS, LENGTHS)
    np.testing.assert_array_equal(np.argmax(logits, axis=1), [0, 1, 1])


def test_the_checkpoint_has_the_names_of_tensorflow_1(trained):
    names = {name for name, _ in tf.train.list_variables(trained[0])}
    assert names >= {"rnn/multi_rnn_cell/cell_0/lstm_cell/kernel", "rnn/multi_rnn_cell/cell_1/gru_cell/candidate/bias",
                     "rnn/multi_rnn_cell/cell_1/gru_cell/gates/kernel/Adam"}


@pytest.mark.parametrize("optimize", [True, False], ids=["optimized", "plain"])
def test_the_frozen_graph_computes_the_same(trained, tmp_path, optimize):
    expected, = OfflinePredictor(predict_config(trained[0]))(SYMBOLS, LENGTHS)
    path = str(tmp_path / "model.pb")
    ModelExporter(predict_config(trained[0])).export_compact(path, optimize=optimize)
    graph_def = tf.GraphDef()
    with open(path, "rb") as f:
        graph_def.ParseFromString(f.read())
    assert not [node.name for node in graph_def.node if node.op in ("VariableV2", "VarHandleOp")]
    with tf.Graph().as_default() as graph, tf.Session() as sess:
        tf.import_graph_def(graph_def, name="")
        logits = sess.run("logits:0", {"symbols:0": SYMBOLS, "length:0": LENGTHS})
        assert graph.get_tensor_by_name("symbols:0").shape.as_list() == [None, None]
    np.testing.assert_allclose(logits, expected, rtol=1e-5, atol=1e-6)


def test_the_saved_model_computes_the_same(trained, tmp_path):
    expected, = OfflinePredictor(predict_config(trained[0]))(SYMBOLS, LENGTHS)
    path = str(tmp_path / "saved")
    ModelExporter(predict_config(trained[0])).export_serving(path)
    with tf.Graph().as_default(), tf.Session() as sess:
        tf.saved_model.loader.load(sess, [tf.saved_model.tag_constants.SERVING], path)
        logits = sess.run("logits:0", {"symbols:0": SYMBOLS, "length:0": LENGTHS})
    np.testing.assert_allclose(logits, expected, rtol=1e-5, atol=1e-6)
