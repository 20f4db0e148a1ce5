"""Collections of losses, updates and users' own things show a tower what is its own."""
import numpy as np
import pytest

from tensorpack import (
    Callback,
    FeedInput,
    FullyConnected,
    InferenceRunner,
    ModelDesc,
    QueueInput,
    ScalarStats,
    SimpleTrainer,
    SyncMultiGPUTrainerParameterServer,
    SyncMultiGPUTrainerReplicated,
)
from tensorpack.compat import tfv1 as tf
from tensorpack.dataflow import BatchData, DataFromList
from tensorpack.tfutils.tower import TowerContext, TrainTowerContext
from tensorpack.train import TrainConfig, launch_train_with_config

FLOW = BatchData(DataFromList([(np.full(2, k, "f4"),) for k in range(1, 9)], shuffle=False), 4)


def _total_loss(x):
    tf.losses.add_loss(x)
    return tf.losses.get_total_loss()


def _added_by_hand(x):
    tf.add_to_collection("losses", x)
    return tf.add_n(tf.get_collection("losses"))


def _of_ones_own(x):
    tf.add_to_collection("costs of mine", x)
    return tf.add_n(tf.get_collection("costs of mine"))


class Model(ModelDesc):
    """The cost is that of the collection `total` makes; `plain` is what it should be."""

    def __init__(self, total):
        super().__init__()
        self.total = total

    def inputs(self):
        return [tf.TensorSpec([None, 2], tf.float32, "x")]

    def build_graph(self, x):
        plain = tf.reduce_mean(tf.square(FullyConnected("fc", x, 1)), name="plain")
        return tf.identity(self.total(plain), name="cost")

    def optimizer(self):
        return tf.train.GradientDescentOptimizer(1e-4)


TOTALS = pytest.mark.parametrize("total", [_total_loss, _added_by_hand, _of_ones_own],
                                 ids=["get_total_loss", "add_n", "a collection of one's own"])


@TOTALS
@pytest.mark.parametrize("make, source", [
    (SimpleTrainer, FeedInput), (SimpleTrainer, QueueInput), (lambda: SyncMultiGPUTrainerReplicated([0, 1]), QueueInput),
    (lambda: SyncMultiGPUTrainerParameterServer([0, 1]), QueueInput),
], ids=["feed", "queue", "replicated", "server"])
def test_collected_losses_are_those_of_the_tower(make, source, total):
    values = []

    class Compare(Callback):
        def _setup_graph(self):
            names = ["tower{}/{}:0".format(k, n) for k in range(len(self.trainer.towers.training())) for n in ("cost", "plain")]
            self._fetches = names if len(names) > 2 else ["cost:0", "plain:0"]

        def _before_run(self, _):
            return self.get_tensors_maybe_in_tower(self._fetches)

        def _after_run(self, _, run_values):
            values.append(run_values.results)

        def _trigger_epoch(self):
            latest = [self.trainer.monitors.get_latest("validation_" + name) for name in ("cost", "plain")]
            values.append([np.float32(v) for v in latest])

    config = TrainConfig(
        model=Model(total), data=source(FLOW), monitors=[], steps_per_epoch=2, max_epoch=1,
        callbacks=[InferenceRunner(FLOW, ScalarStats(["cost", "plain"])), Compare()])
    launch_train_with_config(config, make())
    assert len(values) == 3
    for row in values:
        np.testing.assert_allclose(row[::2], row[1::2], rtol=1e-5)
        assert min(row) > 0


def test_updates_that_a_model_runs_itself_are_those_of_the_tower():
    """Else the inference tower moved the averages of the training tower, by the data of the validation."""
    def build():
        x = tf.placeholder(tf.float32, [None])
        with tf.variable_scope("model", reuse=tf.AUTO_REUSE):
            seen = tf.get_variable("seen", [], trainable=False, initializer=tf.zeros_initializer())
        tf.add_to_collection(tf.GraphKeys.UPDATE_OPS, tf.assign_add(seen, tf.reduce_sum(x)).op)
        with tf.control_dependencies(tf.get_collection(tf.GraphKeys.UPDATE_OPS)):
            return x, tf.reduce_mean(x)

    with TrainTowerContext("", index=0, total=2):
        build()
    with tf.variable_scope(tf.get_variable_scope(), reuse=True), TrainTowerContext("tower1", index=1, total=2):
        x, mean = build()
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        assert sess.run(mean, {x: [1., 2.]}) == 1.5  # without the data of the first tower


def test_collections_have_all_after_the_towers_in_order():
    outside, constant = tf.constant(0.), tf.constant(5.)
    for key in ("losses", "mine"):
        tf.add_to_collection(key, outside)
    tf.add_to_collection("mine", "a text")
    made, names = [], ["tower0", "tower1", "tower2"]
    for k in range(3):
        with tf.variable_scope(tf.get_variable_scope(), reuse=k > 0), TrainTowerContext(names[k], index=k, total=3):
            weight = tf.get_variable("weight", [])
            own = weight * k
            for key in ("losses", "mine"):
                tf.add_to_collection(key, own)
            tf.add_to_collection("mine", weight)
            assert tf.get_collection("losses") == [outside, own]
            assert tf.get_collection("mine") == [outside, "a text"] + [weight] * k + [own, weight]
            made.append(own)
    with pytest.raises(ZeroDivisionError), tf.variable_scope(tf.get_variable_scope(), reuse=True):
        with TrainTowerContext("failed", index=1, total=3):
            tf.add_to_collection("losses", constant)
            raise ZeroDivisionError
    assert tf.get_collection("losses") == [outside] + made + [constant]
    assert [x for x in tf.get_collection("mine") if x is not weight] == [outside, "a text"] + made


def test_what_a_model_takes_out_stays_out():
    first, second = tf.constant(1.), tf.constant(2.)
    tf.add_to_collection("mine", first)
    with TowerContext("a", is_training=True):
        tf.add_to_collection("mine", tf.constant(3., name="three"))
    with tf.variable_scope(tf.get_variable_scope(), reuse=True), TowerContext("b", is_training=False):
        assert tf.get_collection("mine") == [first]
        del tf.get_collection_ref("mine")[:]
        tf.add_to_collection("mine", second)
    assert [x.op.name for x in tf.get_collection("mine")] == ["a/three", second.op.name]
