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


def test_importing_them_loads_no_keras():
    code = ("import sys, tensorpack.compat; before = set(sys.modules)\n"
            "from tensorpack.tf1._tensorflow import layers\n"
            "from tensorpack.tf1._tensorflow.contrib import framework, layers\n"
            "print([name for name in set(sys.modules) - before if 'keras' in name])")
    done = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, timeout=300, check=True, text=True)
    assert done.stdout.strip() == "[]"
