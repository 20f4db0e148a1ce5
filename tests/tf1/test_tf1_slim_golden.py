"""Layers under `slim.arg_scope`, `repeat`, reuse and a residual network against stored graphs and values of TensorFlow 1.15."""
import json
import os

import pytest
from golden_cases import check_case

from tensorpack.compat import tfv1 as tf
from tensorpack.tf1._tensorflow import contrib
from tensorpack.tf1._tensorflow.contrib import slim
from tensorpack.tf1._tensorflow.contrib.slim.nets import resnet_utils, resnet_v2

GOLDEN = os.path.join(os.path.dirname(os.path.abspath(__file__)), "data", "slim_golden")
with open(os.path.join(GOLDEN, "cases.json")) as f:
    STORED = json.load(f)


def network(x, is_training):
    with slim.arg_scope([slim.conv2d, slim.fully_connected], weights_regularizer=slim.l2_regularizer(0.01),
                        normalizer_fn=slim.batch_norm), slim.arg_scope([slim.batch_norm], is_training=is_training, decay=0.9):
        h = slim.conv2d(x, 4, 3, stride=2, scope="c1")
        h = slim.dropout(slim.flatten(slim.max_pool2d(h, 2, scope="p1")), 0.5, is_training=False)
        return slim.fully_connected(h, 3, activation_fn=None, normalizer_fn=None, scope="logits")


def repeated(x):
    h = slim.repeat(x, 2, slim.conv2d, 4, [3, 3], scope="conv1", outputs_collections="ends")
    return slim.stack(slim.flatten(h), slim.fully_connected, [4, 3], scope="fc")


CASES = {
    "slim_argscope_train": lambda x: network(x, True),
    "slim_argscope_infer": lambda x: network(x, False),
    "slim_repeat_stack": repeated,
    "slim_reuse": lambda x: slim.conv2d(slim.conv2d(x, 3, 3, scope="c"), 3, 3, scope="c", reuse=True),
    "resnet_conv2d_same": lambda x: resnet_utils.conv2d_same(x, 4, 3, stride=2, scope="c"),
    "metrics_accuracy": contrib.metrics.accuracy,
}


def test_every_stored_case_is_here():
    assert set(CASES) == set(STORED["cases"])


@pytest.mark.parametrize("case", sorted(CASES))
def test_values_and_variables_equal_tensorflows(case):
    check_case(STORED["cases"][case], os.path.join(GOLDEN, case + ".npz"), CASES[case],
               tf.int32 if case == "metrics_accuracy" else tf.float32)


def test_a_residual_network_has_the_variables_and_end_points_of_tensorflow():
    stored = STORED["resnet_v2_50"]
    with slim.arg_scope(resnet_v2.resnet_arg_scope()):
        output, end_points = resnet_v2.resnet_v2_50(tf.placeholder(tf.float32, [1, 65, 65, 3]), 11, is_training=True)
    trainable = {v.op.name for v in tf.trainable_variables()}
    assert [[v.op.name, v.shape.as_list(), v.op.name in trainable] for v in tf.global_variables()] == stored["variables"]
    assert {name: x.shape.as_list() for name, x in end_points.items()} == stored["end_points"]
    assert output.shape.as_list() == stored["output"]
    assert len(tf.get_collection("update_ops")) == stored["update_ops"]
    assert len(tf.get_collection("regularization_losses")) == stored["regularization_losses"]
