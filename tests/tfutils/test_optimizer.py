"""Optimizers around another one: when they update, with what, and under which names."""
import logging

import numpy as np
import pytest
from linear_training import BATCHES_PER_EPOCH, batch, gradient, train_linear

from tensorpack.compat import tfv1 as tf
from tensorpack.tfutils.gradproc import FilterNoneGrad, GradientProcessor, MapGradient, ScaleGradient
from tensorpack.tfutils.optimizer import (
    AccumGradOptimizer,
    LossScaleOptimizer,
    PostProcessOptimizer,
    ProxyOptimizer,
    VariableAssignmentOptimizer,
    apply_grad_processors,
)
from tensorpack.tfutils.varreplace import custom_getter_scope


@pytest.fixture(params=[False, True], ids=["ref", "resource"])
def resource(request):
    """Variables of the test are of this kind, those of optimizers too."""
    with tf.variable_scope(tf.get_variable_scope(), use_resource=request.param):
        yield request.param


def weights(value=(1.0, 2.0), name="W"):
    return tf.get_variable(name, initializer=np.array(value, "float32"))


def names(variables):
    return sorted(v.op.name for v in variables)


def variable(name):
    return next(v for v in tf.global_variables() if v.op.name == name)


def globals_of_graph():
    return names(tf.global_variables())


def initialised():
    sess = tf.Session()
    sess.run(tf.global_variables_initializer())
    return sess


SGD = tf.train.GradientDescentOptimizer


# ------------------------------------------------------------------------------------------------ proxies


def test_a_proxy_is_its_inner_optimizer(resource):
    inner = tf.train.MomentumOptimizer(0.5, 0.9)
    proxy = ProxyOptimizer(inner)
    w = weights()
    pairs = proxy.compute_gradients(tf.reduce_sum(w))
    train_op = proxy.apply_gradients(pairs, name="train")
    assert isinstance(proxy, tf.train.Optimizer) and proxy.get_name() == "ProxyOptimizer"
    assert train_op.name == "train"
    assert proxy.get_slot_names() == ["momentum"]
    assert proxy.get_slot(w, "momentum") is inner.get_slot(w, "momentum") is not None
    assert names(proxy.variables()) == ["W/Momentum"]
    assert globals_of_graph() == ["W", "W/Momentum"]


def test_proxies_of_adam_list_its_variables(resource):
    opt = apply_grad_processors(PostProcessOptimizer(tf.train.AdamOptimizer(), lambda v: None), [FilterNoneGrad()])
    opt.minimize(tf.reduce_sum(weights()))
    assert names(opt.variables()) == ["W/Adam", "W/Adam_1", "beta1_power", "beta2_power"]


@pytest.mark.parametrize("make", [ProxyOptimizer, lambda opt: apply_grad_processors(opt, []),
                                  lambda opt: AccumGradOptimizer(opt, 2), LossScaleOptimizer],
                         ids=["proxy", "processors", "accum", "scale"])
@pytest.mark.parametrize("opt", [None, "sgd", SGD], ids=["none", "str", "class"])
def test_only_optimizers_can_be_wrapped(make, opt):
    with pytest.raises(TypeError, match="tf.train.Optimizer"):
        make(opt)


class Recorder(GradientProcessor):
    def __init__(self, name, log):
        self.name, self.log = name, log

    def _process(self, grads):
        self.log.append(self.name)
        return grads


def test_processors_run_in_order_in_each_apply(resource):
    log = []
    opt = apply_grad_processors(tf.train.MomentumOptimizer(1.0, 0.0),
                                [Recorder("first", log), MapGradient(lambda g: g * 2), Recorder("second", log)])
    w = weights()
    step = tf.train.get_or_create_global_step()
    pairs = opt.compute_gradients(tf.reduce_sum(w))
    assert log == []
    train_op = opt.apply_gradients(pairs, step, "train")
    assert log == ["first", "second"] and opt.get_slot(w, "momentum").op.name == "W/Momentum"
    with initialised() as sess:
        sess.run(train_op)
        assert sess.run(w).tolist() == [-1, 0] and sess.run(step) == 1
    assert train_op.name == "train"


@pytest.mark.parametrize("processors", [FilterNoneGrad(), [lambda g: g], {FilterNoneGrad()}], ids=["one", "function", "set"])
def test_processors_are_a_list_of_processors(processors):
    with pytest.raises(TypeError, match="GradientProcessor"):
        apply_grad_processors(SGD(1.0), processors)


def test_an_update_of_nothing_is_an_error():
    opt = apply_grad_processors(SGD(1.0), [ScaleGradient((".*", 0))])
    with pytest.raises(ValueError):
        opt.minimize(tf.reduce_sum(weights()))


# ------------------------------------------------------------------------------------------------ after the update


@pytest.mark.parametrize("colocate", [True, False])
def test_post_processing_sees_updated_variables(resource, colocate):
    w, other = weights(), weights(name="other")
    seen = tf.get_variable("seen", initializer=[0.0, 0.0], trainable=False)
    opt = PostProcessOptimizer(
        SGD(1.0), lambda v: seen.assign(v.read_value() * 10, read_value=False) if v is w else None, colocate=colocate)
    step = tf.train.get_or_create_global_step()
    train_op = opt.apply_gradients(opt.compute_gradients(tf.reduce_sum(w) + tf.reduce_sum(other)), step, name="train")
    assert isinstance(train_op, tf.Operation) and train_op.name == "train"
    with initialised() as sess:
        for expected in ([0, 10], [-10, 0], [-20, -10]):
            sess.run(train_op)
            assert sess.run(seen).tolist() == expected
        assert sess.run([w, other])[1].tolist() == [-2, -1] and sess.run(step) == 3


@pytest.mark.parametrize("colocate", [True, False])
def test_post_processing_is_placed_with_its_variable_when_asked(resource, colocate):
    made = []
    w = weights()

    def func(variable):
        made.append(tf.no_op())
        return made[-1]

    PostProcessOptimizer(SGD(1.0), func, colocate=colocate).minimize(tf.reduce_sum(w))
    assert (b"loc:@W" in made[0].colocation_groups()) is colocate


@pytest.mark.parametrize("result", [lambda v: v.read_value(), lambda v: 1], ids=["tensor", "number"])
def test_post_processing_returns_an_operation(result):
    with pytest.raises(TypeError, match="PostProcessOptimizer.*Operation.*W"):
        PostProcessOptimizer(SGD(1.0), result).minimize(tf.reduce_sum(weights()))


def test_assignment_after_the_update(resource):
    w, free = weights(), weights(name="free")
    opt = VariableAssignmentOptimizer(
        SGD(1.0), lambda v: tf.clip_by_value(v, -0.5, 0.5) if v is w else None)
    train_op = opt.minimize(tf.reduce_sum(w) + tf.reduce_sum(free))
    with initialised() as sess:
        for expected in ([0, 0.5], [-0.5, -0.5]):
            sess.run(train_op)
            assert sess.run(w).tolist() == expected
        assert sess.run(free).tolist() == [-1, 0]


def test_assignments_nest(resource):
    w = weights()
    opt = VariableAssignmentOptimizer(VariableAssignmentOptimizer(SGD(1.0), lambda v: v * 10), lambda v: v + 1)
    train_op = opt.minimize(tf.reduce_sum(w))
    with initialised() as sess:
        sess.run(train_op)
        assert sess.run(w).tolist() == [1, 11]
        sess.run(train_op)
        assert sess.run(w).tolist() == [1, 101]


def test_assignment_needs_a_tensor():
    with pytest.raises(TypeError, match="VariableAssignmentOptimizer.*tensor.*W"):
        VariableAssignmentOptimizer(SGD(1.0), lambda v: "x").minimize(tf.reduce_sum(weights()))


# ------------------------------------------------------------------------------------------------ accumulation


def accum_step(opt, w, **kwargs):
    """A placeholder for the gradient of w, and the operation of one step."""
    grad = tf.placeholder(tf.float32, w.shape, "grad")
    return grad, opt.apply_gradients([(grad, w)], **kwargs)


@pytest.mark.parametrize("niter", [1, 2, 3, 5])
def test_updates_come_exactly_at_multiples_with_the_summed_gradients(resource, niter):
    w = weights([0.0, 0.0])
    grad, train_op = accum_step(AccumGradOptimizer(SGD(1.0), niter), w)
    expected, total = np.zeros(2), np.zeros(2)
    with initialised() as sess:
        for call in range(1, 3 * niter + 2):
            value = np.array([call, 10.0 * call])
            total += value
            if call % niter == 0:
                expected, total = expected - total, np.zeros(2)
            sess.run(train_op, {grad: value})
            assert sess.run(w).tolist() == expected.tolist(), call
            assert sess.run(variable("W/AccumGrad")).tolist() == total.tolist(), call
            assert sess.run(variable("AccumGrad/counter")) == call


def test_the_decision_waits_for_the_counter_and_the_sums(resource):
    """A race would show rarely; the graph shows whether there can be one."""
    accum_step(AccumGradOptimizer(SGD(1.0), 2), weights())
    graph = tf.get_default_graph()
    predicate = graph.get_operation_by_name("AccumGradOptimizer/cond/pred_id")
    ancestors, queue = set(), [predicate]
    while queue:
        op = queue.pop()
        if op not in ancestors:
            ancestors.add(op)
            queue += [x.op for x in op.inputs] + list(op.control_inputs)
    adds = [op for op in graph.get_operations() if op.type in ("AssignAdd", "AssignAddVariableOp")]
    assert len(adds) == 2 and set(adds) <= ancestors


ADAPTIVE = {"sgd": lambda: SGD(0.1), "momentum": lambda: tf.train.MomentumOptimizer(0.1, 0.9),
            "adam": lambda: tf.train.AdamOptimizer(0.1)}


@pytest.mark.parametrize("make", list(ADAPTIVE.values()), ids=list(ADAPTIVE))
@pytest.mark.parametrize("niter", [2, 4])
def test_steps_equal_those_of_the_large_batch(resource, make, niter):
    data = [batch(index) for index in range(2 * niter)]

    def train(opt, batches, divisor):
        with tf.Graph().as_default(), tf.variable_scope(tf.get_variable_scope(), use_resource=resource):
            x, y = tf.placeholder(tf.float32, [None, 3]), tf.placeholder(tf.float32, [None])
            w = tf.get_variable("W", initializer=np.full((3, 1), 0.3, "float32"))
            loss = tf.reduce_mean(tf.square(tf.matmul(x, w)[:, 0] - y)) / divisor
            train_op = opt.minimize(loss)
            with initialised() as sess:
                for inputs, targets in batches:
                    sess.run(train_op, {x: inputs, y: targets})
                return sess.run(w)

    large = [tuple(map(np.concatenate, zip(*data[i:i + niter]))) for i in (0, niter)]
    accumulated = train(AccumGradOptimizer(make(), niter), data, niter)
    np.testing.assert_allclose(accumulated, train(make(), large, 1), atol=1e-6, rtol=0)
    assert np.abs(accumulated - 0.3).max() > 1e-3


def test_names_kinds_and_devices_of_what_is_made(resource):
    w = weights()
    opt = AccumGradOptimizer(tf.train.AdamOptimizer(), 2)
    _, train_op = accum_step(opt, w)
    assert train_op.name == "AccumGradOptimizer/cond_update_grad"
    own = ["AccumGrad/counter", "AccumGradOptimizer/cond/beta1_power", "AccumGradOptimizer/cond/beta2_power", "W/AccumGrad",
           "W/Adam", "W/Adam_1"]
    assert globals_of_graph() == ["AccumGrad/counter", "AccumGradOptimizer/cond/beta1_power",
                                  "AccumGradOptimizer/cond/beta2_power", "W", "W/AccumGrad", "W/Adam", "W/Adam_1"]
    assert names(opt.variables()) == own
    assert names(tf.trainable_variables()) == ["W"]
    counter = variable("AccumGrad/counter")
    assert counter.dtype.base_dtype == tf.int32 and counter.device == "/device:CPU:0" and counter.shape.as_list() == []
    made = [op.name for op in tf.get_default_graph().get_operations() if op.type in ("AssignAdd", "AssignAddVariableOp")]
    assert made and all(name.startswith("AccumGradOptimizer/") for name in made)
    assert opt.get_slot(w, "m").op.name == "W/Adam"


def test_the_step_can_be_named():
    _, train_op = accum_step(AccumGradOptimizer(SGD(1.0), 2), weights(), name="train")
    assert train_op.name == "AccumGradOptimizer/train"


def test_the_global_step_counts_every_call(resource):
    step = tf.train.get_or_create_global_step()
    grad, train_op = accum_step(AccumGradOptimizer(SGD(1.0), 2), weights(), global_step=step)
    with initialised() as sess:
        for call in (1, 2, 3):
            sess.run(train_op, {grad: [1, 1]})
            assert sess.run(step) == call


def test_pairs_without_gradient_are_dropped_with_a_warning(resource, log_records):
    w, idle = weights(), weights(name="idle")
    opt = AccumGradOptimizer(SGD(1.0), 2)
    train_op = opt.apply_gradients([(tf.constant([1.0, 1.0]), w), (None, idle)])
    message, = [r.getMessage() for r in log_records if r.levelno == logging.WARNING]
    assert "idle" in message and "idle/AccumGrad" not in globals_of_graph()
    with initialised() as sess:
        sess.run(train_op)
        sess.run(train_op)
        assert sess.run([w, idle])[0].tolist() == [-1, 0]
    with pytest.raises(ValueError, match="gradient"):
        opt.apply_gradients([(None, w)])


def test_slices_are_summed_densely(resource):
    table = tf.get_variable("table", initializer=np.zeros((4, 2), "float32"))
    ids = tf.placeholder(tf.int32, [None])
    train_op = AccumGradOptimizer(SGD(1.0), 2).minimize(tf.reduce_sum(tf.gather(table, ids)))
    with initialised() as sess:
        sess.run(train_op, {ids: [1, 1, 3]})
        assert not sess.run(table).any()
        sess.run(train_op, {ids: [0, 1]})
        assert sess.run(table)[:, 0].tolist() == [-1, -3, 0, -1]


def test_each_apply_counts_for_itself(resource):
    """As in replicated training, where each tower applies gradients to its own variables."""
    a, b = weights([0.0], "a"), weights([0.0], "b")
    opt = AccumGradOptimizer(SGD(1.0), 2)
    train_op = tf.group(*[opt.apply_gradients([(tf.constant([1.0]), v)]) for v in (a, b)])
    assert "AccumGrad/counter" in globals_of_graph() and "AccumGrad_1/counter" in globals_of_graph()
    with initialised() as sess:
        for expected in (0, -2, -2, -4):
            sess.run(train_op)
            assert [float(x[0]) for x in sess.run([a, b])] == [expected, expected]


def test_training_with_accumulation():
    weights_after_steps, _ = train_linear(lambda: AccumGradOptimizer(SGD(0.02), 4))
    assert len(weights_after_steps) == 2 * BATCHES_PER_EPOCH
    expected, total = np.zeros((3, 1)), np.zeros((3, 1))
    for step, seen in enumerate(weights_after_steps):
        total += gradient(expected, *batch(step % BATCHES_PER_EPOCH))
        if step % 4 == 3:
            expected, total = expected - 0.02 * total, np.zeros((3, 1))
        np.testing.assert_allclose(seen, expected, atol=1e-6)
    assert np.abs(expected).max() > 0.1


# ------------------------------------------------------------------------------------------------ float16


def test_gradients_are_those_of_the_unscaled_loss(resource):
    w = weights()
    opt = LossScaleOptimizer(SGD(1.0), initial_scale=1024)
    (grad, variable), = opt.compute_gradients(tf.reduce_sum(tf.square(w)))
    assert variable is w
    with initialised() as sess:
        assert sess.run(grad).tolist() == [2, 4]


def test_small_gradients_survive_float16(resource):
    """The recipe: variables are float32, a custom getter gives the model their float16 values."""
    def half(getter, *args, **kwargs):
        return tf.cast(getter(*args, **kwargs), tf.float16)

    with custom_getter_scope(half):
        w = tf.get_variable("W", initializer=np.array([1.0], "float32"))
    assert w.dtype == tf.float16
    loss = tf.reduce_sum(tf.cast(w * tf.constant(1e-4, tf.float16), tf.float32)) * 1e-5
    plain = SGD(1.0).compute_gradients(loss)[0][0]
    scaled = LossScaleOptimizer(SGD(1.0)).compute_gradients(loss)[0][0]
    with initialised() as sess:
        assert sess.run(plain)[0] == 0
        assert sess.run(scaled)[0] == pytest.approx(1e-9, rel=1e-2)


def test_a_step_that_overflows_is_skipped_and_halves_the_scale(resource):
    w = weights()
    step = tf.train.get_or_create_global_step()
    opt = LossScaleOptimizer(tf.train.MomentumOptimizer(1.0, 0.5), initial_scale=2, growth_steps=2)
    grad = tf.placeholder(tf.float32, [2])
    train_op = opt.apply_gradients([(grad, w)], step)
    assert train_op.name == "LossScaleOptimizer/update"
    assert names(opt.variables()) == ["LossScale/good_steps", "LossScale/scale", "W/Momentum"]
    inf, nan = float("inf"), float("nan")
    table = [  # gradient, weights, scale, good steps, global step
        ([1, 1], [0, 1], 2, 1, 1), ([0, inf], [0, 1], 1, 0, 1), ([nan, 0], [0, 1], 1, 0, 1), ([0, 0], [-0.5, 0.5], 1, 1, 2),
        ([0, 0], [-0.75, 0.25], 2, 0, 3)]
    with initialised() as sess:
        for value, *expected in table:
            sess.run(train_op, {grad: value})
            got = sess.run([w, variable("LossScale/scale"), variable("LossScale/good_steps"), step])
            assert [got[0].tolist()] + [float(x) for x in got[1:]] == expected


def test_scaled_training_of_a_lookup(resource):
    table = tf.get_variable("table", initializer=np.zeros((4, 2), "float32"))
    train_op = LossScaleOptimizer(SGD(1.0)).minimize(tf.reduce_sum(tf.gather(table, [1, 1, 3])))
    with initialised() as sess:
        sess.run(train_op)
        assert sess.run(table)[:, 0].tolist() == [0, -2, 0, -1]


def test_accumulation_and_loss_scale_compose(resource):
    w = weights([0.0, 0.0])
    opt = AccumGradOptimizer(LossScaleOptimizer(tf.train.AdamOptimizer(0.1)), 2)
    train_op = opt.minimize(tf.reduce_sum(w))
    with initialised() as sess:
        sess.run(train_op)
        assert sess.run(w).tolist() == [0, 0]
        sess.run(train_op)
        np.testing.assert_allclose(sess.run(w), [-0.1, -0.1], rtol=1e-4)


def test_loss_scale_needs_a_gradient():
    with pytest.raises(ValueError, match="gradient"):
        LossScaleOptimizer(SGD(1.0)).apply_gradients([(None, weights())])


@pytest.mark.parametrize("make, multipliers, is_vain", [
    (lambda: tf.train.AdamOptimizer(1e-3), [("W", .1)], True),
    (lambda: tf.train.RMSPropOptimizer(1e-3), ("W", 10), True),
    (lambda: ProxyOptimizer(LossScaleOptimizer(tf.train.AdagradOptimizer(1e-3))), [("W", .1)], True),
    (lambda: type("OwnOptimizer", (tf.train.AdamOptimizer,), {})(1e-3), [("b", 0), ("W", .1)], True),
    (lambda: tf.train.AdamOptimizer(1e-3), [("W", 0), ("b", 1)], False),
    (lambda: tf.train.AdamOptimizer(1e-3), [], False),
    (lambda: tf.train.MomentumOptimizer(1e-3, .9), [("W", .1)], False),
    (lambda: tf.train.FtrlOptimizer(1e-3), [("W", .1)], False),
    (lambda: tf.train.GradientDescentOptimizer(1e-3), [("W", .1)], False)])
def test_multiples_that_make_no_difference_are_warned_of(make, multipliers, is_vain, log_records):
    apply_grad_processors(make(), [ScaleGradient(multipliers)])
    texts = [record.getMessage() for record in log_records if record.levelno == logging.WARNING]
    assert len(texts) == is_vain and all("make hardly any difference" in text for text in texts)


def test_multiples_make_no_difference_to_adam():
    """What the warning says."""
    moved = []
    for processors in ([], [ScaleGradient(("W", .01))]):
        with tf.Graph().as_default(), tf.Session() as sess:
            variable = weights()
            optimizer = apply_grad_processors(tf.train.AdamOptimizer(.1), processors)
            update = optimizer.minimize(tf.reduce_sum(tf.square(variable)))
            sess.run(tf.global_variables_initializer())
            for _ in range(3):
                sess.run(update)
            moved.append(sess.run(variable))
    np.testing.assert_allclose(*moved, rtol=1e-3)
