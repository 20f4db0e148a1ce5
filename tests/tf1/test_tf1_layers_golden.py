"""`tf.layers`, `contrib.layers` and `contrib.framework` against stored graphs and values of TensorFlow 1.15.5."""
import json
import os

import pytest
from golden_cases import check_case

from tensorpack.compat import tfv1 as tf
from tensorpack.tf1._tensorflow import layers
from tensorpack.tf1._tensorflow.contrib import framework
from tensorpack.tf1._tensorflow.contrib import layers as clayers

GOLDEN = os.path.join(os.path.dirname(os.path.abspath(__file__)), "data", "layers_golden")
with open(os.path.join(GOLDEN, "cases.json")) as f:
    STORED = json.load(f)
l2 = clayers.l2_regularizer


def scoped(function, *args, **kwargs):
    with tf.variable_scope("s"):
        return function(*args, **kwargs)


def objects(x):
    with tf.variable_scope("u"):
        h = layers.Conv2D(4, 3, padding="same").apply(x, scope=tf.get_variable_scope())
    h = layers.Conv2DTranspose(2, 3, 2, name="t")(layers.MaxPooling2D(2, 2)(h))
    h = layers.Flatten()(layers.AveragePooling2D(2, 1)(h))
    dense = layers.Dense(3)
    return [dense(h), dense(h * 2)]


def model_variables(x):
    v = framework.model_variable("v", [5], initializer=tf.ones_initializer(), regularizer=l2(0.1))
    w = tf.get_variable("w", [5], initializer=tf.constant_initializer(2.0))
    framework.add_model_variable(w)

    @framework.add_arg_scope
    def scaled(t, k=1):
        return t * k

    with framework.arg_scope([scaled], k=3):
        return scaled(x) * v + w


def fully_connected_with_norm(x, is_training):
    return clayers.fully_connected(x, 3, normalizer_fn=clayers.batch_norm,
                                   normalizer_params=dict(is_training=is_training, decay=0.9))


CASES = {
    "layers_dense": lambda x: layers.dense(x, 3, activation=tf.nn.relu, kernel_regularizer=l2(0.1), name="fc"),
    "layers_dense_names": lambda x: scoped(layers.dense, layers.dense(layers.dense(x, 3), 2), 2),
    "layers_dense_rank3": lambda x: layers.dense(x, 3, use_bias=False),
    "layers_dense_reuse": lambda x: layers.dense(layers.dense(x, 5, name="fc"), 5, name="fc", reuse=True),
    "layers_conv2d": lambda x: layers.conv2d(x, 4, 3, strides=2, padding="same", activation=tf.nn.relu),
    "layers_conv2d_dilated": lambda x: layers.conv2d(x, 4, [2, 3], dilation_rate=2, use_bias=False, name="c"),
    "layers_conv1d": lambda x: layers.conv1d(x, 4, 3, padding="same"),
    "layers_conv3d": lambda x: layers.conv3d(x, 3, 2, strides=2),
    "layers_conv2d_transpose": lambda x: layers.conv2d_transpose(x, 2, 3, strides=2, padding="same"),
    "layers_conv2d_transpose_valid": lambda x: layers.conv2d_transpose(x, 2, 3, strides=2),
    "layers_pool1d": lambda x: layers.max_pooling1d(x, 2, 2, padding="same"),
    "layers_pool2d": lambda x: [layers.max_pooling2d(x, 2, 2), layers.max_pooling2d(x, 3, 2, padding="same"),
                                layers.average_pooling2d(x, 2, 2), layers.average_pooling2d(x, 3, 1, padding="same")],
    "layers_pool3d": lambda x: [layers.max_pooling3d(x, 2, 2), layers.average_pooling3d(x, 2, 1, padding="same")],
    "layers_flatten_dropout": lambda x: [layers.flatten(x), layers.dropout(x, 0.4, training=False)],
    "layers_classes": objects,
    "clayers_bn_inplace": lambda x: clayers.batch_norm(x, updates_collections=None, decay=0.9, is_training=True),
    "clayers_fc": lambda x: clayers.fully_connected(x, 3),
    "clayers_fc_rank3": lambda x: clayers.fully_connected(x, 3, activation_fn=None, weights_regularizer=l2(0.5), scope="f"),
    "clayers_conv2d": lambda x: clayers.conv2d(x, 4, 3),
    "clayers_conv2d_rate": lambda x: clayers.conv2d(x, 4, [3, 2], rate=2, padding="VALID", activation_fn=None,
                                                    biases_initializer=None, scope="c"),
    "clayers_conv2d_transpose": lambda x: clayers.conv2d_transpose(x, 2, 3, stride=2),
    "clayers_separable": lambda x: clayers.separable_conv2d(x, 5, 3, 2, stride=2),
    "clayers_depthwise": lambda x: clayers.separable_conv2d(x, None, 3, 1),
    "clayers_pool": lambda x: [clayers.max_pool2d(x, 2), clayers.max_pool2d(x, 3, 2, padding="SAME"),
                               clayers.avg_pool2d(x, 2), clayers.avg_pool2d(x, 3, 1, padding="SAME")],
    "clayers_misc": lambda x: [clayers.softmax(x), clayers.flatten(x), clayers.dropout(x, 0.5, is_training=False)],
    "clayers_layer_norm": lambda x: [clayers.layer_norm(x), clayers.layer_norm(
        x, begin_norm_axis=-1, center=False, activation_fn=tf.nn.relu, scope="n")],
    "clayers_layer_norm2d": lambda x: clayers.layer_norm(x),
    "clayers_regularizers": lambda x: [
        l2(0.3)(x), clayers.l1_regularizer(0.2)(x), clayers.l1_l2_regularizer(0.2, 0.3)(x),
        clayers.sum_regularizer([clayers.l1_regularizer(0.2), l2(0.3)])(x), clayers.apply_regularization(l2(0.3), [x])],
    "framework_variables": model_variables,
}
for train, mode in ((True, "train"), (False, "infer")):
    CASES.update({
        "layers_bn_" + mode: lambda x, train=train: layers.batch_normalization(x, momentum=0.9, training=train),
        "layers_bn2d_" + mode: lambda x, train=train: layers.batch_normalization(x, center=False, training=train, name="bn"),
        "layers_bn_class_" + mode: lambda x, train=train: layers.BatchNormalization(
            momentum=0.8, epsilon=1e-5)(x, training=train),
        "clayers_bn_" + mode: lambda x, train=train: clayers.batch_norm(x, is_training=train),
        "clayers_bn_scale_" + mode: lambda x, train=train: clayers.batch_norm(
            x, scale=True, decay=0.9, epsilon=1e-5, activation_fn=tf.nn.relu, scope="b", is_training=train),
        "clayers_bn_notfused_" + mode: lambda x, train=train: clayers.batch_norm(x, fused=False, decay=0.9, is_training=train),
        "clayers_fc_bn_" + mode: lambda x, train=train: fully_connected_with_norm(x, train),
    })


def test_every_stored_case_is_here():
    assert set(CASES) == set(STORED["cases"])


@pytest.mark.slow_on(1)
@pytest.mark.parametrize("case", sorted(CASES))
def test_values_and_variables_equal_tensorflows(case):
    check_case(STORED["cases"][case], os.path.join(GOLDEN, case + ".npz"), CASES[case])
