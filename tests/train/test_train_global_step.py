"""`tf.train.get_global_step()` in a model is the step counter of the training."""
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
    TowerTrainer,
    TrainConfig,
    launch_train_with_config,
)
from tensorpack.compat import tfv1 as tf
from tensorpack.input_source.input_source import PlaceholderInput
from tensorpack.tfutils.sesscreate import NewSessionCreator
from tensorpack.tfutils.sessinit import JustCurrentSession
from tensorpack.tfutils.tower import TowerContext, TowerFunc
from tensorpack.train.trainers import AsyncMultiGPUTrainer, SyncMultiGPUTrainerReplicated


class Model(ModelDesc):
    """The rate is halved after each two steps."""

    def __init__(self, get_step=lambda: tf.train.get_global_step()):
        super().__init__()
        self.get_step = get_step

    def inputs(self):
        return [tf.TensorSpec([], tf.float32, "x")]

    def build_graph(self, x):
        tf.train.exponential_decay(1., self.get_step(), 2, 0.5, staircase=True, name="rate")
        return x * tf.get_variable("w", [], initializer=tf.ones_initializer())

    def optimizer(self):
        return tf.train.GradientDescentOptimizer(0.)


class Rates(Callback):
    def __init__(self):
        self.seen = []

    def _before_run(self, ctx):
        return ["rate:0"]

    def _after_run(self, ctx, values):
        self.seen.append(float(values.results[0]))


def train(trainer, model, callbacks=()):
    data = DataFromList([[np.float32(1)]])
    launch_train_with_config(TrainConfig(model=model, data=QueueInput(data), steps_per_epoch=3, max_epoch=2, monitors=[],
                                         callbacks=list(callbacks), extra_callbacks=[]), trainer)
    return trainer


@pytest.mark.parametrize("make", [
    SimpleTrainer, lambda: SyncMultiGPUTrainerReplicated(2, device_type="cpu"),
    lambda: AsyncMultiGPUTrainer(2, device_type="cpu")], ids=["simple", "replicated", "async"])
def test_it_counts_the_steps_in_all_towers(make):
    rates, inferred = Rates(), []

    class Look(Callback):
        def _trigger_epoch(self):
            inferred.append(self.trainer.monitors.get_latest("validation_rate"))

    runner = InferenceRunner(DataFromList([[np.float32(1)]]), ScalarStats("rate"))
    trainer = train(make(), Model(), [rates, runner, Look()])
    assert rates.seen == [1, 1, 0.5, 0.5, 0.25, 0.25] and inferred == [0.5, 0.125]
    assert [v.op.name for v in trainer.graph.get_collection(tf.GraphKeys.GLOBAL_STEP)] == ["global_step"]


def test_in_a_tower_trainer_of_a_user():
    class Own(TowerTrainer):
        def __init__(self):
            super().__init__()
            source, signature = PlaceholderInput(), [tf.TensorSpec([], tf.float32, "x")]
            source.setup(signature)
            self.tower_func = TowerFunc(self.build, signature)
            with TowerContext("", is_training=True):
                self.tower_func(*source.get_input_tensors())

        def build(self, x):
            self.train_op = tf.add(tf.train.get_global_step(), 5, name="later").op

    trainer, later = Own(), []

    class Look(Callback):
        def _before_run(self, ctx):
            return ["later:0"]

        def _after_run(self, ctx, values):
            later.append(int(values.results[0]))

    trainer.train([Look()], [], NewSessionCreator(), JustCurrentSession(), 3, 1, 1)
    assert later == [5, 6, 7]


def test_a_counter_that_the_model_makes_itself_is_warned_of(log_records):
    train(SimpleTrainer(), Model(lambda: tf.Variable(0, trainable=False, name="global_step")))
    warned, = [r.getMessage() for r in log_records if "does not count the steps" in r.getMessage()]
    assert "'global_step_1'" in warned and "tf.train.get_global_step()" in warned


@pytest.mark.parametrize("get_step", [lambda: tf.train.get_or_create_global_step(), lambda: tf.train.get_global_step()])
def test_others_are_not(get_step, log_records):
    train(SimpleTrainer(), Model(get_step))
    assert not [r for r in log_records if "does not count the steps" in r.getMessage()]
