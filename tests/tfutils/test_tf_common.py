import pytest

from tensorpack import compat
from tensorpack.compat import tfv1 as tf
from tensorpack.tfutils.common import (
    as_value,
    build_or_reuse_placeholder,
    get_default_sess_config,
    get_global_step_value,
    get_global_step_var,
    get_op_or_tensor_by_name,
    get_op_tensor_name,
    get_tensors_by_names,
    get_tf_version_tuple,
    gpu_available_in_session,
)


def test_default_session_config():
    config = get_default_sess_config(mem_fraction=0.5)
    assert config.allow_soft_placement
    assert config.inter_op_parallelism_threads == 0
    assert config.gpu_options.per_process_gpu_memory_fraction == 0.5
    assert config.gpu_options.allow_growth
    assert get_default_sess_config().gpu_options.per_process_gpu_memory_fraction == 0.99


@pytest.mark.parametrize("gpu, threads", [(True, 1), (False, 0)])
def test_one_thread_per_op_only_with_a_gpu(monkeypatch, gpu, threads):
    monkeypatch.setattr(compat, "has_gpu", lambda: gpu)
    assert get_default_sess_config().intra_op_parallelism_threads == threads


@pytest.mark.parametrize("name, expected", [
    ("a", ("a", "a:0")),
    ("a:0", ("a", "a:0")),
    ("s/a:3", ("s/a", "s/a:3")),
    ("a:10", ("a", "a:10")),
    ("s/a:123", ("s/a", "s/a:123")),
    ("a1", ("a1", "a1:0")),
])
def test_op_tensor_name(name, expected):
    assert get_op_tensor_name(name) == expected


def test_output_ten_is_found_by_name():
    parts = tf.split(tf.range(12), 12, name="parts")
    assert get_tensors_by_names(["parts:11", "parts"]) == [parts[11], parts[0]]
    assert get_op_or_tensor_by_name("parts:10") is parts[10]


def test_lookup_gives_tensor_or_operation():
    x = tf.constant(1, name="x")
    assert get_op_or_tensor_by_name("x:0") is x
    assert get_op_or_tensor_by_name("x") is x.op
    assert get_op_or_tensor_by_name(["x", "x:0"]) == [x.op, x]


@pytest.mark.parametrize("lookup", [lambda: get_tensors_by_names(["nope"]), lambda: get_op_or_tensor_by_name("nope"),
                                    lambda: get_op_or_tensor_by_name("nope:0")], ids=["tensors", "op", "tensor"])
def test_missing_name_is_a_key_error(lookup):
    with pytest.raises(KeyError, match="nope"):
        lookup()


@pytest.mark.parametrize("use_resource", [False, True], ids=["ref", "resource"])
def test_variable_name_gives_its_value(use_resource):
    with tf.variable_scope("s", use_resource=use_resource):
        variable = tf.get_variable("w", initializer=3.0)
    num_ops = len(tf.get_default_graph().get_operations())
    found = get_tensors_by_names(["s/w"]) + [get_op_or_tensor_by_name("s/w:0"), as_value(variable)]
    assert len(tf.get_default_graph().get_operations()) == num_ops
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        assert sess.run(found) == [3.0] * 3


def test_handle_whose_own_read_was_pruned_gives_another_read():
    with tf.Graph().as_default() as original:
        variable = tf.get_variable("w", initializer=3.0, use_resource=True)
        tf.add(variable.read_value(), 1.0, name="out")
    pruned = tf.graph_util.extract_sub_graph(original.as_graph_def(), ["out"])
    tf.import_graph_def(pruned, name="")
    assert get_tensors_by_names(["w"])[0].dtype == tf.float32


def test_handle_that_nothing_reads_stays_a_handle():
    handle = tf.raw_ops.VarHandleOp(dtype=tf.float32, shape=(), shared_name="h", name="h")
    assert as_value(handle) is handle


def test_global_step_is_a_root_variable_made_once():
    with tf.variable_scope("outer", custom_getter=lambda getter, *args, **kwargs: getter(*args, **kwargs)):
        with tf.name_scope("inner"):
            step = get_global_step_var()
            assert tf.get_variable_scope().name == "outer"
    assert step.name == "global_step:0"
    assert step.dtype.base_dtype == tf.int64
    assert get_global_step_var() is step
    assert tf.get_collection(tf.GraphKeys.GLOBAL_STEP) == [step]
    assert tf.global_variables() == [step]
    assert tf.trainable_variables() == []


def test_global_step_differs_between_graphs():
    first = get_global_step_var()
    with tf.Graph().as_default() as graph:
        second = get_global_step_var()
        assert second is not first
        assert second.graph is graph


def test_global_step_is_found_under_reuse():
    with tf.variable_scope("s", reuse=True):
        assert get_global_step_var().name == "global_step:0"


def test_global_step_value_comes_from_the_default_session():
    step = get_global_step_var()
    with tf.Session() as sess:
        sess.run(step.initializer)
        sess.run(step.assign(7))
        value = get_global_step_value()
    assert value == 7 and type(value) is int


@pytest.mark.parametrize("function", [get_global_step_value, gpu_available_in_session])
def test_without_default_session_the_error_says_so(function):
    with pytest.raises(RuntimeError, match="default session"):
        function()


def test_gpu_available_agrees_with_the_devices_of_the_session():
    with tf.Session() as sess:
        assert gpu_available_in_session() == any(d.device_type == "GPU" for d in sess.list_devices())


def test_version_tuple_is_tensorflows():
    assert ".".join(map(str, get_tf_version_tuple())) == ".".join(tf.__version__.split(".")[:2])


def test_placeholder_is_made_at_the_root_and_reused():
    spec = tf.TensorSpec((None, 3), tf.float32, "image")
    with tf.name_scope("inner"):
        image = build_or_reuse_placeholder(spec)
    assert image.name == "image:0"
    assert image.shape.as_list() == [None, 3]
    assert build_or_reuse_placeholder(spec) is image


def test_compatible_but_different_shape_makes_a_new_placeholder():
    build_or_reuse_placeholder(tf.TensorSpec((None, 3), tf.float32, "image"))
    other = build_or_reuse_placeholder(tf.TensorSpec((2, 3), tf.float32, "image"))
    assert other.name == "image_1:0"
    unknown = build_or_reuse_placeholder(tf.TensorSpec(None, tf.float32, "any"))
    assert build_or_reuse_placeholder(tf.TensorSpec(None, tf.float32, "any")) is unknown


@pytest.mark.parametrize("spec, words", [
    (tf.TensorSpec((None, 4), tf.float32, "image"), "compatible"),
    (tf.TensorSpec((None, 3), tf.int32, "image"), "compatible"),
    (tf.TensorSpec((), tf.float32, "one"), "Const"),
], ids=["shape", "dtype", "no placeholder"])
def test_name_taken_by_something_else(spec, words):
    tf.placeholder(tf.float32, (None, 3), name="image")
    tf.constant(1.0, name="one")
    with pytest.raises(ValueError, match=words):
        build_or_reuse_placeholder(spec)
