"""The names of `tf.layers`, `contrib.layers` and `contrib.framework`: which there are, and what they take."""
import json
import subprocess
import sys

import pytest
from layers_signatures import MODULES, STORED, describe, our_module, tensorflow_module

from tensorpack import compat
from tensorpack.tf1._tensorflow.contrib.framework import has_arg_scope

with open(STORED) as f:
    TENSORFLOWS = json.load(f)
COLUMNS = {"column", "columns"}  # feature columns, which TensorFlow has elsewhere, and readers of them
NOT_OFFERED = {
    "contrib.layers": {"RevBlock", "SPARSE_FEATURE_CROSS_DEFAULT_HASH_KEY", "create_feature_spec_for_parsing",
                       "make_place_holder_tensors_for_base_features", "multi_class_target", "recompute_grad",
                       "regression_target", "rev_block", "transform_features"},
    "contrib.framework": {"BoundedTensorSpec", "RecordInput", "convolutional_delta_orthogonal", "convolutional_orthogonal_1d",
                          "convolutional_orthogonal_2d", "convolutional_orthogonal_3d", "fuse_op",
                          "load_and_remap_matrix_initializer", "load_embedding_initializer",
                          "load_linear_multiclass_bias_initializer", "load_variable_slot_initializer", "smart_case",
                          "zero_initializer"},
    "contrib.framework.python.ops.variables": {"zero_initializer"},
    "contrib.layers.python.layers.optimizers": {"absolute_import", "division", "print_function"},
    "contrib.layers.python.layers.embedding_ops": {"embedding_lookup_sparse_with_distributed_aggregation",
                                                   "scattered_embedding_lookup", "scattered_embedding_lookup_sparse"},
}
# A function of TensorFlow that says less: made by a decorator, or in C++
DESCRIBED_BETTER = {"scale_gradient", "is_sequence"}


@pytest.mark.parametrize("path", MODULES)
def test_signatures_are_tensorflows(path):
    ours, stored = json.loads(json.dumps(describe(our_module(path), has_arg_scope))), TENSORFLOWS[path]
    missing = {name for name in set(stored) - set(ours) if not COLUMNS & set(name.replace("from_", "").split("_"))}
    assert missing == NOT_OFFERED.get(path, set())
    if path.endswith("nest") and compat.VERSION >= (2, 0):
        return  # TensorFlow's own functions, which have changed since
    for name in set(ours) & set(stored) - DESCRIBED_BETTER:
        assert ours[name] == stored[name], name


@pytest.mark.skipif(compat.VERSION >= (2, 0), reason="asks TensorFlow 1.15 itself")
@pytest.mark.parametrize("path", MODULES)
def test_stored_signatures_are_those_of_tensorflow(path):
    from tensorflow.contrib.framework import has_arg_scope

    assert json.loads(json.dumps(describe(tensorflow_module(path), has_arg_scope))) == TENSORFLOWS[path]


@pytest.mark.parametrize("path", ["layers", "contrib.layers", "contrib.framework"])
def test_a_name_that_is_not_offered_says_so_when_it_is_used(path):
    with pytest.raises(AttributeError, match="test_tf1_layers_names.py:[0-9]+: tf.{}.no_such_name".format(path)):
        our_module(path).no_such_name  # noqa: B018


def test_a_submodule_may_share_its_name_with_a_function():
    ops = our_module("contrib.framework.python.ops")
    assert callable(ops.arg_scope) and callable(ops.add_arg_scope) and ops.variables.model_variable is ops.model_variable


PROGRAM = """
import tensorflow as tf
from tensorflow.python.layers import base, convolutional, core, normalization, pooling
from tensorflow.python.layers.normalization import BatchNorm, BatchNormalization
from tensorflow.contrib.framework.python.ops import add_arg_scope, arg_scope, variables
from tensorflow.contrib.layers.python.layers import initializers, layers, regularizers, utils
import tensorflow.contrib.layers as contrib_layers
import tensorflow.contrib.slim as slim

assert base.Layer is tf.layers.Layer and core.Dense is tf.layers.Dense and core.FullyConnected is tf.layers.Dense
assert BatchNorm is BatchNormalization is tf.layers.BatchNormalization and pooling.max_pooling2d is tf.layers.max_pooling2d
assert convolutional.Convolution2D is tf.layers.Conv2D and convolutional.deconv2d is tf.layers.conv2d_transpose
assert layers.conv2d is contrib_layers.conv2d is slim.conv2d and slim.arg_scope is arg_scope
assert regularizers.l2_regularizer is slim.l2_regularizer and 'Dense' in dir(tf.layers) and 'Dense' in dir(core)
with arg_scope([slim.conv2d], weights_regularizer=slim.l2_regularizer(0.1)):
    y = tf.layers.conv2d(slim.conv2d(tf.zeros([1, 8, 8, 3]), 4, 3), 3, 2)
assert len(tf.losses.get_regularization_losses()) == 1
try:
    tf.layers.no_such_name
except AttributeError:
    print([v.op.name for v in tf.global_variables()])
"""


def test_a_program_reaches_them_by_any_path(tmp_path):
    (tmp_path / "program.py").write_text(PROGRAM)
    done = subprocess.run([sys.executable, "-W", "ignore", "-m", "tensorpack.tf1", str(tmp_path / "program.py")], timeout=300,
                          stdout=subprocess.PIPE, check=True, text=True)
    assert done.stdout.splitlines()[-1] == "['Conv/weights', 'Conv/biases', 'conv2d/kernel', 'conv2d/bias']"


def test_importing_them_loads_no_keras():
    code = ("import sys, tensorpack.compat; before = set(sys.modules)\n"
            "from tensorpack.tf1._tensorflow import layers\n"
            "from tensorpack.tf1._tensorflow.contrib import framework, layers\n"
            "print([name for name in set(sys.modules) - before if 'keras' in name])")
    done = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, timeout=300, check=True, text=True)
    assert done.stdout.strip() == "[]"
