"""BatchNorm: numbers of all paths against numpy, moving averages, collections, re-use, towers."""
import layer_reference as ref
import numpy as np
import pytest

from tensorpack.compat import tfv1 as tf
from tensorpack.models import BatchNorm
from tensorpack.tfutils.argscope import argscope
from tensorpack.tfutils.tower import TowerContext, TrainTowerContext
from tensorpack.tfutils.varreplace import freeze_variables
from tensorpack.utils import argtools

FUSED_EPSILON = 1.001e-5


@pytest.fixture(autouse=True)
def nothing_logged_before(monkeypatch):
    monkeypatch.setattr(argtools, "_LOGGED", set())


def make(shape, dtype="float32", tower=None, **kwargs):
    placeholder = tf.placeholder(dtype, (None,) + tuple(shape[1:]))
    with tower or ref.training_tower():
        return placeholder, BatchNorm("bn", placeholder, **kwargs)


def moving_statistics(sess):
    return sess.run(["bn/mean/EMA:0", "bn/variance/EMA:0"])


LAYOUTS = {
    "2d": dict(shape=(6, 3), axes=(0,)),
    "nhwc": dict(shape=(4, 3, 5, 2), axes=(0, 1, 2)),
    "nchw": dict(shape=(4, 3, 5, 2), axes=(0, 1, 2), data_format="NCHW"),
    "axis-1": dict(shape=(4, 3, 5, 2), axes=(0, 1, 2), axis=1),
}
IDS = sorted(LAYOUTS)


def layout(case):
    """Input as NHWC, function to and from the case's format, reduced axes, arguments."""
    options = dict(LAYOUTS[case])
    shape, axes = options.pop("shape"), options.pop("axes")
    forward, back = (ref.to_nchw, ref.to_nhwc) if case in ("nchw", "axis-1") else (np.array, np.array)
    return 2 * ref.random_array(*shape) + 3, forward, back, axes, options


@pytest.mark.parametrize("center,scale", [(True, True), (True, False), (False, True), (False, False)])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("case", IDS)
def test_training_uses_and_averages_the_statistics_of_the_batch(case, dtype, center, scale):
    x, forward, back, axes, options = layout(case)
    placeholder, y = make(forward(x).shape, dtype, epsilon=1e-3, momentum=0.8, center=center, scale=scale, **options)
    with tf.Session() as sess:
        values = ref.randomize(sess)
        got = sess.run(y, {placeholder: forward(x)})
        np.testing.assert_array_equal(moving_statistics(sess), [[0] * x.shape[-1], [1] * x.shape[-1]])
        sess.run(tf.get_collection(tf.GraphKeys.UPDATE_OPS), {placeholder: forward(x)})
        mean, variance = moving_statistics(sess)
    assert set(values) == ({"bn/beta"} if center else set()) | ({"bn/gamma"} if scale else set())
    expected = ref.normalize(x, axes, values.get("bn/gamma", 1), values.get("bn/beta", 0), 1e-3)
    np.testing.assert_allclose(back(got), expected, rtol=1e-3, atol=1e-4)
    count = x.size // x.shape[-1]
    bessel = 1.0 if case == "2d" else count / (count - 1.0)
    np.testing.assert_allclose(mean, 0.2 * x.mean(axis=axes), rtol=1e-4)
    np.testing.assert_allclose(variance, 0.8 + 0.2 * bessel * x.var(axis=axes), rtol=1e-4)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("case", IDS)
def test_inference_uses_the_moving_averages(case, dtype):
    x, forward, back, axes, options = layout(case)
    placeholder, y = make(forward(x).shape, dtype, ref.inference_tower(), epsilon=1e-3, **options)
    mean, variance = np.arange(1.0, x.shape[-1] + 1), np.arange(2.0, x.shape[-1] + 2)
    with tf.Session() as sess:
        values = ref.randomize(sess)
        y.variables.mean.load(mean, sess)
        y.variables.variance.load(variance, sess)
        got = sess.run(y, {placeholder: forward(x)})
    expected = ref.normalize(x, axes, values["bn/gamma"], values["bn/beta"], 1e-3, mean, variance)
    np.testing.assert_allclose(back(got), expected, rtol=1e-4, atol=1e-4)
    assert tf.get_collection(tf.GraphKeys.UPDATE_OPS) == []


@pytest.mark.parametrize("is_training", [True, False])
def test_fused_epsilon_is_at_least_what_all_kernels_take(is_training):
    x = 1e-3 * ref.random_array(4, 3, 5, 2)
    placeholder, y = make(x.shape, tower=TowerContext("", is_training), epsilon=1e-8)
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        y.variables.variance.load([1e-6, 1e-6], sess)
        got = sess.run(y, {placeholder: x})
    statistics = {} if is_training else dict(mean=0, variance=1e-6)
    np.testing.assert_allclose(got, ref.normalize(x, (0, 1, 2), 1, 0, FUSED_EPSILON, **statistics), rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("case", ["2d", "nhwc"])
def test_half_precision_input_keeps_single_precision_variables(case):
    x, forward, back, axes, options = layout(case)
    x = x.astype("float16")
    placeholder, y = make(x.shape, "float16", **options)
    assert y.dtype == tf.float16
    assert {v.dtype.base_dtype for v in tf.global_variables()} == {tf.float32}
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        got = sess.run(y, {placeholder: x})
        sess.run(tf.get_collection(tf.GraphKeys.UPDATE_OPS), {placeholder: x})
        np.testing.assert_allclose(moving_statistics(sess)[0], 0.1 * x.astype("float64").mean(axis=axes), rtol=1e-3)
    np.testing.assert_allclose(got, ref.normalize(x, axes, 1, 0, FUSED_EPSILON), atol=5e-3)


@pytest.mark.parametrize("training", [True, False], ids=["batch", "moving"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("case", ["2d", "nhwc", "nchw"])
def test_gradients_equal_finite_differences(case, dtype, training):
    x, forward, _, _, options = layout(case)
    value = forward(x).astype(dtype)
    placeholder, y = make(value.shape, dtype, training=training, epsilon=1e-2, **options)
    with tf.Session() as sess:
        ref.randomize(sess)
        tolerance = 1e-2 if dtype == "float32" else 1e-4
        ref.check_gradients(sess, y, placeholder, value, epsilon=1e-2 if dtype == "float32" else 1e-4, tolerance=tolerance)


@pytest.mark.parametrize("is_training", [True, False])
def test_variables_are_the_same_in_both_modes(is_training):
    _, y = make((2, 3, 3, 4), tower=TowerContext("", is_training))
    assert ref.collection_names("variables") == ["bn/gamma", "bn/beta", "bn/mean/EMA", "bn/variance/EMA"]
    assert ref.collection_names("trainable_variables") == ["bn/gamma", "bn/beta"]
    assert ref.collection_names("model_variables") == (["bn/mean/EMA", "bn/variance/EMA"] if is_training else [])
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        values = sess.run(tf.global_variables())
    np.testing.assert_array_equal(values, [[1] * 4, [0] * 4, [0] * 4, [1] * 4])
    v = y.variables
    assert v.mean is v.moving_mean and v.variance is v.moving_variance
    assert [v.gamma, v.beta, v.mean, v.variance] == tf.global_variables()
    assert y.name == "bn/output:0"


def test_holder_lacks_what_does_not_exist():
    _, y = make((2, 4), center=False, scale=False)
    assert not hasattr(y.variables, "gamma") and not hasattr(y.variables, "beta")


@pytest.mark.parametrize("use_resource", [False, True], ids=["reference", "resource"])
@pytest.mark.parametrize("ema_update", ["default", "collection", "internal", "skip"])
@pytest.mark.parametrize("shape", [(4, 3), (4, 3, 3, 2)], ids=["2d", "4d"])
def test_when_the_averages_move(shape, ema_update, use_resource):
    x = ref.random_array(*shape) + 4
    with tf.variable_scope("", use_resource=use_resource):
        placeholder, y = make(shape, tower=TowerContext("", True), ema_update=ema_update)
    updates = tf.get_collection(tf.GraphKeys.UPDATE_OPS)
    by_collection = ema_update in ("default", "collection")
    assert len(updates) == (2 if by_collection else 0)
    axes = tuple(range(len(shape) - 1))

    def moved(sess):
        mean = moving_statistics(sess)[0] if not use_resource else sess.run(y.variables.mean)
        return np.allclose(mean, 0.1 * x.mean(axis=axes), rtol=1e-4)

    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        sess.run(y, {placeholder: x})
        assert moved(sess) == (ema_update == "internal")
        if by_collection:
            sess.run(updates, {placeholder: x})
            assert moved(sess)


AVERAGED = {  # dtype, options, whether the variance is the unbiased one
    "2d": ("float32", dict(), False),
    "2d-internal": ("float32", dict(ema_update="internal"), False),
    "2d-virtual": ("float32", dict(virtual_batch_size=3), False),
    "nchw": ("float32", dict(), True),
    "nchw-internal": ("float32", dict(ema_update="internal"), True),
    "nhwc": ("float32", dict(), True),
    "nhwc-float16": ("float16", dict(), True),
    "nhwc-float64": ("float64", dict(), True),
    "nhwc-sync": ("float32", dict(sync_statistics="nccl"), False),
    "nhwc-virtual": ("float32", dict(virtual_batch_size=2), False),
}


@pytest.mark.parametrize("case", sorted(AVERAGED))
def test_the_averages_follow_50_batches(case):
    """Virtual batches count by their first group."""
    dtype, more, bessel = AVERAGED[case]
    x, forward, _, axes, options = layout(case.split("-")[0])
    placeholder, y = make(forward(x).shape, dtype, momentum=0.93, **dict(options, **more))
    updates = tf.get_collection(tf.GraphKeys.UPDATE_OPS)
    mean, variance = np.zeros(x.shape[-1]), np.ones(x.shape[-1])
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        for step in range(50):
            batch = (x * (1 + step % 7) + np.sin(step)).astype(dtype)
            sess.run([y, updates], {placeholder: forward(batch)})
            seen = batch[:more.get("virtual_batch_size")].astype("float64")
            count = seen.size // seen.shape[-1]
            mean += 0.07 * (seen.mean(axis=axes) - mean)
            variance += 0.07 * (seen.var(axis=axes) * (count / (count - 1.0) if bessel else 1) - variance)
        got = moving_statistics(sess)
    np.testing.assert_allclose(got, [mean, variance], rtol=1e-10 if dtype == "float64" else 2e-5)


def test_update_operations_have_their_names():
    make((4, 3, 3, 2))
    assert ref.collection_names("update_ops") == ["bn/AssignMovingAvg", "bn/AssignMovingAvg_1"]


@pytest.mark.parametrize("ema_update,count", [("default", 6), ("internal", 0)])
def test_each_call_of_a_layer_updates_its_averages_which_are_model_variables_once(ema_update, count):
    x = tf.placeholder(tf.float32, [None, 3])
    with ref.training_tower():
        for _ in range(3):
            with tf.variable_scope("", reuse=tf.AUTO_REUSE):
                BatchNorm("bn", x, ema_update=ema_update)
    assert ref.collection_names("model_variables") == ["bn/mean/EMA", "bn/variance/EMA"]
    assert len(tf.get_collection(tf.GraphKeys.UPDATE_OPS)) == count


@pytest.mark.parametrize("ema_update", ["default", "internal"])
@pytest.mark.parametrize("use_resource", [False, True], ids=["reference", "resource"])
def test_the_averages_move_towards_the_inputs_of_all_calls(ema_update, use_resource):
    inputs = [ref.random_array(8, 3, seed=index) * (index + 1) + index for index in range(2)]
    with ref.training_tower(), tf.variable_scope("", reuse=tf.AUTO_REUSE, use_resource=use_resource):
        outputs = [BatchNorm("bn", tf.constant(x), momentum=0.999, ema_update=ema_update) for x in inputs]
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        sess.run([outputs, tf.get_collection(tf.GraphKeys.UPDATE_OPS)])
        mean, variance = sess.run([variable for variable in tf.global_variables() if variable.op.name.endswith("/EMA")])
    # one update may see what the other one has done, which is 1 / 1000 of it
    np.testing.assert_allclose(mean, 0.001 * sum(x.mean(axis=0) for x in inputs), rtol=2e-3, atol=2e-6)
    np.testing.assert_allclose(variance - 1, 0.001 * sum(x.var(axis=0) - 1 for x in inputs), rtol=2e-3, atol=2e-5)


def test_the_averages_are_model_variables_once_when_an_inference_tower_is_built_first():
    x, seen = tf.placeholder(tf.float32, [None, 3]), []
    for index, is_training in enumerate((False, True, False, True)):
        with tf.variable_scope("", reuse=index > 0), TowerContext("", is_training):
            BatchNorm("bn", x)
        seen.append(ref.collection_names("model_variables"))
    assert seen == [[]] + [["bn/mean/EMA", "bn/variance/EMA"]] * 3


def test_frozen_layers_are_model_variables_once():
    with freeze_variables(stop_gradient=False, skip_collection=True):
        make((4, 3))
    names = ref.collection_names("model_variables")
    assert sorted(names) == ["bn/beta", "bn/gamma", "bn/mean/EMA", "bn/variance/EMA"]


@pytest.mark.parametrize("ema_update,updates", [
    ("default", ["tower0/bn/AssignMovingAvg", "tower0/bn/AssignMovingAvg_1"]), ("internal", [])])
@pytest.mark.parametrize("replicated", [True, False], ids=["own-variables", "shared-variables"])
def test_only_the_main_training_tower_updates(replicated, ema_update, updates):
    x = tf.placeholder(tf.float32, [None, 3])
    for index in (0, 1):
        with tf.variable_scope(tf.get_variable_scope(), reuse=index > 0 and not replicated):
            name = "tower{}".format(index)
            with TrainTowerContext(name, vs_name=name if replicated and index else "", index=index, total=2):
                BatchNorm("bn", x, ema_update=ema_update)
    assert ref.collection_names("update_ops") == updates
    assert ref.collection_names("model_variables") == ["bn/mean/EMA", "bn/variance/EMA"]
    assert not any(name.startswith("tower1/bn/AssignMovingAvg") for name in ref.op_names())


def test_inference_with_batch_statistics_never_updates_by_collection():
    placeholder, y = make((4, 3), tower=ref.inference_tower(), training=True)
    assert tf.get_collection(tf.GraphKeys.UPDATE_OPS) == []
    x = ref.random_array(4, 3)
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        np.testing.assert_allclose(sess.run(y, {placeholder: x}), ref.normalize(x, (0,), 1, 0, 1e-5), atol=1e-4)


def test_internal_update_works_at_inference_too():
    placeholder, y = make((4, 3), tower=ref.inference_tower(), training=True, ema_update="internal")
    x = ref.random_array(4, 3)
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        sess.run(y, {placeholder: x})
        np.testing.assert_allclose(moving_statistics(sess)[0], 0.1 * x.mean(axis=0), rtol=1e-4, atol=1e-7)


def test_fixed_statistics_in_training_are_warned_of_once(log_records):
    with tf.Graph().as_default():
        make((4, 3), training=False)
    _, y = make((4, 3), training=False)
    assert [r.levelname for r in log_records] == ["WARNING"]
    assert tf.get_collection(tf.GraphKeys.UPDATE_OPS) == []
    assert None not in tf.gradients(y, tf.trainable_variables())


def test_old_argument_names():
    placeholder = tf.placeholder(tf.float32, [4, 3])
    with ref.inference_tower():
        y = BatchNorm("bn", placeholder, use_bias=False, gamma_init=tf.constant_initializer(2), decay=0.5,
                      use_local_stat=True, ema_update="internal")
        z = BatchNorm("n", placeholder, use_scale=False)
    assert ref.collection_names("trainable_variables") == ["bn/gamma", "n/beta"]
    x = ref.random_array(4, 3)
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        got = sess.run(y, {placeholder: x})
        np.testing.assert_allclose(moving_statistics(sess)[0], 0.5 * x.mean(axis=0), rtol=1e-4, atol=1e-7)
    np.testing.assert_allclose(got, ref.normalize(x, (0,), 2, 0, 1e-5), atol=1e-4)
    assert z.name == "n/output:0"


@pytest.mark.parametrize("shape,options,text", [
    ([2, 3, 4], dict(), "must be 2-D or 4-D"),
    ([2, 3], dict(axis=3), "axis must be 1 for 2-D"),
    ([2, 3, 3, 4], dict(axis=2), "axis must be 1 for 2-D input, 1 or 3 for 4-D input; got 2"),
    ([2, None], dict(), "channels must be known"),
    ([2, 3], dict(ema_update="sometimes"), "default, collection, internal, skip; got 'sometimes'"),
    ([2, 3], dict(sync_statistics="mpi"), "None, 'nccl' or 'horovod'; got 'mpi'"),
    ([2, 3], dict(sync_statistics="NCCL", virtual_batch_size=2), "give one of them"),
    ([5, 3], dict(virtual_batch_size=2), "multiple of it; got 5 samples"),
    ([2, 3], dict(data_format="channels"), "Unknown data_format"),
    ([2, 3], dict(decay=0.9, momentum=0.9), "'decay' is the old name of 'momentum'"),
], ids=["3d", "axis-2d", "axis-4d", "unknown", "ema", "sync", "both", "virtual", "format", "names"])
def test_wrong_arguments_are_refused(shape, options, text):
    with ref.training_tower(), pytest.raises(ValueError, match=text):
        BatchNorm("bn", tf.placeholder(tf.float32, shape), **options)


def test_training_must_be_a_python_bool():
    with ref.training_tower(), pytest.raises(ValueError, match="training must be None or a Python bool"):
        BatchNorm("bn", tf.placeholder(tf.float32, [2, 3]), training=tf.constant(True))


def test_a_tower_context_is_needed():
    with pytest.raises(RuntimeError, match="must be called inside a tower context"):
        BatchNorm("bn", tf.placeholder(tf.float32, [2, 3]))


def test_nothing_but_name_and_input_is_positional():
    with ref.training_tower(), pytest.raises(ValueError, match="positional"):
        BatchNorm("bn", tf.placeholder(tf.float32, [2, 3]), 1)


def test_argscope_data_format_reaches_the_layer():
    with argscope(BatchNorm, data_format="NCHW"):
        make((2, 3, 4, 4))
        assert tf.global_variables()[0].shape.as_list() == [3]


@pytest.mark.parametrize("dtype", ["float32", "float16"])
@pytest.mark.parametrize("case", IDS)
def test_virtual_batches_are_normalised_one_by_one(case, dtype):
    x, forward, back, axes, options = layout(case)
    x = x.astype(dtype)
    placeholder, y = make(forward(x).shape, dtype, virtual_batch_size=2, **options)
    assert ref.collection_names("variables") == ["bn/beta", "bn/gamma", "bn/mean/EMA", "bn/variance/EMA"]
    assert tf.get_collection(tf.GraphKeys.UPDATE_OPS) == []
    with tf.Session() as sess:
        values = ref.randomize(sess)
        got = sess.run(y, {placeholder: forward(x)})
        mean, variance = moving_statistics(sess)
        with pytest.raises(tf.errors.InvalidArgumentError):
            sess.run(y, {placeholder: forward(x)[:3]})
    expected = np.concatenate([ref.normalize(x[i:i + 2], axes, values["bn/gamma"], values["bn/beta"], 1e-5)
                               for i in range(0, len(x), 2)])
    tolerance = 1e-3 if dtype == "float32" else 2e-2
    np.testing.assert_allclose(back(got), expected, rtol=tolerance, atol=tolerance)
    first = x[:2].astype("float64")
    np.testing.assert_allclose(mean, 0.1 * first.mean(axis=axes), rtol=1e-3)
    np.testing.assert_allclose(variance, 0.9 + 0.1 * first.var(axis=axes), rtol=1e-3)
    assert y.shape.as_list() == [None] + list(forward(x).shape[1:])


def test_virtual_batches_are_ignored_at_inference():
    x = ref.random_array(5, 3)
    placeholder, y = make(x.shape, tower=ref.inference_tower(), virtual_batch_size=2)
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        np.testing.assert_allclose(sess.run(y, {placeholder: x}), x / np.sqrt(1 + 1e-5), rtol=1e-5)


def test_virtual_batches_can_skip_the_update():
    x = ref.random_array(4, 3)
    placeholder, y = make(x.shape, virtual_batch_size=2, ema_update="skip")
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        sess.run(y, {placeholder: x})
        assert not moving_statistics(sess)[0].any()
