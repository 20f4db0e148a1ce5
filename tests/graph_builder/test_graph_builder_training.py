"""Builders: towers on devices, and the one update of their gradients."""
import pytest

from tensorpack.compat import tfv1 as tf
from tensorpack.graph_builder import DataParallelBuilder
from tensorpack.graph_builder.training import (
    AsyncMultiGPUBuilder,
    GraphBuilder,
    SyncMultiGPUParameterServerBuilder,
    SyncMultiGPUReplicatedBuilder,
)
from tensorpack.graph_builder.utils import LeastLoadedDeviceSetter
from tensorpack.tfutils.tower import get_current_tower_context


def tower():
    """A variable, and what the context says."""
    weights = tf.get_variable("w", [2], initializer=tf.ones_initializer())
    context = get_current_tower_context()
    return weights, tf.identity(weights * 2, name="double"), (context.index, context.total, context.has_own_variables)


def test_towers_are_named_by_position_and_placed_by_number(log_records):
    results = DataParallelBuilder.call_for_each_tower([3, 1], tower)
    assert [double.name for _, double, _ in results] == ["tower0/double:0", "tower1/double:0"]
    assert [double.device for _, double, _ in results] == ["/device:GPU:3", "/device:GPU:1"]
    assert results[0][0] is results[1][0] and results[0][0].device == "/device:GPU:3"
    assert [facts for _, _, facts in results] == [(0, 2, True), (1, 2, False)]
    assert sum("training tower" in r.getMessage() for r in log_records) == 2


def test_towers_with_variables_of_their_own():
    results = DataParallelBuilder.call_for_each_tower([0, 1], tower, ["/cpu:0", "/cpu:1"], use_vs=[False, True])
    assert [weights.op.name for weights, _, _ in results] == ["w", "tower1/w"]
    assert [v.op.name for v in tf.global_variables()] == ["w"]
    assert [v.op.name for v in tf.local_variables()] == ["tower1/w"]
    assert [v.op.name for v in tf.trainable_variables()] == ["w", "tower1/w"]
    assert [facts for _, _, facts in results] == [(0, 2, True), (1, 2, True)]


def test_devices_may_be_functions():
    devices = [LeastLoadedDeviceSetter("/cpu:{}".format(k), ["/cpu:2"]) for k in range(2)]
    results = DataParallelBuilder.call_for_each_tower([0, 1], tower, devices)
    assert results[0][0].device == "/cpu:2"
    assert [double.device for _, double, _ in results] == ["/cpu:0", "/cpu:1"]


def test_the_former_name_still_calls():
    assert len(DataParallelBuilder.build_on_towers([0], tower, devices=["/cpu:0"])) == 1


@pytest.mark.parametrize("kwargs,words", [
    ({"devices": ["/cpu:0"]}, "devices must have an element for each of the 2 towers; got 1"),
    ({"use_vs": [True] * 3}, "use_vs must have an element for each of the 2 towers; got 3"),
], ids=["devices", "use_vs"])
def test_lists_of_the_wrong_length(kwargs, words):
    with pytest.raises(ValueError, match=words):
        DataParallelBuilder.call_for_each_tower([0, 1], tower, **kwargs)


def test_an_error_in_a_tower_leaves_its_scopes():
    def fail():
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        DataParallelBuilder.call_for_each_tower([0, 1], fail)
    assert get_current_tower_context() is None
    assert tf.get_variable_scope().name == "" and not tf.get_default_graph().get_name_scope()


def test_a_graph_builder_is_abstract():
    with pytest.raises(TypeError):
        GraphBuilder()


@pytest.mark.parametrize("make,words", [
    (lambda: SyncMultiGPUParameterServerBuilder([0, 1], "tpu"), "ps_device must be 'gpu' or 'cpu'; got 'tpu'"),
    (lambda: SyncMultiGPUReplicatedBuilder([0, 1], True, "ring"), "one of nccl, cpu, gpu, .*; got 'ring'"),
    (lambda: SyncMultiGPUReplicatedBuilder([0, 1], True, "hierarchical"), "must have 8 towers; got 2"),
    (lambda: AsyncMultiGPUBuilder([]), "towers must be a list"),
    (lambda: AsyncMultiGPUBuilder(2), "towers must be a list"),
    (lambda: AsyncMultiGPUBuilder([0], device_type="tpu"), "device_type must be 'gpu' or 'cpu'"),
], ids=["ps", "mode", "eight", "empty", "number", "type"])
def test_wrong_arguments(make, words):
    with pytest.raises(ValueError, match=words):
        make()


def gradients_of(builder):
    def build():
        weights = tf.get_variable("w", [2], initializer=tf.ones_initializer())
        return [(tf.ones([2]) * (1 + get_current_tower_context().index), weights)]

    return builder.call_for_each_tower(build)


@pytest.mark.parametrize("make,num,devices", [
    (lambda num: SyncMultiGPUParameterServerBuilder(range(num), "gpu", device_type="cpu"), 2, {"/cpu:0"}),
    (lambda num: SyncMultiGPUParameterServerBuilder([2, 1], "gpu", device_type="cpu"), 2, {"/cpu:2"}),
    (lambda num: SyncMultiGPUParameterServerBuilder([2, 1], "cpu", device_type="cpu"), 2, {"/cpu:0"}),
    (lambda num: AsyncMultiGPUBuilder([3, 1, 2], device_type="cpu"), 3, {"/cpu:3"}),
    (lambda num: AsyncMultiGPUBuilder([3, 1, 2, 4], device_type="cpu"), 4, {"/cpu:0"}),
], ids=["ps-gpu", "ps-gpu-numbers", "ps-cpu", "async-3", "async-4"])
def test_shared_variables_are_where_the_builder_puts_them(make, num, devices):
    builder = make(num)
    gradients_of(builder)
    assert {v.device for v in tf.global_variables()} == devices


def apply(builder, opt):
    built = builder.build(gradients_of(builder), lambda: opt)
    train_op = built[0] if isinstance(built, tuple) else built
    assert train_op.name == "train_op"
    with tf.Session(config=tf.ConfigProto(device_count={"CPU": 2})) as sess:
        sess.run([tf.global_variables_initializer(), tf.local_variables_initializer()])
        sess.run(train_op)
        return [value.tolist() for value in sess.run(tf.trainable_variables())]


@pytest.mark.parametrize("make,expected", [
    (lambda: SyncMultiGPUParameterServerBuilder([0, 1], "gpu", device_type="cpu"), [[-0.5, -0.5]]),
    (lambda: SyncMultiGPUReplicatedBuilder([0, 1], True, "gpu", device_type="cpu"), [[-0.5, -0.5]] * 2),
    (lambda: SyncMultiGPUReplicatedBuilder([0, 1], False, "COLLECTIVE", device_type="cpu"), [[-2, -2]] * 2),
    (lambda: AsyncMultiGPUBuilder([0, 1], device_type="cpu"), [[-0.5, -0.5]]),
    (lambda: AsyncMultiGPUBuilder([0, 1], False, device_type="cpu"), [[-2, -2]]),
], ids=["ps", "replicated-average", "replicated-sum", "async-scaled", "async"])
def test_one_update_from_the_gradients_of_all_towers(make, expected):
    builder = make()
    assert apply(builder, tf.train.GradientDescentOptimizer(1.0)) == expected
    assert builder.grads


def test_the_sync_operation_goes_by_names(log_records):
    """Copies without an original are left alone, unless they are trainable."""
    for name in ("w", "tower1/w", "tower1/only", "towers/w", "tower_w", "tower0/w"):
        tf.get_variable(name, [], initializer=tf.constant_initializer(len(name)), trainable=False)
    sync = SyncMultiGPUReplicatedBuilder.get_post_init_ops()
    assert sync.name == "sync_variables_from_main_tower"
    warned = [r.getMessage() for r in log_records if r.levelname == "WARNING"]
    assert len(warned) == 3 and all(any(name in line for line in warned) for name in ("tower1/only", "towers/w", "tower_w"))
    assert any("includes 1 operation." in r.getMessage() for r in log_records)
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        sess.run(sync)
        assert sess.run(["tower1/w:0", "tower0/w:0", "w:0"]) == [1, 8, 1]


def test_a_trainable_copy_must_have_an_original():
    tf.get_variable("tower1/w", [])
    with pytest.raises(ValueError, match="tower1/w belongs to a tower but not to the main one"):
        SyncMultiGPUReplicatedBuilder.get_post_init_ops()


def test_the_sync_operation_reads_resource_variables():
    with tf.variable_scope("", use_resource=True):
        for name in ("w", "tower1/w"):
            tf.get_variable(name, [], initializer=tf.constant_initializer(len(name)))
    sync = SyncMultiGPUReplicatedBuilder.get_post_init_ops()
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        sess.run(sync)
        assert sess.run(tf.global_variables()) == [1, 1]


def test_gradients_of_a_dtype_that_nccl_lacks_are_summed_otherwise(log_records):
    builder = SyncMultiGPUReplicatedBuilder([0, 1], True, "nccl")

    def build():
        weights = tf.get_variable("w", [2], tf.bfloat16)
        return [(tf.ones([2], tf.bfloat16), weights)]

    builder.build(builder.call_for_each_tower(build), lambda: tf.train.GradientDescentOptimizer(1.0))
    assert not any(op.type == "NcclAllReduce" for op in tf.get_default_graph().get_operations())
    assert any("float16, float32 and float64 only" in r.getMessage() for r in log_records)


def test_many_gradients_are_packed_before_they_go_round_two_groups():
    builder = SyncMultiGPUReplicatedBuilder(range(8), True, "hierarchical", device_type="cpu")

    def build():
        return [(tf.ones([9000]), tf.get_variable("a", [9000])), (tf.ones([8, 3]), tf.get_variable("b", [8, 3]))]

    builder.build(builder.call_for_each_tower(build), lambda: tf.train.GradientDescentOptimizer(1.0))
    names = {op.name for op in tf.get_default_graph().get_operations()}
    assert {"GradientPacker/concatenated_grads", "GradientPacker/concatenated_packs",
            "AllReduceGradsHierachical/group0_agg", "AllReduceGradsHierachical/group1_total_agg",
            "AllReduceGradsHierachical/device7_total_agg"} <= names
