"""Parts of graph builders: placement of variables, lists of gradients, reductions over several CPU devices."""
import numpy as np
import pytest

from tensorpack.compat import tfv1 as tf
from tensorpack.graph_builder._gradients import dense_in_place
from tensorpack.graph_builder.utils import (
    GradientPacker,
    LeastLoadedDeviceSetter,
    aggregate_grads_colocate,
    allreduce_grads,
    allreduce_grads_hierarchical,
    allreduce_grads_naive,
    merge_grad_list,
    override_to_local_variable,
    split_grad_list,
)


def cpus(num):
    return ["/cpu:{}".format(k) for k in range(num)]


def session(num):
    return tf.Session(config=tf.ConfigProto(device_count={"CPU": num}))


def gradients(num, shapes=((3,), (2, 2)), dtype="float32"):
    """For each of `num` devices a list of constant gradients on it; and their sums."""
    rng = np.random.RandomState(0)
    values = [[np.array(rng.rand(*shape), dtype) for shape in shapes] for _ in range(num)]
    tensors = []
    for device, each in zip(cpus(num), values):
        with tf.device(device):
            tensors.append([tf.constant(value) for value in each])
    return tensors, [sum(each) for each in zip(*values)]


def slices(values, indices, rows=4):
    return tf.IndexedSlices(tf.constant(values, tf.float32), tf.constant(indices), tf.constant([rows, 2]))


@pytest.mark.parametrize("use_resource", [False, True], ids=["reference", "resource"])
def test_a_variable_goes_to_the_device_with_the_fewest_elements(use_resource):
    setter = LeastLoadedDeviceSetter("/cpu:0", cpus(3)[1:])
    with tf.device(setter), tf.variable_scope("", use_resource=use_resource):
        variables = [tf.get_variable(name, shape) for name, shape in [("a", [10]), ("b", [4, 2]), ("c", [1]), ("d", [5])]]
        total = variables[0] + 1
        with tf.device("/cpu:2"):
            chosen = tf.get_variable("chosen", [100])
    assert [v.device for v in variables] == ["/cpu:1", "/cpu:2", "/cpu:2", "/cpu:2"]
    assert setter.ps_sizes == [10, 14]
    assert total.device == "/cpu:0" and chosen.device == "/device:CPU:2"
    assert str(setter) == "LeastLoadedDeviceSetter-/cpu:0"


def test_a_variable_of_unknown_size_counts_as_empty(log_records):
    setter = LeastLoadedDeviceSetter("/cpu:0", cpus(2))
    with tf.device(setter):
        value = tf.placeholder_with_default([1.], [None])
        tf.Variable(value, validate_shape=False, name="unknown")
    assert setter.ps_sizes == [0, 0]
    assert any("unknown" in r.getMessage() for r in log_records if r.levelname == "WARNING")


@pytest.mark.parametrize("devices", [[], "/cpu:0"])
def test_parameter_devices_are_a_list(devices):
    with pytest.raises(ValueError, match="ps_devices must be a list"):
        LeastLoadedDeviceSetter("/cpu:0", devices)


def test_lists_are_split_and_merged():
    pairs = [[("g00", "v00"), ("g01", "v01")], [("g10", "v10"), ("g11", "v11")]]
    grads, variables = split_grad_list(pairs)
    assert grads == [["g00", "g01"], ["g10", "g11"]] and variables == [["v00", "v01"], ["v10", "v11"]]
    assert merge_grad_list(grads, variables) == pairs


def test_local_variables_may_be_asked_for_twice():
    with override_to_local_variable(), override_to_local_variable():
        tf.get_variable("a", [])
    assert [v.op.name for v in tf.local_variables()] == ["a"] and not tf.global_variables()


REDUCTIONS = {
    "naive": lambda grads, average: [allreduce_grads_naive(grads, cpus(8), average)] * 8,
    "naive-anywhere": lambda grads, average: [allreduce_grads_naive(grads, average=average)] * 8,
    "hierarchical": lambda grads, average: allreduce_grads_hierarchical(grads, cpus(8), average=average),
    "collective": lambda grads, average: allreduce_grads(grads, average, mode="collective"),
}


@pytest.mark.parametrize("average", [True, False], ids=["average", "sum"])
@pytest.mark.parametrize("reduction", sorted(REDUCTIONS))
def test_every_device_gets_the_sum_or_the_mean(reduction, average):
    tensors, sums = gradients(8)
    reduced = REDUCTIONS[reduction](tensors, average)
    with session(8) as sess:
        values = sess.run(reduced)
    assert len(values) == 8
    for each in values:
        for got, total in zip(each, sums):
            np.testing.assert_allclose(got, total / 8 if average else total, rtol=1e-6)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
@pytest.mark.parametrize("reduction", sorted(REDUCTIONS))
def test_half_precision_is_summed_in_single_precision(reduction, dtype):
    """The sum of the gradients is more than float16 holds, their mean is not; a row that was looked up often is counted so."""
    tensors = []
    for k, device in enumerate(cpus(8)):
        with tf.device(device):
            dense = tf.cast(tf.placeholder_with_default(np.float32([16384, k]), [2]), dtype)
            rows = tf.cast(tf.placeholder_with_default(np.ones((3000, 1), "float32"), [3000, 1]), dtype)
            tensors.append([dense, dense_in_place(tf.IndexedSlices(rows, np.zeros(3000, "int32"), [2, 1]))])
    reduced = REDUCTIONS[reduction](tensors, True)
    assert {grad.dtype for grads in reduced for grad in grads} == {tf.as_dtype(dtype)}
    with session(8) as sess:
        for dense, rows in sess.run([[tf.cast(grad, tf.float64) for grad in grads] for grads in reduced]):
            np.testing.assert_allclose(dense, [16384, 3.5], rtol=1e-2)
            np.testing.assert_allclose(rows, [[3000], [0]], rtol=1e-2)


@pytest.mark.parametrize("reduction", sorted(REDUCTIONS))
def test_sparse_gradients_are_taken(reduction):
    """Rows that occur twice count twice."""
    tensors = []
    for k, device in enumerate(cpus(8)):
        with tf.device(device):
            tensors.append([slices([[k, 1], [1, 1]], [0, k % 2])])
    reduced = REDUCTIONS[reduction](tensors, False)
    with session(8) as sess:
        for (dense,) in sess.run([[tf.convert_to_tensor(grad) for grad in grads] for grads in reduced]):
            np.testing.assert_array_equal(dense, [[28 + 4, 8 + 4], [4, 4], [0, 0], [0, 0]])


def test_the_naive_sum_of_sparse_gradients_is_sparse():
    (reduced,) = allreduce_grads_naive([[slices([[2, 4]], [1])], [slices([[4, 6]], [1])]])
    with tf.Session() as sess:
        value = sess.run(reduced)
    assert value.values.tolist() == [[1, 2], [2, 3]] and value.indices.tolist() == [1, 1]


def test_sparse_and_dense_gradients_of_one_variable_add_up():
    (reduced,) = allreduce_grads_naive([[slices([[2, 4]], [1])], [tf.ones([4, 2])]], average=False)
    with tf.Session() as sess:
        assert sess.run(reduced).tolist() == [[1, 1], [3, 5], [1, 1], [1, 1]]


def test_naive_sums_go_round_the_devices_from_the_last_gradient_on():
    tensors, _ = gradients(2, shapes=[(1,)] * 3)
    reduced = allreduce_grads_naive(tensors, cpus(2))
    assert [grad.device for grad in reduced] == ["/device:CPU:0", "/device:CPU:1", "/device:CPU:0"]
    assert all(grad.name.startswith("AllReduceNaive/") for grad in reduced)


def test_results_of_an_all_reduce_are_on_the_devices_of_their_towers():
    tensors, _ = gradients(3)
    reduced = allreduce_grads(tensors, True, mode="collective")
    assert [{grad.device for grad in grads} for grads in reduced] == [{"/device:CPU:{}".format(k)} for k in range(3)]
    assert all(grad.name.startswith("AllReduceGrads/") for grads in reduced for grad in grads)


def test_nccl_sums_are_separate_for_each_gradient():
    """No GPU here: the graph is looked at only."""
    tensors, _ = gradients(2)
    allreduce_grads(tensors, True)
    operations = [op for op in tf.get_default_graph().get_operations() if op.type == "NcclAllReduce"]
    names = [op.get_attr("shared_name") for op in operations]
    assert len(names) == 4 and len(set(names)) == 2
    assert [op.device for op in operations] == ["/device:CPU:0", "/device:CPU:1"] * 2
    assert {op.get_attr("num_devices") for op in operations} == {2}


def test_one_list_passes_as_it_is():
    tensors, _ = gradients(1)
    assert allreduce_grads(tensors, True) == tensors
    assert allreduce_grads_naive(tensors) == tensors[0]
    assert aggregate_grads_colocate([list(zip(tensors[0], "ab"))]) == list(zip(tensors[0], "ab"))


@pytest.mark.parametrize("call,words", [
    (lambda grads: allreduce_grads(grads, True, mode="mpi"), "'nccl' or 'collective'"),
    (lambda grads: allreduce_grads_hierarchical(grads, cpus(2)), "8 lists of gradients and 8 devices; got 2 and 2"),
    (lambda grads: allreduce_grads([[tf.constant(1.)]] * 2, True), "must be placed on a device"),
], ids=["mode", "two", "nowhere"])
def test_wrong_arguments_of_reductions(call, words):
    tensors, _ = gradients(2)
    with pytest.raises(ValueError, match=words):
        call(tensors)


def test_aggregation_takes_place_where_the_variable_is():
    with tf.device("/cpu:1"):
        weights = tf.get_variable("w", [3])
    tensors, (total,) = gradients(2, shapes=[(3,)])
    ((mean, variable),) = aggregate_grads_colocate([[(grads[0], weights)] for grads in tensors])
    assert variable is weights and mean.device == "/device:CPU:1" and mean.name.startswith("AggregateGradsColocate/")
    with session(2) as sess:
        np.testing.assert_allclose(sess.run(mean), total / 2, rtol=1e-6)


def test_packed_gradients_come_back_as_they_were():
    tensors, _ = gradients(2, shapes=[(2000,), (), (3, 30, 10), (7,)])
    packer = GradientPacker(num_split=2)
    assert packer.compute_strategy(tensors[0])
    packed = packer.pack_all(tensors, cpus(2))
    assert [[vector.shape.as_list() for vector in each] for each in packed] == [[[1454], [1454]]] * 2
    unpacked = packer.unpack_all(packed, cpus(2))
    names = {op.name for op in tf.get_default_graph().get_operations()}
    assert {"GradientPacker/concatenated_grads", "GradientPacker/concatenated_packs"} <= names
    with session(2) as sess:
        before, after = sess.run([tensors, unpacked])
    for left, right in zip(before[0] + before[1], after[0] + after[1]):
        np.testing.assert_array_equal(left, right)


@pytest.mark.parametrize("make,level", [
    (lambda: [tf.zeros([3000]), tf.placeholder(tf.float32, [None])], "WARNING"),
    (lambda: [tf.zeros([2047])], "INFO"),
    (lambda: [tf.zeros([3000]), tf.zeros([10], tf.float64)], "INFO"),
], ids=["unknown shape", "few elements", "dtypes"])
def test_gradients_that_are_not_packed(make, level, log_records):
    packer = GradientPacker(num_split=2)
    assert not packer.compute_strategy(make())
    assert [r.levelname for r in log_records] == [level]
    with pytest.raises(RuntimeError, match="can be called once"):
        packer.compute_strategy(make())
    with pytest.raises(RuntimeError, match="must have returned True"):
        packer.pack(make())
