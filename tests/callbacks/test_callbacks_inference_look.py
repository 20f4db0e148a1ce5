"""What an inference runner finds out about its data before the first epoch."""
import numpy as np
import pytest
from small_training import Call

from tensorpack.callbacks.inference import ScalarStats
from tensorpack.callbacks.inference_runner import DataParallelInferenceRunner, InferenceRunner
from tensorpack.compat import tfv1 as tf
from tensorpack.dataflow.base import DataFlow
from tensorpack.dataflow.common import BatchData, MapData
from tensorpack.dataflow.raw import DataFromGenerator, DataFromList
from tensorpack.graph_builder.model_desc import ModelDesc
from tensorpack.input_source.input_source import FeedInput, QueueInput
from tensorpack.train.config import TrainConfig
from tensorpack.train.interface import launch_train_with_config
from tensorpack.train.trainers import SimpleTrainer

X, LABEL = np.ones(2, "float32"), np.zeros(2, "int32")


class Model(ModelDesc):
    def inputs(self):
        return [tf.TensorSpec([None], tf.float32, "x"), tf.TensorSpec([2], tf.int32, "label")]

    def build_graph(self, x, label):
        tf.reduce_mean(x, name="mean_x")
        return tf.reduce_mean(tf.get_variable("w", []) * x)

    def optimizer(self):
        return tf.train.GradientDescentOptimizer(0.01)


def launch(*callbacks, epochs=1):
    trainer = SimpleTrainer()
    launch_train_with_config(TrainConfig(
        model=Model(), dataflow=DataFromList([[X, LABEL]] * 2), callbacks=list(callbacks), monitors=[], max_epoch=epochs),
        trainer)
    return trainer


WRONG = [
    ([X], ValueError, r"must have 2 components, one for each of the inputs \['x', 'label'\]; got 1"),
    ([X, LABEL, 3], ValueError, "must have 2 components.*; got 3"),
    ([X, np.zeros(3, "int32")], ValueError, r"component 1 \(input 'label'\), must be int32 \(2\); got int32 \(3,\)"),
    ([X, LABEL + .5], TypeError, r"component 1 \(input 'label'\), must be int32"),
    ([X, None], (TypeError, ValueError), r"component 1 \(input 'label'\).*got None.*did cv2.imread find the file"),
    ({"x": X}, KeyError, "got none for .*label"),
]


@pytest.mark.parametrize("datapoint, error, words", WRONG, ids=["few", "many", "shape", "dtype", "none", "dict"])
@pytest.mark.parametrize("make", [
    lambda flow: InferenceRunner(flow, ScalarStats("mean_x")),
    lambda flow: InferenceRunner(FeedInput(flow, infinite=False), ScalarStats("mean_x")),
], ids=["flow", "source"])
def test_a_datapoint_that_does_not_fit_is_told_before_the_first_epoch(make, datapoint, error, words):
    steps = []
    with pytest.raises(error, match="InferenceRunner: datapoint 0 of the DataFlow.*" + words):
        launch(make(DataFromList([datapoint], shuffle=False)), Call(trigger_step=steps.append))
    assert not steps


@pytest.mark.parametrize("make", [
    lambda flow: InferenceRunner(QueueInput(flow), ScalarStats("mean_x")),
    lambda flow: DataParallelInferenceRunner(flow, ScalarStats("mean_x"), [0], device_type="cpu"),
], ids=["queue", "towers"])
def test_errors_from_a_queue_name_the_runner(make):
    with pytest.raises(ValueError, match="InferenceRunner: datapoint 0 of the DataFlow.*must have 2 components"):
        launch(make(DataFromList([[X]], shuffle=False)))


def test_later_datapoints_are_told_with_the_runner_as_well():
    with pytest.raises(ValueError, match="InferenceRunner: datapoint 1 of the DataFlow"):
        launch(InferenceRunner(DataFromList([[X, LABEL], [X]], shuffle=False), ScalarStats("mean_x")))


def test_what_the_flow_raises_is_told_before_the_first_epoch():
    def fail(dp):
        raise OSError("no such disk")

    steps = []
    with pytest.raises(OSError, match="no such disk"):
        launch(InferenceRunner(MapData(DataFromList([[X, LABEL]]), fail), ScalarStats("mean_x")),
               Call(trigger_step=steps.append))
    assert not steps


class Counted(DataFlow):
    def __init__(self, size):
        self.size, self.begun, self.given = size, 0, []

    def __len__(self):
        return self.size

    def __iter__(self):
        self.begun += 1
        for k in range(self.size):
            self.given.append(k)
            yield [X * (k + 1), LABEL]


def test_the_look_takes_nothing_away():
    """The first pass goes on where the look was: each pass reads the flow once."""
    flow = Counted(3)
    trainer = launch(InferenceRunner(flow, ScalarStats("mean_x", prefix="")), epochs=2)
    assert [value for _, value in trainer.monitors.get_history("mean_x")] == [2, 2]
    assert flow.begun == 2 and flow.given == [0, 1, 2] * 2


def test_an_empty_flow_is_told_before_the_first_epoch():
    class Empty(Counted):
        def __iter__(self):
            return iter(())

    steps = []
    with pytest.raises(RuntimeError, match="InferenceRunner.*Empty.* ended after 0 iterations, but a pass must have 3"):
        launch(InferenceRunner(Empty(3), ScalarStats("mean_x")), Call(trigger_step=steps.append))
    assert not steps


def test_data_of_unknown_length_are_not_touched_before_their_pass():
    """They may come from elsewhere, when the training has begun."""
    steps, begun = [], []

    def generate():
        begun.append(len(steps))
        yield [X, LABEL]

    launch(InferenceRunner(DataFromGenerator(generate), ScalarStats("mean_x")), Call(trigger_step=steps.append))
    assert begun == [2]


def test_batches_of_a_flow_are_looked_at_as_they_come():
    flow = BatchData(DataFromList([[1.0, 0]] * 4), 2)
    trainer = launch(InferenceRunner(flow, ScalarStats("mean_x", prefix="")))
    assert trainer.monitors.get_latest("mean_x") == 1
