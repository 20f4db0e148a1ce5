"""Layers in their older spellings: the same variables and outputs as in that of today."""
import numpy as np
import pytest

from tensorpack import (
    AvgPooling,
    BatchNorm,
    BatchRenorm,
    BNReLU,
    ConcatWith,
    Conv2D,
    Conv2DTranspose,
    Deconv2D,
    Dropout,
    FullyConnected,
    InstanceNorm,
    LayerNorm,
    LinearWrap,
    MaxPooling,
    PReLU,
    TowerContext,
    argscope,
    layer_register,
    tfv1,
)
from tensorpack import models as M
from tensorpack.models import nonlin
from tensorpack.models.shape_utils import StaticDynamicAxis, StaticDynamicShape

tf = tfv1
IMAGES = np.random.RandomState(0).normal(size=[2, 6, 8, 4]).astype("float32")
ONES = tf.ones_initializer()


def relu(x):  # takes no name
    return tf.nn.relu(x)


def run(build, training=True, images=IMAGES):
    """{variable: shape} and the output, for values of the variables that follow from their names."""
    with tf.Graph().as_default(), tf.Session() as sess:
        x = tf.placeholder(tf.float32, images.shape, name="x")
        with TowerContext("", is_training=training):
            output = build(x)
        variables = tf.global_variables()
        sess.run(tf.global_variables_initializer())
        for variable in sorted(variables, key=lambda v: v.name):
            stream = np.random.RandomState(len(variable.op.name))
            variable.load(stream.uniform(0.5, 1.5, size=variable.shape.as_list()).astype("float32"), sess)
        shapes = [(v.op.name, v.shape.as_list(), v in tf.trainable_variables()) for v in variables]
        return shapes, output.op.name, sess.run(output, {x: images})


SAME = {
    "conv": (lambda x: Conv2D("c", x, 4, 3, "VALID", 2, ONES, ONES, relu, 2, True, "NHWC"),
             lambda x: Conv2D("c", x, 4, 3, padding="valid", strides=2, activation=tf.nn.relu, split=2)),
    "conv-keywords": (lambda x: Conv2D("c", x, out_channel=4, kernel_shape=3, stride=2, W_init=ONES, nl=tf.identity),
                      lambda x: Conv2D("c", x, filters=4, kernel_size=3, strides=2)),
    "conv-padding": (lambda x: Conv2D("c", x, 4, 3, "VALID", nl=relu),
                     lambda x: Conv2D("c", x, 4, 3, padding="valid", activation=tf.nn.relu)),
    "conv-no-bias": (lambda x: Conv2D("c", x, 4, 3, "SAME", 1, None, None, tf.identity, 1, False),
                     lambda x: Conv2D("c", x, 4, 3, use_bias=False)),
    "fc": (lambda x: FullyConnected("f", x, 3, None, None, relu, False),
           lambda x: FullyConnected("f", x, 3, activation=tf.nn.relu, use_bias=False)),
    "fc-keywords": (lambda x: FullyConnected("f", x, out_dim=3, nl=relu),
                    lambda x: FullyConnected("f", x, 3, activation=tf.nn.relu)),
    "deconv": (lambda x: Deconv2D("d", x, 3, 3, 2, "SAME", None, None, relu),
               lambda x: Conv2DTranspose("d", x, 3, 3, 2, activation=tf.nn.relu)),
    "deconv-shape": (lambda x: Deconv2D("d", x, [12, 16, 3], 3, 2), lambda x: Conv2DTranspose("d", x, 3, 3, 2)),
    "deconv-out-shape": (lambda x: Deconv2D("d", x, out_shape=3, kernel_shape=3, stride=2),
                         lambda x: Conv2DTranspose("d", x, 3, 3, 2)),
    "max-pooling": (lambda x: MaxPooling("p", x, 3, 2, "SAME"), lambda x: MaxPooling("p", x, 3, 2, padding="same")),
    "avg-pooling": (lambda x: AvgPooling("p", x, 3, 2, "SAME", "NHWC"), lambda x: AvgPooling("p", x, 3, 2, padding="same")),
    "pooling-keywords": (lambda x: AvgPooling("p", x, shape=3, stride=2), lambda x: AvgPooling("p", x, 3, 2)),
    "batch-norm": (lambda x: BatchNorm("b", x, None, 0.8, 1e-3, False, True), lambda x: BatchNorm(
        "b", x, momentum=0.8, epsilon=1e-3, scale=False, center=True)),
    "batch-norm-moving": (lambda x: BatchNorm("b", x, use_local_stat=False), lambda x: BatchNorm("b", x, training=False)),
    "batch-renorm": (lambda x: BatchRenorm("b", x, 1.5, 0.5, 0.8), lambda x: BatchRenorm(
        "b", x, rmax=1.5, dmax=0.5, momentum=0.8)),
    "layer-norm": (lambda x: LayerNorm("l", x, 1e-3, False, True), lambda x: LayerNorm("l", x, epsilon=1e-3, center=False)),
    "instance-norm": (lambda x: InstanceNorm("i", x, 1e-3, "NHWC", False),
                      lambda x: InstanceNorm("i", x, epsilon=1e-3, center=False, scale=False)),
    "concat": (lambda x: ConcatWith(x, 3, x * 2), lambda x: ConcatWith(x, x * 2, 3)),
    "concat-list": (lambda x: ConcatWith("c", x, 1, [x, x]), lambda x: ConcatWith("c", x, [x, x], 1)),
    "prelu": (lambda x: PReLU("p", x, tf.constant_initializer(0.3)), lambda x: PReLU("p", x, 0.3)),
    "bnrelu": (lambda x: BNReLU(True, decay=0.8)(x), lambda x: tf.nn.relu(BatchNorm("bn", x, training=True, momentum=0.8))),
    "leaky": (lambda x: M.LeakyReLU("l", x, 0.1), lambda x: tf.identity(tf.nn.leaky_relu(x, 0.1), name="l/output")),
    "leaky-no-name": (lambda x: M.LeakyReLU(x, 0.1), lambda x: tf.identity(tf.nn.leaky_relu(x, 0.1), name="output")),
    "softmax": (lambda x: M.SoftMax("s", x), lambda x: tf.nn.softmax(x, name="s/output")),
    "non-linearity": (lambda x: nonlin.NonLinearity("n", x, relu),
                      lambda x: tf.nn.relu(x, name="n/Relu")),
    "chain": (lambda x: LinearWrap(x).Conv2D("c", 4, 3, "VALID").LeakyReLU(0.2).ConcatWith(3, x[:, 1:-1, 1:-1]).tf.identity()(),
              lambda x: LinearWrap(x).Conv2D("c", 4, 3, padding="valid").apply(tf.nn.leaky_relu, 0.2)
              .ConcatWith(x[:, 1:-1, 1:-1], 3).tf.identity()()),
}


@pytest.mark.parametrize("name", sorted(SAME))
def test_old_and_new_spelling_build_the_same(name):
    old, today = SAME[name]
    variables, output, values = run(old)
    wanted_variables, wanted_output, wanted = run(today)
    assert variables == wanted_variables and output == wanted_output
    np.testing.assert_allclose(values, wanted, rtol=1e-6, atol=1e-6)


def test_an_argument_is_not_given_twice_and_a_number_is_no_padding():
    x = tf.constant(IMAGES)
    with pytest.raises(TypeError, match="several values for padding"):
        Conv2D("c", x, 4, 3, "SAME", padding="valid")
    with pytest.raises(ValueError, match="only these arguments may be positional"):
        Conv2D("c", x, 4, 3, 2)
    with pytest.raises(ValueError, match="only these arguments may be positional"):
        MaxPooling("p", x, 2, 2, 1)
    with pytest.raises(ValueError, match=r"Deconv2D\(out_shape=\[11, 16, 3\]\).*got \[12, 16\]"):
        Deconv2D("d", x, [11, 16, 3], 3, 2)


@pytest.mark.parametrize("build", [
    lambda x: FullyConnected("l", x, 3, None, None), lambda x: Conv2D("l", x, 3, 3, W_init=None, b_init=None),
    lambda x: Deconv2D("l", x, 3, 3, 2, "SAME", None, None), lambda x: BatchNorm("l", x, use_local_stat=True, gamma_init=None)],
    ids=["fc", "conv", "deconv", "batch-norm"])
def test_none_is_the_default_initializer(build):
    with TowerContext("", is_training=True):
        build(tf.constant(IMAGES))
    values = {v.op.name: v for v in tf.trainable_variables()}
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        for name, value in (("l/b", 0), ("l/beta", 0), ("l/gamma", 1)):
            assert name not in values or (sess.run(values[name]) == value).all()


def test_dropout_by_its_older_names():
    def kept(*args, **kwargs):
        with TowerContext("", is_training=True):
            return Dropout(tf.ones([4000]), *args, **kwargs)

    outputs = [kept(0.25), kept(prob=0.25), kept(keep_prob=0.25), kept(0.25, True), kept(0.25, False)]
    with argscope(Dropout, prob=0.25):
        outputs.append(kept())
    with tf.Session() as sess:
        shares = [np.mean(value > 0) for value in sess.run(outputs)]
    np.testing.assert_allclose(shares, [0.25, 0.25, 0.25, 0.25, 1, 0.25], atol=0.05)


def test_internal_update_moves_the_averages_with_the_output():
    with TowerContext("", is_training=True):
        with argscope(BatchNorm, internal_update=True):
            output = BatchNorm("b", tf.constant(IMAGES), decay=0.5)
        assert not tf.get_collection(tf.GraphKeys.UPDATE_OPS)
    average = [v for v in tf.global_variables() if v.op.name == "b/mean/EMA"][0]
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        sess.run(output)
        np.testing.assert_allclose(sess.run(average), 0.5 * IMAGES.mean(axis=(0, 1, 2)), rtol=1e-4, atol=1e-6)


def test_any_layer_summarizes_its_output(warnings):
    @layer_register(summary_activation=True, log_shape=True)
    def Mine(x):
        return tf.identity(x * 2, name="output")

    @layer_register(False, True, None)
    def Other(x):
        return x

    Mine("m", tf.constant(IMAGES))
    Other(tf.constant(IMAGES), summary_activation=True)
    Conv2D("c", tf.constant(IMAGES), 4, 3, summary_activation=True)
    with argscope(MaxPooling, summary_activation=True):
        MaxPooling("p", tf.constant(IMAGES), 2)
    names = [summary.op.name for summary in tf.get_collection(tf.GraphKeys.SUMMARIES)]
    for layer in ("m/output", "Const_1", "c/output", "p/output"):
        assert "activation-summary/{}-rms".format(layer) in names
    assert sum("Conv2D(summary_activation=True)" in text for text in warnings()) == 1
    assert Mine.f.__name__ == "Mine" and Conv2D.f.__name__ == "Conv2D"


def test_a_temperature_is_a_variable():
    variables, _, values = run(lambda x: M.SoftMax("s", x, use_temperature=True, temperature_init=4.0))
    assert variables == [("s/invtemp", [], True)]
    with tf.Graph().as_default(), tf.Session() as sess:
        M.SoftMax("s", tf.constant(IMAGES), True, 4.0)
        sess.run(tf.global_variables_initializer())
        np.testing.assert_allclose(sess.run(tf.trainable_variables()), [0.25])


def bilinear(image, y, x):
    """One channel of one image at (y, x); outside the nearest pixel counts."""
    height, width = image.shape
    y, x = max(y, 0), max(x, 0)
    low_y, low_x = int(np.floor(y)), int(np.floor(x))
    pixel = lambda a, b: image[min(a, height - 1), min(b, width - 1)]  # noqa: E731
    dy, dx = y - low_y, x - low_x
    return (pixel(low_y, low_x) * (1 - dy) * (1 - dx) + pixel(low_y, low_x + 1) * (1 - dy) * dx
            + pixel(low_y + 1, low_x) * dy * (1 - dx) + pixel(low_y + 1, low_x + 1) * dy * dx)


@pytest.mark.parametrize("border", ["repeat", "constant"])
def test_image_sample_is_bilinear(border):
    points = np.random.RandomState(1).uniform(-2, 9, size=[2, 3, 5, 2]).astype("float32")
    points[0, 0, :3] = [[0, 0], [5, 7], [2, 3]]
    with tf.Session() as sess:
        sampled = sess.run(M.ImageSample("s", [tf.constant(IMAGES), tf.constant(points)], borderMode=border))
    wanted = np.zeros([2, 3, 5, 4], "float32")
    for n, i, j, c in np.ndindex(*wanted.shape):
        y, x = points[n, i, j]
        if border == "repeat" or 0 <= y <= 5 and 0 <= x <= 7:
            wanted[n, i, j, c] = bilinear(IMAGES[n, :, :, c], y, x)
    np.testing.assert_allclose(sampled, wanted, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("scale", [1, 2, 3, 4])
def test_bilinear_up_sample_interpolates_between_centres(scale):
    ramp = np.arange(20, dtype="float32").reshape(1, 1, 20, 1) * np.ones([1, 9, 1, 1], "float32")
    with tf.Session() as sess:
        output = M.BilinearUpSample("u", tf.constant(ramp), scale)
        enlarged = sess.run(output)
    assert output.shape.as_list() == list(enlarged.shape) == [1, 9 * scale, 20 * scale, 1]
    np.testing.assert_allclose(enlarged, enlarged[:, :1] * np.ones([1, 9 * scale, 1, 1]), rtol=1e-4)
    inner = enlarged[0, 0, 2 * scale:-2 * scale, 0]
    np.testing.assert_allclose(np.diff(inner), 1.0 / scale, rtol=1e-3, atol=1e-4)


def test_more_channels_are_summed_with_a_warning(warnings):
    with tf.Session() as sess:
        both, single = sess.run([M.BilinearUpSample("u", tf.constant(IMAGES), 2),
                                 M.BilinearUpSample("v", tf.constant(IMAGES.sum(axis=3, keepdims=True)), 2)])
    np.testing.assert_allclose(both, np.tile(single, [1, 1, 1, 4]), rtol=1e-4, atol=1e-5)
    assert any("BilinearUpSample, of 4 channels, which sums over them" in text for text in warnings())


def test_shapes_as_they_were_made():
    axis = StaticDynamicShape(None, 5).apply(lambda n: n * 2)
    assert isinstance(axis, StaticDynamicAxis) and (axis.static, axis.dynamic) == (None, 10)
    shape = StaticDynamicShape(tf.zeros([2, 3]))
    shape.apply(1, lambda n: n + 1)
    assert shape.get_static() == [2, 4] and shape.get_static(1) == 4


def test_silent_spellings_say_nothing(warnings):
    with argscope([Conv2D, FullyConnected], nl=tf.nn.relu), TowerContext("", is_training=True):
        x = Conv2D("c", tf.constant(IMAGES), out_channel=4, kernel_shape=3, stride=2, W_init=ONES)
        FullyConnected("f", x, out_dim=3, b_init=ONES)
    assert not warnings()
