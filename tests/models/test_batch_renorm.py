"""BatchRenorm against numpy, and against the layer of TensorFlow 1.15 where that exists."""
import layer_reference as ref
import numpy as np
import pytest

from tensorpack.compat import tfv1 as tf
from tensorpack.models import batch_norm
from tensorpack.models.batch_norm import BatchRenorm
from tensorpack.models.registry import get_registered_layer
from tensorpack.tfutils.tower import TowerContext, TrainTowerContext

LAYOUTS = {"2d": ((6, 3), "NHWC"), "nhwc": ((4, 3, 5, 2), "NHWC"), "nchw": ((4, 3, 5, 2), "NCHW")}
STATISTICS = ["moving_mean", "moving_variance", "moving_stddev", "renorm_mean", "renorm_stddev"]
EPSILON = 1e-3


class Reference:
    """The layer in float64, channels last."""

    def __init__(self, channels, rmax, dmax, momentum):
        self.rmax, self.dmax, self.momentum = rmax, dmax, momentum
        self.moving_mean, self.renorm_mean = np.zeros(channels), np.zeros(channels)
        self.moving_variance, self.moving_stddev, self.renorm_stddev = np.ones(channels), np.ones(channels), np.ones(channels)

    def train(self, x, gamma, beta):
        axes = tuple(range(x.ndim - 1))
        mean, stddev = x.mean(axis=axes), np.sqrt(x.var(axis=axes) + EPSILON)
        r = np.clip(stddev / self.renorm_stddev, 1.0 / self.rmax, self.rmax)
        d = np.clip((mean - self.renorm_mean) / self.renorm_stddev, -self.dmax, self.dmax)
        y = ((x - mean) / stddev * r + d) * gamma + beta
        self.renorm_mean += 0.01 * (mean - self.renorm_mean)
        self.renorm_stddev += 0.01 * (stddev - self.renorm_stddev)
        self.moving_mean += (1 - self.momentum) * (mean - self.moving_mean)
        self.moving_stddev += (1 - self.momentum) * (stddev - self.moving_stddev)
        self.moving_variance = self.moving_stddev ** 2 - EPSILON
        return y

    def infer(self, x, gamma, beta):
        return (x - self.moving_mean) / np.sqrt(self.moving_variance + EPSILON) * gamma + beta


def make(shape, dtype="float32", tower=None, **kwargs):
    placeholder = tf.placeholder(dtype, (None,) + tuple(shape[1:]))
    kwargs = dict(dict(rmax=1.5, dmax=0.5, epsilon=EPSILON), **kwargs)
    with tower or ref.training_tower():
        return placeholder, BatchRenorm("brn", placeholder, **kwargs)


def statistics(sess):
    return {name: sess.run("brn/{}:0".format(name)) for name in STATISTICS}


@pytest.mark.parametrize("use_resource", [False, True], ids=["reference", "resource"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("case", sorted(LAYOUTS))
def test_training_and_then_inference_equal_numpy(case, dtype, use_resource):
    shape, data_format = LAYOUTS[case]
    convert, back = (ref.to_nchw, ref.to_nhwc) if data_format == "NCHW" else (np.array, np.array)
    batches = [2 * ref.random_array(*shape, seed=i, dtype="float64") + i / 5.0 for i in range(20)]
    options = dict(momentum=0.8, data_format=data_format)
    with tf.variable_scope("", use_resource=use_resource):
        placeholder, y = make(convert(batches[0]).shape, dtype, **options)
    updates = tf.get_collection(tf.GraphKeys.UPDATE_OPS)
    with tf.variable_scope("", reuse=True):
        x, z = make(convert(batches[0]).shape, dtype, TowerContext("inference", is_training=False), **options)
    with tf.Session() as sess:
        values = ref.randomize(sess)
        reference = Reference(shape[-1], 1.5, 0.5, 0.8)
        for batch in batches:
            got, _ = sess.run([y, updates], {placeholder: convert(batch)})
            expected = reference.train(batch, values["brn/gamma"], values["brn/beta"])
            np.testing.assert_allclose(back(got), expected, rtol=1e-4, atol=1e-4)
        stored = sess.run([v for v in tf.global_variables() if not v.trainable])
        got = sess.run(z, {x: convert(batches[0])})
    for name, value in zip(STATISTICS, stored):
        np.testing.assert_allclose(value, getattr(reference, name), rtol=1e-4, atol=1e-6, err_msg=name)
    expected = reference.infer(batches[0], values["brn/gamma"], values["brn/beta"])
    np.testing.assert_allclose(back(got), expected, rtol=1e-4, atol=1e-4)


@pytest.mark.skipif(not hasattr(tf, "layers") or not hasattr(tf.layers, "batch_normalization"), reason="a layer of TF 1.15")
@pytest.mark.parametrize("data_format", ["NHWC", "NCHW"])
def test_training_equals_the_layer_of_tensorflow(data_format):
    x = 3 * ref.random_array(4, 3, 5, 2) + 1
    value = ref.to_nchw(x) if data_format == "NCHW" else x
    placeholder, y = make(value.shape, data_format=data_format)
    ours = tf.get_collection(tf.GraphKeys.UPDATE_OPS)
    z = tf.layers.batch_normalization(
        placeholder, axis=1 if data_format == "NCHW" else 3, momentum=0.9, epsilon=EPSILON, training=True, renorm=True,
        renorm_clipping={"rmin": 1 / 1.5, "rmax": 1.5, "dmax": 0.5}, renorm_momentum=0.99, fused=False, name="tf")
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        for step in range(5):
            got, expected, _ = sess.run([y, z, tf.get_collection(tf.GraphKeys.UPDATE_OPS)], {placeholder: value + step})
            np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-5)
        names = [v.op.name.split("/")[1] for v in tf.global_variables() if v.op.name.startswith("tf/")]
        assert [v.op.name for v in tf.global_variables()[:len(names)]] == ["brn/" + name for name in names]
        for name in STATISTICS:
            np.testing.assert_allclose(*sess.run(["brn/{}:0".format(name), "tf/{}:0".format(name)]), rtol=1e-5, err_msg=name)
    assert len(ours) == len(tf.get_collection(tf.GraphKeys.UPDATE_OPS)) - len(ours) == 2


def test_without_correction_it_is_batch_normalization():
    x = 3 * ref.random_array(8, 3) + 1
    placeholder, y = make(x.shape, rmax=1, dmax=0)
    with tf.Session() as sess:
        values = ref.randomize(sess)
        got = sess.run(y, {placeholder: x})
    np.testing.assert_allclose(got, ref.normalize(x, (0,), values["brn/gamma"], values["brn/beta"], EPSILON), atol=1e-4)


def test_the_limits_can_be_tensors():
    x = 3 * ref.random_array(8, 3) + 1
    rmax, dmax = tf.placeholder(tf.float32, []), tf.placeholder(tf.float64, [])
    placeholder, y = make(x.shape, rmax=rmax, dmax=dmax)
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        for limits in ((1, 0), (2, 0.3), (1000, 1000)):
            expected = Reference(3, limits[0], limits[1], 0.9).train(x.astype("float64"), 1, 0)
            got = sess.run(y, {placeholder: x, rmax: limits[0], dmax: limits[1]})
            np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-4)


def test_a_constant_batch_is_not_blown_up():
    placeholder, y = make((4, 2))
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        [v for v in tf.global_variables() if v.op.name == "brn/renorm_stddev"][0].load([0, 0], sess)
        got = sess.run(y, {placeholder: np.full((4, 2), 7.0)})
    np.testing.assert_allclose(got, np.full((4, 2), 0.5), rtol=1e-5)  # d, clipped


@pytest.mark.parametrize("is_training", [True, False])
def test_variables_and_collections(is_training):
    _, y = make((2, 3, 3, 4), tower=TowerContext("", is_training))
    own = ["brn/" + name for name in STATISTICS]
    assert ref.collection_names("variables") == ["brn/gamma", "brn/beta"] + own
    assert ref.collection_names("trainable_variables") == ["brn/gamma", "brn/beta"]
    assert ref.collection_names("model_variables") == (own if is_training else [])
    assert len(tf.get_collection(tf.GraphKeys.UPDATE_OPS)) == (2 if is_training else 0)
    assert y.variables.all() == tf.trainable_variables()
    assert y.name == "brn/output:0"
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        values = sess.run(tf.global_variables())
    np.testing.assert_array_equal(values, [[v] * 4 for v in (1, 0, 0, 1, 1, 0, 1)])


def test_the_output_alone_updates_nothing():
    placeholder, y = make((4, 3))
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        before = statistics(sess)
        sess.run(y, {placeholder: ref.random_array(4, 3)})
        assert all((before[name] == value).all() for name, value in statistics(sess).items())


def test_each_call_of_a_layer_moves_its_averages_which_are_model_variables_once():
    inputs = [ref.random_array(8, 3, seed=index) * (index + 1) + index for index in range(2)]
    placeholders = [make(inputs[0].shape, momentum=0.999)[0]]
    with tf.variable_scope("", reuse=True):
        placeholders.append(make(inputs[1].shape, momentum=0.999)[0])
    updates = tf.get_collection(tf.GraphKeys.UPDATE_OPS)
    assert len(updates) == 4 and len(tf.get_collection(tf.GraphKeys.MODEL_VARIABLES)) == 5
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        sess.run(updates, dict(zip(placeholders, inputs)))
        moved = statistics(sess)["moving_mean"]
    # one update may see what the other one has done, which is 1 / 1000 of it
    np.testing.assert_allclose(moved, 0.001 * sum(x.mean(axis=0) for x in inputs), rtol=2e-3, atol=2e-6)


def test_only_the_main_training_tower_updates():
    for index in (0, 1):
        name = "tower{}".format(index)
        make((4, 3), tower=TrainTowerContext(name, vs_name=name if index else "", index=index, total=2))
    assert all(name.startswith("tower0/brn/") for name in ref.collection_names("update_ops"))
    assert ref.collection_names("model_variables") == ["brn/" + name for name in STATISTICS]
    assert not any(name.startswith("tower1/brn/Assign") for name in ref.op_names())


@pytest.mark.parametrize("case", ["2d", "nhwc"])
def test_half_precision_input_keeps_single_precision_variables(case):
    x = (2 * ref.random_array(*LAYOUTS[case][0]) + 3).astype("float16")
    placeholder, y = make(x.shape, "float16")
    assert y.dtype == tf.float16
    assert {v.dtype.base_dtype for v in tf.global_variables()} == {tf.float32}
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        got = sess.run(y, {placeholder: x})
    np.testing.assert_allclose(got, Reference(x.shape[-1], 1.5, 0.5, 0.9).train(x.astype("float64"), 1, 0), atol=5e-3)


@pytest.mark.parametrize("case", sorted(LAYOUTS))
def test_gradients_take_the_corrections_for_constants(case):
    """So they are those of a batch normalisation with scale gamma * r and offset gamma * d + beta."""
    shape, data_format = LAYOUTS[case]
    x = 3 * ref.random_array(*shape, dtype="float64") + 1
    value = ref.to_nchw(x) if data_format == "NCHW" else x
    placeholder, y = make(value.shape, "float64", data_format=data_format)
    weights = np.random.RandomState(1).normal(size=value.shape)
    gradients = tf.gradients(tf.reduce_sum(y * weights), [placeholder] + tf.trainable_variables())
    with tf.Session() as sess:
        values = ref.randomize(sess)
        dx, dgamma, dbeta = sess.run(gradients, {placeholder: value})
    axes = tuple(range(x.ndim - 1))
    if data_format == "NCHW":
        weights, dx = ref.to_nhwc(weights), ref.to_nhwc(dx)
    mean, stddev = x.mean(axis=axes), np.sqrt(x.var(axis=axes) + EPSILON)
    r, d = np.clip(stddev, 1 / 1.5, 1.5), np.clip(mean, -0.5, 0.5)
    normal = (x - mean) / stddev
    inner = weights * values["brn/gamma"] * r
    np.testing.assert_allclose(dx, (inner - inner.mean(axis=axes) - normal * (inner * normal).mean(axis=axes)) / stddev)
    np.testing.assert_allclose(dgamma, (weights * (normal * r + d)).sum(axis=axes))
    np.testing.assert_allclose(dbeta, weights.sum(axis=axes))


@pytest.mark.parametrize("center,scale", [(True, False), (False, True), (False, False)])
def test_parts_of_the_affine_transform_can_be_left_out(center, scale):
    x = 3 * ref.random_array(8, 3) + 1
    placeholder, y = make(x.shape, center=center, scale=scale)
    assert (hasattr(y.variables, "beta"), hasattr(y.variables, "gamma")) == (center, scale)
    with tf.Session() as sess:
        values = ref.randomize(sess)
        got = sess.run(y, {placeholder: x})
    expected = Reference(3, 1.5, 0.5, 0.9).train(x.astype("float64"), values.get("brn/gamma", 1), values.get("brn/beta", 0))
    np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-4)


def test_old_argument_names():
    with ref.training_tower():
        BatchRenorm("a", tf.placeholder(tf.float32, [4, 3]), rmax=2, dmax=1, use_bias=False, decay=0.5,
                    gamma_init=tf.constant_initializer(3))
        BatchRenorm("b", tf.placeholder(tf.float32, [4, 3]), rmax=2, dmax=1, use_scale=False)
    assert ref.collection_names("trainable_variables") == ["a/gamma", "b/beta"]
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        assert (sess.run("a/gamma:0") == 3).all()


def test_it_is_found_by_name():
    assert get_registered_layer("BatchRenorm") is batch_norm.BatchRenorm


@pytest.mark.parametrize("shape,options,error,text", [
    ([2, 3, 4], dict(), ValueError, "BatchRenorm .brn.: the input must be 2-D or 4-D"),
    ([2, None], dict(), ValueError, "BatchRenorm .brn.: the number of channels must be known"),
    ([2, 3], dict(rmax=0.5), ValueError, "rmax must be at least 1; got rmax=0.5"),
    ([2, 3], dict(dmax=-1), ValueError, "dmax must be at least 0; got dmax=-1"),
    ([2, 3], dict(training=True), TypeError, "training"),
], ids=["3d", "unknown", "rmax", "dmax", "training"])
def test_wrong_arguments_are_refused(shape, options, error, text):
    with ref.training_tower(), pytest.raises(error, match=text):
        BatchRenorm("brn", tf.placeholder(tf.float32, shape), **dict(dict(rmax=2, dmax=1), **options))


def test_both_limits_are_required():
    x = tf.placeholder(tf.float32, [2, 3])
    with ref.training_tower():
        with pytest.raises(TypeError, match="dmax"):
            BatchRenorm("a", x, rmax=2)
        assert BatchRenorm("b", x, 2, 1).shape.as_list() == [2, 3]  # older releases took rmax and dmax by position


def test_a_tower_context_is_needed():
    with pytest.raises(RuntimeError, match="BatchRenorm: it must be called inside a tower context"):
        BatchRenorm("brn", tf.placeholder(tf.float32, [2, 3]), rmax=2, dmax=1)
