"""An `InferenceRunner` says of which data its statistics are, where its flow does not have each datapoint once in a pass."""
import numpy as np
import pytest
from small_training import messages

from tensorpack.callbacks.inference import ScalarStats
from tensorpack.callbacks.inference_runner import InferenceRunner
from tensorpack.compat import tfv1 as tf
from tensorpack.dataflow.common import BatchData, FixedSizeData, MapData, RepeatedData, ShardData
from tensorpack.dataflow.parallel import MultiProcessRunnerZMQ
from tensorpack.dataflow.parallel_map import MultiProcessMapAndBatchData, MultiThreadMapData
from tensorpack.dataflow.raw import DataFromGenerator, DataFromList
from tensorpack.graph_builder.model_desc import ModelDesc
from tensorpack.input_source.input_source import FeedInput, QueueInput
from tensorpack.input_source.input_source_base import remap_input_source
from tensorpack.train import CollectiveTrainer
from tensorpack.train.config import TrainConfig
from tensorpack.train.interface import launch_train_with_config
from tensorpack.train.trainers import SimpleTrainer


class Model(ModelDesc):
    def inputs(self):
        return [tf.TensorSpec(None, tf.float32, "x")]

    def build_graph(self, x):
        w = tf.get_variable("w", [], initializer=tf.ones_initializer())
        return tf.reduce_mean(w * x, name="cost")

    def optimizer(self):
        return tf.train.GradientDescentOptimizer(0.01)


def images(count=297):
    return DataFromList([[np.float32(k)] for k in range(count)], shuffle=False)


def warnings_of(flow, log_records):
    """What is said of it in a training of two epochs."""
    launch_train_with_config(TrainConfig(
        dataflow=images(), model=Model(), callbacks=[InferenceRunner(flow, ScalarStats("cost"))], monitors=[],
        steps_per_epoch=1, max_epoch=2, extra_callbacks=[]), SimpleTrainer())
    return [text for text in messages(log_records, "WARNING") if "each datapoint once" in text]


@pytest.mark.parametrize("wrap", [
    lambda ds: ds, lambda ds: FeedInput(ds, infinite=False), QueueInput, lambda ds: remap_input_source(QueueInput(ds), ["x"]),
], ids=["flow", "feed", "queue", "remapped"])
def test_dropped_datapoints_are_told_once_with_numbers_and_the_remedy(wrap, log_records):
    assert warnings_of(wrap(MapData(BatchData(images(), 100), list)), log_records) == [
        "[InferenceRunner] A pass should have each datapoint once, or its statistics are of other data: BatchData drops the "
        "last 97 of 297 datapoints of a pass, which make no batch of 100; use remainder=True."]


def test_flows_that_are_not_strict_are_told(log_records):
    with MultiProcessRunnerZMQ(images(), 2, 4) as runner:
        first, second = warnings_of(BatchData(runner, 50), log_records)
    assert "BatchData drops the last 47 of 297" in first
    assert "MultiProcessRunnerZMQ runs 2 copies of its flow, so that a pass of 297 datapoints has some of them twice" in second


@pytest.mark.parametrize("make", [
    lambda: BatchData(images(), 100, remainder=True),
    lambda: BatchData(MultiThreadMapData(images(), 2, list, buffer_size=20, strict=True), 99),
], ids=["remainder", "strict"])
def test_a_flow_of_each_datapoint_once_needs_no_word(make, log_records):
    assert warnings_of(make(), log_records) == []


@pytest.mark.parametrize("make", [
    lambda: RepeatedData(images(), -1), lambda: MultiProcessMapAndBatchData(images(), 1, list, 2),
], ids=["repeated", "map and batch"])
def test_a_flow_that_is_known_to_never_end_is_refused(make):
    with pytest.raises(ValueError, match="InferenceRunner: a pass over .* never ends, .*; leave out (RepeatedData|MultiProcess"
                                         "MapAndBatchDataZMQ), since a validation is one pass, or take FixedSizeData"):
        InferenceRunner(make(), ScalarStats("cost"))
    InferenceRunner(FixedSizeData(make(), 3), ScalarStats("cost"))


# ---- parts that are for one of several workers ----


def warnings_of_parts(flow, log_records, trainer, chief_only=True):
    runner = InferenceRunner(flow, ScalarStats("cost")).set_chief_only(chief_only)
    launch_train_with_config(TrainConfig(
        dataflow=images(), model=Model(), callbacks=[runner], monitors=[], steps_per_epoch=1, max_epoch=2, extra_callbacks=[]),
        trainer)
    return [text for text in messages(log_records, "WARNING") if "runs on the chief alone" in text]


@pytest.mark.parametrize("flow, part", [
    (lambda: BatchData(ShardData(images(), 2, 0), 50, remainder=True), "reader 0 of 2, 148 of 297 datapoints"),
    (lambda: ShardData(MapData(images(), list), 3, 1, equal=False), "reader 1 of 3, 99 of 297 datapoints"),
    (lambda: MapData(ShardData(DataFromGenerator(lambda: iter([[np.float32(k)] for k in range(9)])), 4, 0), list),
     "reader 0 of 4"),
], ids=["source", "read as a whole", "unknown length"])
def test_a_part_for_one_worker_is_told_of_where_the_chief_validates_alone(flow, part, log_records):
    (text,) = warnings_of_parts(flow(), log_records, CollectiveTrainer())
    assert text.startswith("[InferenceRunner] It runs on the chief alone, and ShardData gives it the part of {}: its "
                           "statistics are of that part. Give it the whole flow; CollectiveInferenceRunner".format(part))


@pytest.mark.parametrize("flow, trainer, chief_only", [
    (lambda: ShardData(images(), 5, 2), SimpleTrainer, True), (lambda: ShardData(images(), 2, 0), CollectiveTrainer, False),
    (lambda: ShardData(images(), 1, 0), CollectiveTrainer, True), (images, CollectiveTrainer, True),
], ids=["a fold", "on all workers", "one reader", "whole"])
def test_a_part_that_is_meant_needs_no_word(flow, trainer, chief_only, log_records):
    assert warnings_of_parts(flow(), log_records, trainer(), chief_only) == []
