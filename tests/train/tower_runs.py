"""A small model, its data in batches or parts of batches, and runs of it with any trainer, for tests of several towers."""
import numpy as np

from tensorpack import (
    Callback,
    DataFromList,
    FullyConnected,
    ModelDesc,
    QueueInput,
    RunUpdateOps,
    TrainConfig,
    launch_train_with_config,
    regularize_cost,
)
from tensorpack.compat import tfv1 as tf
from tensorpack.models.regularize import l2_regularizer
from tensorpack.train.trainers import (
    AsyncMultiGPUTrainer,
    SyncMultiGPUTrainer,
    SyncMultiGPUTrainerParameterServer,
    SyncMultiGPUTrainerReplicated,
)

OPTIMIZERS = {
    "sgd": lambda: tf.train.GradientDescentOptimizer(0.1),
    "momentum": lambda: tf.train.MomentumOptimizer(0.05, 0.9),
    "adam": lambda: tf.train.AdamOptimizer(0.01),
}


def replicated(num, **kwargs):
    return SyncMultiGPUTrainerReplicated(num, device_type="cpu", **kwargs)


# Synchronous trainers: number of towers -> trainer on as many CPU devices.
SYNC_TRAINERS = {
    "ps-gpu": lambda num: SyncMultiGPUTrainerParameterServer(num, ps_device="gpu", device_type="cpu"),
    "ps-cpu": lambda num: SyncMultiGPUTrainer(num, device_type="cpu"),
    "replicated-gpu": lambda num: replicated(num, mode="gpu"),
    "replicated-cpu": lambda num: replicated(num, mode="CPU"),
    "replicated-collective": lambda num: replicated(num, mode="collective"),
}
# One for each way to hold variables and to update them.
KINDS = ["async", "ps-cpu", "replicated-gpu"]
TRAINERS = dict(SYNC_TRAINERS, **{"async": lambda num: AsyncMultiGPUTrainer(num, device_type="cpu")})


class Model(ModelDesc):
    """Regression from three numbers and a looked-up row, with weight decay.

    Initial values do not depend on random seeds.
    """

    batch_size = None
    use_resource = False

    def __init__(self, make_optimizer):
        super().__init__()
        self.make_optimizer = make_optimizer

    def inputs(self):
        return [tf.TensorSpec((self.batch_size, 3), tf.float32, "x"), tf.TensorSpec((self.batch_size,), tf.int32, "key"),
                tf.TensorSpec((self.batch_size,), tf.float32, "y")]

    def build_graph(self, x, key, y):
        with tf.variable_scope(tf.get_variable_scope(), use_resource=self.use_resource, auxiliary_name_scope=False):
            table = tf.get_variable("table", [6, 2], initializer=pattern)
            x = tf.concat([x, tf.nn.embedding_lookup(table, key)], 1)
            x = FullyConnected("hidden", x, 4, activation=tf.nn.tanh, kernel_initializer=pattern)
            prediction = tf.identity(FullyConnected("out", x, 1, kernel_initializer=pattern)[:, 0], name="prediction")
        cost = tf.reduce_mean(tf.square(prediction - y), name="cost")
        return tf.add(cost, regularize_cost("W", l2_regularizer(0.1)), name="total")

    def optimizer(self):
        return self.make_optimizer()


def pattern(shape, dtype=None, partition_info=None):
    return tf.constant(np.sin(1 + np.arange(np.prod(shape))).reshape(shape), dtype=dtype or tf.float32)


def batches(num, size=8):
    rng = np.random.RandomState(0)
    return [[rng.rand(size, 3).astype("float32"), rng.randint(0, 6, size).astype("int32"), rng.rand(size).astype("float32")]
            for _ in range(num)]


def in_parts(datapoints, num):
    """Each batch as `num` smaller ones, for as many towers."""
    return [[component[k::num] for component in datapoint] for datapoint in datapoints for k in range(num)]


class Final(Callback):
    """The variables at the end of training, by name: global ones, local ones."""

    def _after_train(self):
        self.saved, self.local = [
            dict(zip([v.op.name for v in variables], self.trainer.sess.run(variables)))
            for variables in (tf.global_variables(), tf.local_variables())]


def run(trainer, model, datapoints, steps, callbacks=(), epochs=1, **kwargs):
    """Train; the Final callback."""
    final = Final()
    launch_train_with_config(TrainConfig(
        model=model, data=QueueInput(DataFromList(datapoints, shuffle=False)), steps_per_epoch=steps // epochs,
        max_epoch=kwargs.pop("max_epoch", epochs), callbacks=list(callbacks) + [final], monitors=kwargs.pop("monitors", []),
        extra_callbacks=kwargs.pop("extra_callbacks", [RunUpdateOps()]), **kwargs), trainer)
    return final


def run_in_new_graph(make_trainer, model, *args, **kwargs):
    with tf.Graph().as_default():
        return run(make_trainer(), model, *args, **kwargs)


def assert_equal_values(got, expected, **tolerance):
    assert sorted(got) == sorted(expected)
    tolerance = dict(dict(rtol=1e-5, atol=1e-6), **tolerance)
    for name, value in expected.items():
        np.testing.assert_allclose(got[name], value, err_msg=name, **tolerance)
