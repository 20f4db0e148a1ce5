"""LayerNorm and InstanceNorm against numpy."""
import layer_reference as ref
import numpy as np
import pytest

from tensorpack.compat import tfv1 as tf
from tensorpack.models import InstanceNorm, LayerNorm

SHAPES = [(LayerNorm, (3, 5), (1,)), (LayerNorm, (3, 4, 5, 2), (1, 2, 3)), (InstanceNorm, (3, 4, 5, 2), (1, 2))]
IDS = ["layer-2d", "layer-4d", "instance"]


@pytest.mark.parametrize("center,scale", [(True, True), (False, True), (True, False), (False, False)])
@pytest.mark.parametrize("data_format", ["NHWC", "NCHW"])
@pytest.mark.parametrize("layer,shape,axes", SHAPES, ids=IDS)
def test_equals_numpy(layer, shape, axes, data_format, center, scale):
    x = 3 * ref.random_array(*shape) + 5
    first = data_format == "NCHW" and len(shape) == 4
    value = ref.to_nchw(x) if first else x
    placeholder = tf.placeholder(tf.float32, (None,) + value.shape[1:])
    y = layer("n", placeholder, epsilon=1e-3, center=center, scale=scale, data_format=data_format)
    with tf.Session() as sess:
        values = ref.randomize(sess)
        got = sess.run(y, {placeholder: value})
    assert set(values) == (
        ({"n/beta"} if center else set()) | ({"n/gamma"} if scale else set()))
    expected = ref.normalize(x, axes, values.get("n/gamma", 1), values.get("n/beta", 0), 1e-3)
    np.testing.assert_allclose(ref.to_nhwc(got) if first else got, expected, rtol=1e-3, atol=1e-4)
    assert y.name == "n/output/add_1:0"


@pytest.mark.parametrize("layer,shape,axes", SHAPES, ids=IDS)
def test_gradients_equal_finite_differences(layer, shape, axes):
    x = ref.random_array(*shape)
    placeholder = tf.placeholder(tf.float32, x.shape)
    y = layer("n", placeholder)
    with tf.Session() as sess:
        ref.randomize(sess)
        ref.check_gradients(sess, y, placeholder, x, epsilon=1e-2, tolerance=5e-3)


@pytest.mark.parametrize("layer,shape,axes", SHAPES, ids=IDS)
def test_variables(layer, shape, axes):
    y = layer("n", tf.placeholder(tf.float32, shape))
    beta, gamma = tf.trainable_variables()
    assert (beta.op.name, gamma.op.name) == ("n/beta", "n/gamma")
    assert y.variables.beta is beta and y.variables.gamma is gamma
    assert beta.shape.as_list() == gamma.shape.as_list() == [shape[-1]]
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        assert (sess.run(gamma) == 1).all() and (sess.run(beta) == 0).all()


@pytest.mark.parametrize("layer,shape,axes", SHAPES, ids=IDS)
def test_half_precision_input_is_normalised_in_single_precision(layer, shape, axes):
    x = (ref.random_array(*shape) + 100).astype("float16")
    placeholder = tf.placeholder(tf.float16, x.shape)
    y = layer("n", placeholder)
    assert y.dtype == tf.float16 and y.variables.gamma.dtype.base_dtype == tf.float32
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        got = sess.run(y, {placeholder: x})
    np.testing.assert_allclose(got, ref.normalize(x, axes, 1, 0, 1e-5), atol=5e-3)


def test_old_names_and_positional_epsilon():
    x = tf.placeholder(tf.float32, [2, 3, 3, 4])
    LayerNorm("a", x, 1e-3, use_bias=False, gamma_init=tf.constant_initializer(3))
    InstanceNorm("b", x, 1e-3, center=False, gamma_init=tf.constant_initializer(3))
    LayerNorm("c", x, use_scale=False)
    assert ref.collection_names("variables") == ["a/gamma", "b/gamma", "c/beta"]
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        assert (sess.run("a/gamma:0") == 3).all()
    with pytest.raises(TypeError, match="use_scale"):
        InstanceNorm("d", x, use_scale=False)


def test_use_affine_sets_both_with_a_warning(log_records):
    x = tf.placeholder(tf.float32, [2, 3, 3, 4])
    InstanceNorm("a", x, use_affine=False)
    assert not tf.global_variables()
    assert any("use_affine" in r.getMessage() and r.levelname == "WARNING" for r in log_records)


@pytest.mark.parametrize("layer,shape,text", [
    (LayerNorm, [2, 3, 4], "must be 2-D or 4-D"), (InstanceNorm, [2, 3], "must be 4-D"),
    (LayerNorm, [2, None], "channels must be known"), (InstanceNorm, [2, 3, 3, None], "channels must be known")],
    ids=["ln-3d", "in-2d", "ln-unknown", "in-unknown"])
def test_wrong_inputs_are_refused(layer, shape, text):
    with pytest.raises(ValueError, match=text):
        layer("n", tf.placeholder(tf.float32, shape))
