"""`tf.layers` where TensorFlow 1.15 is no measure: formats that CPUs lack, chance, sessions, copies, wrong arguments."""
import copy

import numpy as np
import pytest

from tensorpack.compat import tfv1 as tf
from tensorpack.tf1._tensorflow import layers
from tensorpack.tf1._tensorflow.contrib import layers as clayers

IMAGES, VOLUMES, STEPS = [2, 5, 6, 4], [2, 4, 5, 4, 2], [3, 6, 4]


def channels_first(x):
    rank = len(x.shape)
    return tf.transpose(x, [0, rank - 1] + list(range(1, rank - 1)))


FORMATS = {
    "conv1d": (STEPS, lambda x, f: layers.conv1d(x, 3, 2, strides=2, padding="same", data_format=f)),
    "conv1d_causal": (STEPS, lambda x, f: layers.conv1d(x, 3, 2, padding="causal", dilation_rate=2, data_format=f)),
    "conv2d": (IMAGES, lambda x, f: layers.conv2d(x, 3, 2, strides=2, padding="same", data_format=f)),
    "conv2d_dilated": (IMAGES, lambda x, f: layers.conv2d(x, 3, 2, dilation_rate=2, data_format=f, use_bias=False)),
    "conv3d": (VOLUMES, lambda x, f: layers.conv3d(x, 3, 2, data_format=f, activation=tf.nn.relu)),
    "conv3d_dilated": (VOLUMES, lambda x, f: layers.conv3d(x, 3, 2, padding="same", dilation_rate=2, data_format=f)),
    "conv2d_transpose": (IMAGES, lambda x, f: layers.conv2d_transpose(x, 3, 2, strides=2, data_format=f)),
    "conv3d_transpose": (VOLUMES, lambda x, f: layers.conv3d_transpose(x, 3, 2, strides=2, data_format=f)),
    "separable_conv1d": (STEPS, lambda x, f: layers.separable_conv1d(x, 3, 2, data_format=f)),
    "separable_conv2d": (IMAGES, lambda x, f: layers.separable_conv2d(x, 3, 2, strides=2, data_format=f)),
    "max_pooling1d": (STEPS, lambda x, f: layers.max_pooling1d(x, 2, 2, data_format=f)),
    "max_pooling2d": (IMAGES, lambda x, f: layers.max_pooling2d(x, 2, 1, data_format=f)),
    "average_pooling3d": (VOLUMES, lambda x, f: layers.average_pooling3d(x, 2, 2, "same", data_format=f)),
    "batch_normalization": (IMAGES, lambda x, f: layers.batch_normalization(
        x, axis=1 if f == "channels_first" else -1, training=True)),
    "batch_normalization_plain": (VOLUMES, lambda x, f: layers.batch_normalization(
        x, axis=1 if f == "channels_first" else -1, training=True)),
    "c_conv2d": (IMAGES, lambda x, f: clayers.conv2d(
        x, 3, 2, data_format=short(f), normalizer_fn=clayers.batch_norm, normalizer_params=dict(
            data_format=short(f), updates_collections=None))),
    "c_conv2d_transpose": (IMAGES, lambda x, f: clayers.conv2d_transpose(x, 3, 2, 2, data_format=short(f))),
    "c_conv3d_transpose": (VOLUMES, lambda x, f: clayers.conv3d_transpose(
        x, 3, 2, 2, data_format="NCDHW" if f == "channels_first" else "NDHWC")),
    "c_separable": (IMAGES, lambda x, f: clayers.separable_conv2d(x, 3, 2, data_format=short(f))),
    "c_depthwise": (IMAGES, lambda x, f: clayers.separable_conv2d(x, None, 2, 2, data_format=short(f))),
    "c_max_pool2d": (IMAGES, lambda x, f: clayers.max_pool2d(x, 2, data_format=short(f))),
    "c_instance_norm": (IMAGES, lambda x, f: clayers.instance_norm(x, data_format=short(f))),
    "c_bias_add": (IMAGES, lambda x, f: clayers.bias_add(x, data_format=short(f), initializer=tf.ones_initializer())),
    "c_gdn": (VOLUMES, lambda x, f: clayers.gdn(x, data_format=f)),
    "c_spatial_softmax": (IMAGES, lambda x, f: clayers.spatial_softmax(x, data_format=short(f))[..., None]),
}


def short(data_format):
    return "NCHW" if data_format == "channels_first" else "NHWC"


@pytest.mark.parametrize("layer", list(FORMATS))
def test_channels_first_is_channels_last_transposed(layer):
    shape, call = FORMATS[layer]
    x = tf.placeholder(tf.float32, [None] + shape[1:])
    with tf.variable_scope("s", reuse=tf.AUTO_REUSE):
        last = call(x, "channels_last")
        variables = tf.global_variables()
    with tf.variable_scope("s", reuse=True):
        first = call(channels_first(x), "channels_first")
    assert tf.global_variables() == variables
    same = last if "spatial" in layer else channels_first(last)
    assert first.shape.as_list() == same.shape.as_list()
    sources = [x] + tf.trainable_variables()
    gradients = [tf.gradients(tf.reduce_sum(tf.sin(y)), sources) for y in (first, same)]
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        value = np.random.RandomState(0).randn(*shape)
        a, b, grads_a, grads_b = sess.run([first, same] + gradients, {x: value})
    np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5)
    for one, other in zip(grads_a, grads_b):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("dropout", [
    lambda x, **kw: layers.dropout(x, 0.3, training=True, **kw), lambda x, **kw: clayers.dropout(x, 0.7, **kw)],
    ids=["tf", "contrib"])
def test_dropout_keeps_the_mean_and_follows_its_seed(dropout):
    x = tf.ones([300, 200])
    with tf.Session() as sess:
        plain, rows, seeded, again = sess.run([dropout(x), dropout(x, noise_shape=[300, 1]), dropout(x, seed=5),
                                               dropout(x, seed=5)])
    assert set(np.round(np.unique(plain), 4)) == {0.0, np.float32(1.4286)}
    assert abs((plain == 0).mean() - 0.3) < 0.01
    assert (rows == rows[:, :1]).all() and 0.1 < (rows == 0).mean() < 0.5
    assert (seeded == again).all() and (seeded != plain).any()


def test_initial_kernels_are_glorots():
    x = tf.zeros([1, 1, 1, 64])
    layers.conv2d(x, 32, 1, name="conv")
    layers.dense(tf.zeros([1, 400]), 200, name="dense")
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        for variable, limit in zip(tf.trainable_variables()[::2], (np.sqrt(6 / 96), np.sqrt(6 / 600))):
            value = sess.run(variable)
            assert abs(value).max() <= np.float32(limit) and abs(value.std() - limit / np.sqrt(3)) < 0.03 * limit


def test_weights_go_out_of_and_into_a_session():
    layer = layers.Dense(3, weights=[np.full([2, 3], 2.0), np.ones(3)])
    with tf.Session() as sess:
        y = layer(tf.ones([1, 2]))
        assert sess.run(y).tolist() == [[5.0, 5.0, 5.0]]
        kernel, bias = layer.get_weights()
        layer.set_weights([kernel * 2, bias])
        assert sess.run(y).tolist() == [[9.0, 9.0, 9.0]]
        with pytest.raises(ValueError, match="one array for each of the 2 variables; got 1"):
            layer.set_weights([kernel])
    with pytest.raises(RuntimeError, match="needs a default session"):
        layer.get_weights()


def test_a_copy_shares_variables_but_no_lists():
    layer = layers.Dense(3)
    x = tf.ones([1, 2])
    y = layer(x)
    other = copy.deepcopy(layer)
    assert [a is b for a, b in zip(layer.variables, other.variables)] == [True, True]
    z = other(x)
    assert len(tf.global_variables()) == 2 and layer.trainable_weights is not other.trainable_weights
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        a, b = sess.run([y, z])
    assert (a == b).all()
    fresh = copy.deepcopy(layers.Dense(3, name="unused"))
    fresh(x)
    assert fresh.scope_name == "unused"


def test_structures_of_inputs_reach_build_and_call():
    class Sum(layers.Layer):
        def build(self, input_shape):
            self.sizes = [shape.as_list() for shape in input_shape]
            super().build(input_shape)

        def call(self, inputs, scale=1.0, scope=None):
            self.scope_of_call = scope.name
            return (inputs[0] + inputs[1]) * scale

    layer = Sum()
    y = layer([tf.ones([2, 3]), np.float32([1, 2, 3])], scale=2.0, training=True)
    assert layer.sizes == [[2, 3], [3]] and layer.scope_of_call == "sum" and layer.dtype == "float32"
    with tf.Session() as sess:
        assert sess.run(y).tolist() == [[4.0, 6.0, 8.0]] * 2


def test_weights_of_whole_numbers_start_at_zero():
    class Counter(layers.Layer):
        def build(self, input_shape):
            self.count = self.add_weight("count", [2], dtype=tf.int64, trainable=False)
            self.seen = self.add_variable("seen", [], dtype=tf.bool, trainable=False)
            super().build(input_shape)

        def call(self, inputs):
            return inputs + tf.cast(self.count, tf.float32)

    layer = Counter()
    layer(tf.ones([2]))
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        assert [value.tolist() for value in layer.get_weights()] == [[0, 0], False]


def test_trainable_moves_weights_and_stops_updates():
    layer = layers.BatchNormalization(trainable=False)
    layer(tf.ones([2, 3, 3, 4]), training=True)
    assert layer.trainable_weights == [] and len(layer.non_trainable_weights) == 4 and layer.updates == []
    layer.trainable = True
    assert len(layer.updates) == 2


def image(*shape):
    return tf.zeros(shape or [2, 5, 6, 4])


def two_inputs(layer, *inputs):
    return [layer(x) for x in inputs]


ERRORS = {
    "rank": (lambda: layers.conv2d(tf.zeros([2, 3]), 3, 2), ValueError, "conv2d_1: the input must.*rank 4.*got shape .2, 3"),
    "channels": (lambda: layers.conv2d(tf.placeholder(tf.float32, [None] * 4), 3, 2), ValueError, "size of axis -1.*set_shape"),
    "changed": (lambda: two_inputs(layers.Conv2D(4, 2), image(), image(2, 5, 6, 3)), ValueError,
                "size 4 on axis -1; got shape .2, 5, 6, 3"),
    "kernel_size": (lambda: layers.conv2d(image(), 3, [1, 2, 3]), ValueError, r"kernel_size must be.*got \[1, 2, 3\]"),
    "strides": (lambda: layers.max_pooling2d(image(), 2, None), ValueError, "MaxPooling2D: strides must be"),
    "padding": (lambda: layers.conv2d(image(), 3, 2, padding="causal"), ValueError, "valid, same; got"),
    "format": (lambda: layers.conv2d(image(), 3, 2, data_format="NHWC"), ValueError, "'channels_last' or.*got 'NHWC'"),
    "dilated": (lambda: layers.conv2d(image(), 3, 2, 2, dilation_rate=2), ValueError, "cannot both be above 1"),
    "activation": (lambda: layers.dense(image(), 3, activation="rely"), ValueError, "activation must be.*relu.*'rely'"),
    "initializer": (lambda: layers.dense(image(), 3, kernel_initializer="xavier"), ValueError, "initializer must be.*'xavier'"),
    "integers": (lambda: layers.dense(tf.zeros([2, 3], tf.int32), 3), TypeError, "floating point numbers; got int32"),
    "argument": (lambda: layers.dense(image(), 3, kernel_init=None), TypeError, "dense: .*kernel_init"),
    "class_argument": (lambda: layers.Dense(3, reuse=True), TypeError, "Dense: unexpected keyword argument reuse"),
    "missing": (lambda: layers.conv2d(image(), 3), TypeError, "conv2d: missing a required argument: 'kernel_size'"),
    "scope_name": (lambda: layers.Dense(3, name="d").scope_name, ValueError, "d: it has no scope before its first call"),
    "count_params": (lambda: layers.Dense(3).count_params(), ValueError, "no variables before its first call"),
    "axis": (lambda: layers.batch_normalization(image(), axis=[1, -3]), ValueError, "each axis must be there once"),
    "axis_type": (lambda: layers.batch_normalization(image(), axis="C"), TypeError, "axis must be.*got 'C'"),
    "clipping": (lambda: layers.batch_normalization(image(), renorm=True, renorm_clipping={"max": 1}), ValueError,
                 "rmax, rmin or dmax; got max"),
    "virtual": (lambda: layers.batch_normalization(image(), axis=0, virtual_batch_size=2), ValueError,
                "virtual_batch_size must"),
    "exists": (lambda: [layers.dense(image(), 3, name="d") for _ in range(2)], ValueError, "d/kernel already exists"),
    "absent": (lambda: layers.dense(image(), 3, name="d", reuse=True), ValueError, "d/kernel does not exist"),
    "c_format": (lambda: clayers.conv2d(image(), 3, 2, data_format="channels_last"), ValueError, "NHWC.*got 'channels_last'"),
    "c_rank": (lambda: clayers.conv2d(tf.zeros([2, 3]), 3, 2), ValueError, "rank 4; got shape"),
    "c_units": (lambda: clayers.fully_connected(image(), 3.0), ValueError, "num_outputs must be a whole number; got 3.0"),
    "c_norm_rank": (lambda: clayers.batch_norm(tf.placeholder(tf.float32)), ValueError, "rank of the input must be known"),
    "c_norm_renorm": (lambda: clayers.batch_norm(image(), renorm=True, updates_collections=None), ValueError,
                      "renorm goes without"),
    "c_groups": (lambda: clayers.group_norm(image(), 3), ValueError, "multiple of groups; got 4 and 3"),
    "c_regularizer": (lambda: clayers.l2_regularizer(1), ValueError, "must not be an integer; got 1; write 1.0"),
    "c_negative": (lambda: clayers.l1_regularizer(-0.1), ValueError, "below 0; got -0.1"),
    "c_no_weights": (lambda: clayers.apply_regularization(tf.nn.l2_loss), ValueError, "there are no weights"),
    "c_stack": (lambda: clayers.stack(image(), clayers.conv2d, 3), ValueError, "stack_args must be a list"),
    "c_dtype": (lambda: clayers.xavier_initializer(dtype=tf.int32), TypeError, "floating point numbers"),
    "c_mode": (lambda: clayers.variance_scaling_initializer(mode="fan_in"), TypeError, "FAN_IN, FAN_OUT or FAN_AVG"),
    "c_optimizer": (lambda: clayers.optimize_loss(tf.reduce_sum(image()), None, 0.1, "sgd"), ValueError, "SGD; got 'sgd'"),
    "c_rate": (lambda: clayers.optimize_loss(tf.reduce_sum(image()), None, -0.1, "SGD"), ValueError, "not negative; got -0.1"),
    "c_no_rate": (lambda: clayers.optimize_loss(tf.reduce_sum(image()), None, None, "SGD"), ValueError,
                  "needs a learning_rate"),
    "c_summaries": (lambda: clayers.optimize_loss(tf.reduce_sum(image()), None, 0.1, "SGD", summaries=["los"]), ValueError,
                    "summaries must be among"),
    "c_embedding": (lambda: clayers.embed_sequence(tf.zeros([2], tf.int32)), ValueError, "must be given unless reuse"),
    "c_maxout": (lambda: clayers.maxout(image(), 3), ValueError, "multiple of num_units=3"),
}


@pytest.mark.parametrize("case", list(ERRORS))
def test_wrong_arguments_are_said_clearly(case):
    call, error, message = ERRORS[case]
    with pytest.raises(error, match=message):
        call()
