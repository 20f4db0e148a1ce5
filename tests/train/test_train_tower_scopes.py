"""Validation and predictors of a trainer reach the inference tower only, with one training tower as with several."""
import numpy as np
import pytest

from tensorpack import (
    Callback,
    DataFromList,
    InferenceRunner,
    ModelDesc,
    QueueInput,
    ScalarStats,
    SimpleTrainer,
    SyncMultiGPUTrainerParameterServer,
    TrainConfig,
    launch_train_with_config,
    tfv1,
)

tf = tfv1


class Model(ModelDesc):
    """Has a tensor that is made in training only."""

    def inputs(self):
        return [tf.TensorSpec([None], tf.float32, "x")]

    def build_graph(self, x):
        w = tf.get_variable("w", [], initializer=tf.ones_initializer())
        if self.training:
            tf.reduce_mean(x, name="seen")
        return tf.reduce_mean(tf.square(w * x), name="cost")

    def optimizer(self):
        return tf.train.GradientDescentOptimizer(tf.get_variable("learning_rate", initializer=.5, trainable=False))


def run(trainer, callback):
    flow = DataFromList([[np.float32([1, 2])]] * 4, shuffle=False)
    launch_train_with_config(TrainConfig(
        model=Model(), data=QueueInput(flow), callbacks=[callback], extra_callbacks=[], monitors=[], steps_per_epoch=2,
        max_epoch=1), trainer)


class AskPredictor(Callback):
    def __init__(self, inputs, outputs):
        self.names = inputs, outputs

    def _setup_graph(self):
        self.predict = self.trainer.get_predictor(*self.names)

    def _trigger(self):
        self.result = self.predict(np.float32([3]))


TRAINERS = pytest.mark.parametrize("trainer", [
    SimpleTrainer, lambda: SyncMultiGPUTrainerParameterServer([0, 1], device_type="cpu"),
], ids=["one-tower", "two-towers"])


@TRAINERS
@pytest.mark.parametrize("name", ["seen", "train_op", "gradients/cost_grad/Shape"])
@pytest.mark.parametrize("make", [
    lambda name: InferenceRunner(DataFromList([[np.float32([5])]] * 2), ScalarStats(name)),
    lambda name: AskPredictor(["x"], [name]),
    lambda name: AskPredictor([name], ["cost"]),
], ids=["runner", "predictor-output", "predictor-input"])
def test_a_tensor_of_training_is_not_found_at_inference(trainer, name, make):
    with pytest.raises(KeyError, match=name):
        run(trainer(), make(name))


@TRAINERS
def test_variables_are_found_at_inference(trainer):
    callback = AskPredictor(["x"], ["cost", "learning_rate", "w:0"])
    run(trainer(), callback)
    cost, rate, w = callback.result
    assert rate == .5 and cost == pytest.approx(9 * w ** 2)
