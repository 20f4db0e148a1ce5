"""Variables that are to be frozen, and what trains them nevertheless."""
import numpy as np
import pytest
from told import messages

from tensorpack import Callback, FullyConnected, ModelDesc, SimpleTrainer, SyncMultiGPUTrainerReplicated, regularize_cost
from tensorpack.compat import tfv1 as tf
from tensorpack.dataflow import BatchData, DataFromList
from tensorpack.models.regularize import l2_regularizer
from tensorpack.tfutils.varreplace import freeze_variables
from tensorpack.train import TrainConfig, launch_train_with_config

SKIP = {"stop_gradient": False, "skip_collection": True}


class Model(ModelDesc):
    """A frozen body; `more` of it makes what the cost has besides."""

    def __init__(self, freeze, more):
        super().__init__()
        self.freeze, self.more = freeze, more

    def inputs(self):
        return [tf.TensorSpec([None, 4], tf.float32, "x")]

    def build_graph(self, x):
        with freeze_variables(**self.freeze):
            x = FullyConnected("body", x, 3, kernel_initializer=tf.ones_initializer())
        cost = tf.reduce_mean(tf.square(FullyConnected("head", x, 1)))
        return tf.add(cost, self.more(), name="cost")

    def optimizer(self):
        return tf.train.AdamOptimizer(.1)


def _by_hand():
    return tf.add_n([tf.nn.l2_loss(v) for v in tf.trainable_variables() if v.op.name.endswith("/W")])


NOTHING = lambda: 0.  # noqa: E731
CASES = [
    ({}, lambda: regularize_cost(".*/W", l2_regularizer(1e-2)), True), ({}, _by_hand, True), ({}, NOTHING, False),
    ({}, lambda: regularize_cost("head/W", l2_regularizer(1e-2)), False),
    (SKIP, lambda: regularize_cost(".*/W", l2_regularizer(1e-2)), False), (SKIP, _by_hand, False),
]


@pytest.mark.parametrize("make", [SimpleTrainer, lambda: SyncMultiGPUTrainerReplicated([0, 1])], ids=["one", "replicated"])
@pytest.mark.parametrize("freeze, more, is_told", CASES, ids=[
    "decay", "decay by hand", "nothing", "decay of another", "skipped, decay", "skipped, decay by hand"])
def test_a_frozen_variable_that_is_trained_is_told(make, freeze, more, is_told, log_records):
    changes = []

    class Compare(Callback):
        def _after_train(self):
            name = next(v for v in tf.global_variables() if v.op.name.endswith("body/W")).name
            changes.append(np.abs(self.trainer.sess.run(name) - 1).max())

    flow = BatchData(DataFromList([(np.ones(4, "f4"),)] * 8), 4)
    launch_train_with_config(TrainConfig(model=Model(freeze, more), dataflow=flow, callbacks=[Compare()], monitors=[],
                                         steps_per_epoch=2, max_epoch=1), make())
    told = [m for m in messages(log_records, "WARNING") if "keeps them as they are" in m]
    assert len(told) == is_told and all("1 variable of theirs" in m and "body/W" in m for m in told)
    assert (changes[0] > 1e-3) == is_told
