"""FeedfreePredictor on queues, feeds and datasets."""
import threading

import numpy as np
import pytest

from tensorpack.callbacks.base import CallbackFactory
from tensorpack.compat import tfv1 as tf
from tensorpack.dataflow.common import MapData
from tensorpack.dataflow.raw import DataFromList
from tensorpack.input_source.input_source import FeedInput, QueueInput
from tensorpack.input_source.input_source_base import InputSource
from tensorpack.predict import PredictConfig
from tensorpack.predict.feedfree import FeedfreePredictor
from tensorpack.tfutils.sesscreate import ReuseSessionCreator
from tensorpack.tfutils.sessinit import DictRestore
from tensorpack.tfutils.tower import get_current_tower_context

SIGNATURE = [tf.TensorSpec((), tf.float32, "x")]


def build(x):
    assert not get_current_tower_context().is_training
    tf.multiply(x, tf.get_variable("w", []), name="y")


def config(**kwargs):
    arguments = dict(tower_func=build, input_signature=SIGNATURE, output_names=["y"],
                     session_init=DictRestore({"w": np.float32(10)}))
    arguments.update(kwargs)
    return PredictConfig(**arguments)


class OfTfData(InputSource):
    """The tensors of a tf.data pipeline that ends."""

    def _get_input_tensors(self):
        return [tf.data.make_one_shot_iterator(tf.data.Dataset.from_tensor_slices(np.float32([1, 2]))).get_next()]


def flow(*values):
    return DataFromList([[np.float32(v)] for v in values], shuffle=False)


def test_a_queue_repeats_its_data_forever():
    with FeedfreePredictor(config(), QueueInput(flow(1, 2))) as predictor:
        results = [predictor() for _ in range(5)]
    assert all(isinstance(r, list) for r in results)
    assert [r[0] for r in results] == [10, 20, 10, 20, 10]


def test_the_tower_has_no_prefix_and_an_input_name_gives_the_tensor_of_the_source():
    with FeedfreePredictor(config(output_names=["x", "y", "w"]), QueueInput(flow(3))) as predictor:
        assert predictor.graph.get_operation_by_name("y") is not None
        assert predictor() == [3, 30, 10]


@pytest.mark.parametrize("make, ends_with", [
    (lambda: FeedInput(flow(1, 2), infinite=False), StopIteration),
    (OfTfData, tf.errors.OutOfRangeError),
], ids=["feed", "tf.data"])
def test_finite_sources_end_with_their_own_error(make, ends_with):
    with FeedfreePredictor(config(), make()) as predictor:
        assert [predictor()[0], predictor()[0]] == [10, 20]
        with pytest.raises(ends_with):
            predictor()


def test_an_error_of_the_data_is_raised_by_the_call():
    def fail(dp):
        if dp[0] == 2:
            raise ValueError("bad datapoint")
        return dp

    with FeedfreePredictor(config(), QueueInput(MapData(flow(1, 2), fail))) as predictor:
        assert predictor()[0] == 10
        with pytest.raises(ValueError, match="bad datapoint") as info:
            predictor()
        assert any(entry.name == "fail" for entry in info.traceback)


def test_callbacks_of_the_source_take_part():
    moments = []

    class Source(QueueInput):
        def _get_callbacks(self):
            return super()._get_callbacks() + [CallbackFactory(
                setup_graph=lambda cb: moments.append(("setup_graph", cb.trainer)),
                before_train=lambda _: moments.append(("before_train", tf.get_default_session())),
                after_train=lambda _: moments.append(("after_train", tf.get_default_session())))]

    predictor = FeedfreePredictor(config(), Source(flow(1)))
    predictor.close()
    sess = predictor.sess
    assert moments == [("setup_graph", None), ("before_train", sess), ("after_train", sess)]


def test_close_stops_the_source_and_the_session():
    predictor = FeedfreePredictor(config(), QueueInput(flow(1)))
    predictor()
    assert [t for t in threading.enumerate() if t.name.startswith("EnqueueThread")]
    predictor.close()
    predictor.close()
    assert not [t for t in threading.enumerate() if t.name.startswith("EnqueueThread")]
    with pytest.raises(RuntimeError, match="after close"):
        predictor()
    with pytest.raises(RuntimeError):
        predictor.sess.run("w:0")


def test_a_users_own_session_stays_open():
    with tf.Session() as sess:
        cfg = config(create_graph=False, session_creator=ReuseSessionCreator(sess))
        with FeedfreePredictor(cfg, OfTfData()) as predictor:
            assert predictor.sess is sess and predictor()[0] == 10
        assert sess.run("w:0") == 10


@pytest.mark.parametrize("changes, source, error, words", [
    (dict(return_input=True), lambda: QueueInput(flow(1)), ValueError, "return_input=False"),
    ({}, lambda: flow(1), TypeError, "must be an InputSource"),
    (dict(output_names=["z"]), lambda: QueueInput(flow(1)), KeyError, "'z:0'"),
], ids=["return_input", "dataflow", "name"])
def test_mistakes_are_told(changes, source, error, words):
    with pytest.raises(error, match=words):
        FeedfreePredictor(config(**changes), source())


def test_a_call_takes_no_arguments():
    with FeedfreePredictor(config(), QueueInput(flow(1))) as predictor:
        with pytest.raises(TypeError):
            predictor(1)
