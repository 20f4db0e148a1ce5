"""What users write on top of trainers: trainers with two optimizers, steps, inputs and monitors of their own."""
import importlib.util
import json
import os

import numpy as np
import pytest
from tower_runs import OPTIMIZERS, Model, assert_equal_values, batches, in_parts

from tensorpack import (
    Callback,
    CallbackFactory,
    DataFromList,
    FeedfreeInput,
    FeedInput,
    InferenceRunner,
    ModelSaver,
    MonitorBase,
    QueueInput,
    ScalarStats,
    SimpleTrainer,
    SingleCostTrainer,
    SmartInit,
    Trainer,
    logger,
)
from tensorpack.compat import tfv1 as tf
from tensorpack.graph_builder.training import DataParallelBuilder
from tensorpack.tfutils.common import get_default_sess_config
from tensorpack.tfutils.sesscreate import NewSessionCreator
from tensorpack.tfutils.summary import add_moving_summary
from tensorpack.tfutils.tower import TowerContext
from tensorpack.train.trainers import SyncMultiGPUTrainerParameterServer, SyncMultiGPUTrainerReplicated

SCRIPTS = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "scripts")


def load(name):
    spec = importlib.util.spec_from_file_location(name, os.path.join(SCRIPTS, name + ".py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Keep(Callback):
    """Variables at the end, and what a predictor gives."""

    def _setup_graph(self):
        self.predictor = self.trainer.get_predictor(["z"], ["gen/fake"])

    def _trigger_epoch(self):
        variables = tf.global_variables()
        self.values = dict(zip([v.op.name for v in variables], self.trainer.sess.run(variables)))
        self.generated = self.predictor(np.eye(3, dtype="float32"))[0]
        self.devices = [device.name.rpartition("device:")[2] for device in self.trainer.sess.list_devices()]


def cpu_session(num):
    """As the tutorial on writing trainers tells users."""
    config = get_default_sess_config()
    config.device_count["CPU"] = num
    return NewSessionCreator(config=config)


def test_a_gan_on_several_devices_trains_like_one_on_the_joined_batch(tmp_path):
    script, rng, num = load("users_multi_gpu_gan"), np.random.RandomState(0), 2
    data = [[rng.rand(8, 2).astype("float32"), rng.rand(8, 3).astype("float32")] for _ in range(6)]

    def train(devices, datapoints, **kwargs):
        keep = Keep()
        with tf.Graph().as_default():
            source = QueueInput(DataFromList(datapoints, shuffle=False))
            trainer = script.GANTrainer(source, script.GAN(), devices)
            trainer.train_with_defaults(callbacks=[keep] + kwargs.pop("callbacks", []), monitors=[], steps_per_epoch=3,
                                        max_epoch=2, **kwargs)
        return trainer, keep

    _, expected = train(None, data)
    devices = ["/cpu:{}".format(k) for k in range(num)]
    trainer, keep = train(devices, in_parts(data, num), session_creator=cpu_session(num),
                          callbacks=[ModelSaver(checkpoint_dir=str(tmp_path))])
    assert_equal_values(keep.values, expected.values)
    np.testing.assert_allclose(keep.generated, expected.generated, rtol=1e-4)
    assert [handle.ns_name for handle in trainer.towers.training()] == ["tower{}".format(k) for k in range(num)]
    assert keep.values["global_step"] == 6 and {"CPU:0", "CPU:1"} <= set(keep.devices)
    _, resumed = train(None, data, session_init=SmartInit(str(tmp_path)))
    assert resumed.values["global_step"] == 12


def cost_of(x, target):
    with TowerContext("", is_training=True):
        weights = tf.get_variable("w", [], initializer=tf.zeros_initializer())
        return tf.reduce_mean(tf.square(weights * x - target), name="cost"), weights


def test_a_step_of_ones_own_may_run_the_session_several_times(log_dir):
    """A plain Trainer: each run takes data and counts as one global step."""
    class TwoSpeeds(Trainer):
        def __init__(self):
            super().__init__()
            source = FeedInput(DataFromList([[np.float32(1)]], shuffle=False))
            self.register_callback(source.setup([tf.TensorSpec((), tf.float32, "x")]))
            (x,) = source.get_input_tensors()
            cost, self.weights = cost_of(x, 1.0)
            self.big = tf.train.GradientDescentOptimizer(0.25).minimize(cost, name="big")
            self.small = tf.train.GradientDescentOptimizer(0.0).minimize(cost, name="small")
            self.counts = [0, 0]

        def run_step(self):
            self.hooked_sess.run(self.small)
            self.counts[0] += 1
            if self.local_step % 2:
                self.hooked_sess.run(self.big)
                self.counts[1] += 1

    class Look(Callback):
        def _after_train(self):
            self.weight = self.trainer.sess.run(self.trainer.weights)

    trainer, look = TwoSpeeds(), Look()
    trainer.train_with_defaults(callbacks=[look], steps_per_epoch=4, max_epoch=2)
    assert trainer.counts == [8, 4] and trainer.global_step == 12
    np.testing.assert_allclose(look.weight, 1 - 0.5 ** 4, rtol=1e-6)


class Counter(FeedfreeInput):
    """Numbers 0, 1, 2, ... out of a variable that starts over at each reset."""

    def _setup(self, signature):
        assert [spec.name for spec in signature] == ["x", "key", "y"]
        with self.cached_name_scope():
            with tf.variable_scope("counter"):
                self.count = tf.get_variable("count", [], tf.float32, initializer=tf.constant_initializer(7), trainable=False,
                                             collections=[tf.GraphKeys.LOCAL_VARIABLES])
            self.restart = self.count.initializer
        self.resets, self.runs = 0, 0

    def _reset_state(self):
        self.resets += 1
        self.restart.run()

    def _get_input_tensors(self):
        number = tf.reshape(self.count.assign_add(1), [1])
        return [tf.stack([number, number, number], 1) * 0.01, tf.cast(number, tf.int32) % 6, number * 0.1]

    def _get_callbacks(self):
        def before(_):
            self.runs += 1

        return [CallbackFactory(before_train=before)]


@pytest.mark.parametrize("make_trainer,num", [
    (SimpleTrainer, 1), (lambda: SyncMultiGPUTrainerReplicated(2, device_type="cpu"), 2)], ids=["simple", "replicated"])
def test_an_input_source_of_ones_own(make_trainer, num):
    class Look(Callback):
        def _trigger_epoch(self):
            self.count = self.trainer.sess.run("counter/count:0")

    source, model, trainer, look = Counter(), Model(OPTIMIZERS["sgd"]), make_trainer(), Look()
    trainer.setup_graph(model.get_input_signature(), source, model.build_graph, model.get_optimizer)
    trainer.train_with_defaults(callbacks=[look], monitors=[], steps_per_epoch=5, max_epoch=1)
    assert (source.resets, source.runs) == (1, 1)
    assert look.count == 7 + 5 * num


class Record(MonitorBase):
    def __init__(self):
        self.events = []

    def _setup_graph(self):
        self.events.append("setup")

    def process_scalar(self, name, value):
        self.events.append((name, type(value)))


def test_a_monitor_of_ones_own():
    class Put(Callback):
        def _trigger_epoch(self):
            self.trainer.monitors.put_scalar("mine", np.float32(1.5))

    class Summarized(Model):
        def build_graph(self, *inputs):
            cost = super().build_graph(*inputs)
            add_moving_summary(tf.identity(cost, name="watched"))
            return cost

    record, model, trainer = Record(), Summarized(OPTIMIZERS["sgd"]), SimpleTrainer()
    source = FeedInput(DataFromList(batches(2)))
    trainer.setup_graph(model.get_input_signature(), source, model.build_graph, model.get_optimizer)
    trainer.train_with_defaults(callbacks=[Put()], monitors=[record], steps_per_epoch=2, max_epoch=2)
    assert record.events[0] == "setup"
    assert record.events.count(("mine", float)) == 2
    assert record.events.count(("watched", float)) == 2


@pytest.mark.parametrize("make_trainer,num", [
    (SimpleTrainer, 1), (lambda: SyncMultiGPUTrainerReplicated(2, device_type="cpu"), 2),
    (lambda: SyncMultiGPUTrainerParameterServer(2, device_type="cpu"), 2)], ids=["simple", "replicated", "ps"])
def test_training_without_a_config(make_trainer, num, log_dir):
    """`setup_graph` takes functions; callbacks are made when the graph exists; the defaults write files."""
    logger.set_logger_dir(log_dir, "k")
    model, trainer = Model(OPTIMIZERS["adam"]), make_trainer()
    data = batches(10)
    trainer.setup_graph(
        model.inputs(), QueueInput(DataFromList(in_parts(data, num), shuffle=False)),
        lambda x, key, y: model.build_graph(x, key, y), lambda: tf.train.AdamOptimizer(0.01))
    assert trainer.train_op.name == "train_op"
    names = [v.op.name for v in tf.trainable_variables()]
    validation = InferenceRunner(DataFromList(data[:2], shuffle=False), [ScalarStats("cost")])
    trainer.train_with_defaults(callbacks=[ModelSaver(), validation], steps_per_epoch=5, max_epoch=2)
    assert names[:5] == ["table", "hidden/W", "hidden/b", "out/W", "out/b"]
    with open(os.path.join(log_dir, "stats.json")) as f:
        stats = json.load(f)
    assert [(s["epoch_num"], s["global_step"]) for s in stats] == [(1, 5), (2, 10)]
    assert stats[1]["validation_cost"] < stats[0]["validation_cost"]
    assert {"checkpoint", "model-5.index", "model-10.index"} <= set(os.listdir(log_dir))


def test_a_single_cost_trainer_of_ones_own():
    """One that updates only every variable of a scope, on devices of its choice."""
    class PartTrainer(SingleCostTrainer):
        devices = [0, 1]

        def _setup_graph(self, input, get_cost_fn, get_opt_fn):
            all_pairs = DataParallelBuilder.call_for_each_tower(
                self.devices, self._make_get_grad_fn(input, get_cost_fn, get_opt_fn), ["/cpu:0", "/cpu:1"])
            pairs = [(sum(grad for grad, _ in same) / 2, same[0][1]) for same in zip(*all_pairs)
                     if same[0][1].op.name.startswith("out/")]
            self.train_op = get_opt_fn().apply_gradients(pairs)
            return [CallbackFactory(after_train=self._look)]

        def _look(self, _):
            variables = tf.global_variables()
            self.values = dict(zip([v.op.name for v in variables], self.sess.run(variables)))

    model, trainer = Model(OPTIMIZERS["momentum"]), PartTrainer()
    trainer.setup_graph(model.get_input_signature(), QueueInput(DataFromList(in_parts(batches(4), 2), shuffle=False)),
                        model.build_graph, model.get_optimizer)
    trainer.train_with_defaults(monitors=[], steps_per_epoch=4, max_epoch=1, session_creator=cpu_session(2))
    assert (trainer.values["hidden/b"] == 0).all() and (trainer.values["out/b"] != 0).all()
