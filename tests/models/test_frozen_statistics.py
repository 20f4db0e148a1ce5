"""freeze_variables(freeze_statistics=True): layers inside keep their averages, and compute what they do at inference."""
import layer_reference as ref
import numpy as np
import pytest

from tensorpack.compat import tfv1 as tf
from tensorpack.models import BatchNorm, BatchRenorm, BNReLU, Conv2D
from tensorpack.tfutils.tower import TrainTowerContext
from tensorpack.tfutils.varreplace import freeze_variables

LAYERS = {
    "BatchNorm": lambda x: BatchNorm("l", x),
    "BatchNorm-2d": lambda x: BatchNorm("l", tf.reduce_mean(x, [1, 2])),
    "BatchNorm-internal": lambda x: BatchNorm("l", x, ema_update="internal"),
    "BatchNorm-virtual": lambda x: BatchNorm("l", x, virtual_batch_size=2, ema_update="internal"),
    "BatchNorm-sync": lambda x: BatchNorm("l", x, sync_statistics="nccl", ema_update="internal"),
    "BatchRenorm": lambda x: BatchRenorm("l", x, rmax=2, dmax=1),
    "BNReLU": lambda x: BNReLU("l", x),
    "Conv2D": lambda x: Conv2D("l", x, 3, 3, activation=BNReLU),
}
ALL = pytest.mark.parametrize("name", sorted(LAYERS))


def statistics():
    return [variable for variable in tf.global_variables() if not variable.op.name.endswith(("gamma", "beta", "/W", "/b"))]


def build(make, **kwargs):
    """The layer in a training and in an inference tower."""
    x = tf.placeholder(tf.float32, [4, 5, 5, 3])
    with TrainTowerContext("", index=0, total=1), freeze_variables(freeze_statistics=True, **kwargs):
        training = make(x)
    with tf.variable_scope(tf.get_variable_scope(), reuse=True), ref.inference_tower("inference"):
        inference = make(x)
    return x, training, inference


@ALL
@pytest.mark.parametrize("kwargs", [{}, {"stop_gradient": False, "skip_collection": True}], ids=["gradient", "collection"])
def test_averages_stay_and_training_computes_what_inference_does(name, kwargs):
    x, training, inference = build(LAYERS[name], **kwargs)
    assert not tf.get_collection(tf.GraphKeys.UPDATE_OPS)
    averages = statistics()
    assert averages and set(averages) <= set(tf.get_collection(tf.GraphKeys.MODEL_VARIABLES))
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        before = sess.run(averages)
        for seed in range(3):
            got, expected = sess.run([training, inference], {x: 5 * ref.random_array(4, 5, 5, 3, seed=seed) + 3})
            np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-4)
        np.testing.assert_array_equal(sess.run(averages), before)


@ALL
def test_gradients_go_through(name):
    x, training, inference = build(LAYERS[name])
    gradients = [tf.gradients(tf.reduce_sum(tf.square(y)), x)[0] for y in (training, inference)]
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        got, expected = sess.run(gradients, {x: ref.random_array(4, 5, 5, 3)})
    np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-4)
    assert np.abs(got).max() > 0


def test_without_it_parameters_stay_and_averages_move(log_records):
    with TrainTowerContext("", index=0, total=1), freeze_variables():
        for name in "ab":
            BatchNorm(name, tf.zeros([4, 3]))
    assert len(tf.get_collection(tf.GraphKeys.UPDATE_OPS)) == 4
    (line,) = [r.getMessage() for r in log_records if "freeze_statistics=True" in r.getMessage()]
    assert "BatchNorm" in line


def test_outside_of_it_averages_move(log_records):
    x = tf.zeros([4, 3])
    with TrainTowerContext("", index=0, total=1):
        with freeze_variables(freeze_statistics=True):
            BatchNorm("frozen", x)
            with freeze_variables():  # one inside does not thaw
                BatchNorm("inner", x)
        BatchNorm("free", x)
    assert [update.inputs[0].op.name.split("/")[0] for update in tf.get_collection(tf.GraphKeys.UPDATE_OPS)] == ["free"] * 2
    assert not [r for r in log_records if "freeze_statistics" in r.getMessage()]


def test_it_ends_with_an_error():
    with pytest.raises(RuntimeError, match="mine"):
        with freeze_variables(freeze_statistics=True):
            raise RuntimeError("mine")
    with TrainTowerContext("", index=0, total=1):
        BatchNorm("free", tf.zeros([4, 3]))
    assert len(tf.get_collection(tf.GraphKeys.UPDATE_OPS)) == 2


@pytest.mark.parametrize("ema_update", ["default", "internal"])
def test_who_asks_for_statistics_of_the_batch_gets_them_and_averages_stay(ema_update):
    x = tf.placeholder(tf.float32, [64, 3])
    with TrainTowerContext("", index=0, total=1), freeze_variables(freeze_statistics=True):
        y = BatchNorm("l", x, training=True, ema_update=ema_update)
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        before = sess.run(statistics())
        got = sess.run(y, {x: 5 * ref.random_array(64, 3) + 3})
        np.testing.assert_allclose(got.mean(axis=0), 0, atol=1e-4)
        np.testing.assert_array_equal(sess.run(statistics()), before)


def test_updates_of_other_layers_inside_are_left_out():
    """As those of tf.layers, or of layers of one's own."""
    def own_layer(name):
        variable = tf.get_variable(name, [], trainable=False)
        tf.add_to_collection(tf.GraphKeys.UPDATE_OPS, tf.assign_add(variable, 1).op)

    with TrainTowerContext("", index=0, total=1):
        own_layer("before")
        with freeze_variables(freeze_statistics=True):
            own_layer("frozen")
        own_layer("after")
    assert [update.inputs[0].op.name for update in tf.get_collection(tf.GraphKeys.UPDATE_OPS)] == ["before", "after"]


def test_the_variables_are_those_of_a_layer_that_is_not_frozen():
    names = []
    for frozen in (False, True):
        with tf.Graph().as_default(), TrainTowerContext("", index=0, total=1):
            with freeze_variables(freeze_statistics=frozen):
                BatchNorm("l", tf.zeros([4, 5, 5, 3]))
            names.append(sorted(v.op.name for v in tf.global_variables()))
    assert names[0] == names[1]
