"""What workers do together in TensorFlow: here two devices of one process take part, each with the operations of one worker."""
import itertools
import types

import numpy as np
import pytest

from tensorpack.compat import tfv1 as tf
from tensorpack.dataflow import DataFromGenerator, DataFromList
from tensorpack.dataflow.base import RNGDataFlow
from tensorpack.dataflow.common import MapData, ShardData
from tensorpack.train._distributed import ops as collective_ops
from tensorpack.train._distributed.collective import CollectiveTrainer, _compare_places
from tensorpack.train._distributed.graph_check import compare_graphs, describe_graph, describe_variables, digest, in_common
from tensorpack.train._distributed.ops import Gatherer, WorkerGroup, plan_buckets

SIZE = 2
_first_keys = itertools.count(1, 100000)  # TensorFlow remembers what was under a key


@pytest.fixture
def for_each_worker(monkeypatch):
    """Calls `build(group)` for each worker, with the numbers of operations that it would have in a process of its own."""
    def call(build):
        first, results = next(_first_keys), []
        for rank in range(SIZE):
            monkeypatch.setattr(collective_ops, "_instance_keys", itertools.count(first))
            group = WorkerGroup(SIZE, rank, "/job:localhost/replica:0/task:0/device:CPU:{}".format(rank))
            with tf.variable_scope("rank{}".format(rank)):
                results.append(build(group))
        return results

    return call


@pytest.fixture
def session():
    """A function that gives a session with two devices, in which all variables are initialised."""
    sessions = []

    def make():
        sessions.append(tf.Session(config=tf.ConfigProto(device_count={"CPU": SIZE})))
        sessions[-1].run(tf.global_variables_initializer())
        return sessions[-1]

    yield make
    for sess in sessions:
        sess.close()


@pytest.mark.parametrize("num_bytes, dtypes, bucket_bytes, expected", [
    ([4, 4, 4], "fff", 100, [[2, 1, 0]]),
    ([4, 4, 4], "fff", 8, [[2, 1], [0]]),
    ([4, 4, 4], "fff", 1, [[2], [1], [0]]),
    ([4, 100, 4], "fff", 50, [[2, 0], [1]]),
    ([4, 8, 4, 8], "fdfd", 100, [[3, 1], [2, 0]]),
    ([4, -1, 0, 4], "ffff", 100, [[3, 0], [2], [1]]),
    ([], "", 100, []),
], ids=["all fit", "full", "tiny bucket", "a large one", "two dtypes", "unknown and empty", "none"])
def test_plan_buckets(num_bytes, dtypes, bucket_bytes, expected):
    assert plan_buckets(num_bytes, list(dtypes), bucket_bytes) == expected


@pytest.mark.parametrize("average", [True, False], ids=["mean", "sum"])
@pytest.mark.parametrize("bucket_bytes", [1, 24, 1 << 20])
def test_gradients_of_all_kinds(for_each_worker, session, average, bucket_bytes):
    """Each result is the mean or sum over workers, in shape and dtype of the gradient."""
    values = {"vector": np.float32([1, 2, 3]), "scalar": np.array(5, "float32"),
              "matrix": np.arange(6, dtype="float32").reshape(2, 3), "half": np.float16([1, 300]),
              "double": np.float64([1e-9, 1]), "empty": np.zeros((0, 2), "float32"),
              "unknown": np.float32([[1, 2]]), "unknown and empty": np.zeros((0, 3), "float32")}

    def build(group):
        pairs = []
        for name, value in values.items():
            value = np.asarray(value * (1 + group.rank) ** 2, value.dtype)
            grad = tf.constant(value) if "unknown" not in name else tf.placeholder_with_default(
                value, [None] * value.ndim)
            pairs.append((grad, tf.get_variable(name.replace(" ", "_"), value.shape, value.dtype)))
        reduced = group.reduce_gradients(pairs, average, bucket_bytes)
        assert [variable for _, variable in reduced] == [variable for _, variable in pairs]
        assert [grad.dtype for grad, _ in reduced] == [grad.dtype for grad, _ in pairs]
        assert [grad.shape.as_list() for grad, _ in reduced][:6] == [list(value.shape) for value in values.values()][:6]
        return [grad for grad, _ in reduced]

    for results in session().run(for_each_worker(build)):
        for result, value in zip(results, values.values()):
            expected = value * (2.5 if average else 5)
            assert result.shape == value.shape and result.dtype == value.dtype
            np.testing.assert_allclose(result, expected, rtol=1e-6)


def test_the_mean_of_half_precision_does_not_overflow(for_each_worker, session):
    def build(group):
        variable = tf.get_variable("half", [1], tf.float16)
        return group.reduce_gradients([(tf.constant([60000.0], tf.float16), variable)], True, 1 << 20)[0][0]

    np.testing.assert_array_equal(session().run(for_each_worker(build)), np.full((2, 1), np.float16(60000)))


def test_sparse_gradients_have_the_rows_of_all_workers(for_each_worker, session):
    """So optimizers leave the other rows alone, as in one process."""
    rows = [np.int32([4, 1, 4]), np.int32([1, 0, 0])]

    def build(group):
        table = tf.get_variable("table", [6, 2])
        values = tf.constant(np.arange(6, dtype="float32").reshape(3, 2) + 10 * group.rank)
        grad = tf.IndexedSlices(values, tf.constant(rows[group.rank]), tf.constant([6, 2]))
        (reduced, _), = group.reduce_gradients([(grad, table)], False, 1 << 20)
        assert isinstance(reduced, tf.IndexedSlices) and reduced.indices.dtype == tf.int32
        return [reduced.indices, reduced.values]

    for indices, values in session().run(for_each_worker(build)):
        np.testing.assert_array_equal(indices, [0, 1, 4])
        np.testing.assert_array_equal(values, [[12 + 14, 13 + 15], [2 + 10, 3 + 11], [0 + 4, 1 + 5]])


def test_a_gradient_that_cannot_be_summed_is_refused(for_each_worker):
    def build(group):
        grad = tf.constant([1j])
        return group.reduce_gradients([(grad, tf.get_variable("z", initializer=grad))], True, 1)

    with pytest.raises(ValueError, match="must be real numbers; got complex"):
        for_each_worker(build)


@pytest.mark.parametrize("use_resource", [False, True], ids=["reference", "resource"])
def test_variables_get_the_values_of_the_chief(for_each_worker, session, use_resource, log_records):
    dtypes = ["float32", "float64", "float16", "int32", "int64", "bool", "uint8", "int8"]

    def build(group):
        variables = [tf.get_variable(dtype, initializer=tf.constant(np.array([1 - group.rank, 0, 7]).astype(dtype)),
                                     use_resource=use_resource) for dtype in dtypes]
        variables.append(tf.get_variable("empty", [0, 3], use_resource=use_resource))
        text = tf.get_variable("text", initializer=tf.constant(["rank{}".format(group.rank)]), use_resource=use_resource)
        return group.copy_from_chief(variables + [text]), variables, text

    workers = for_each_worker(build)
    sess = session()
    sess.run([operation for operation, _, _ in workers])
    for _, variables, _ in workers:
        for dtype, value in zip(dtypes, sess.run(variables)):
            np.testing.assert_array_equal(value, np.array([1, 0, 7]).astype(dtype))
    assert sess.run(workers[1][2]) == [b"rank1"]
    assert any("Variable rank1/text, string of shape (1,), cannot be sent" in record.getMessage() for record in log_records)


def test_alone_nothing_is_added():
    group = WorkerGroup(1, 0, "/job:worker/replica:0/task:0/device:CPU:0")
    pairs = [(tf.constant([1.0]), tf.get_variable("x", [1]))]
    assert group.reduce_gradients(pairs, True, 1) == pairs
    assert Gatherer(group).gather(None, {"a": 1}) == [{"a": 1}]


# ---- shards ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size, length, expected", [
    (1, 5, [[0, 1, 2, 3, 4]]),
    (2, 6, [[0, 2, 4], [1, 3, 5]]),
    (2, 5, [[0, 2], [1, 3]]),
    (3, 4, [[0], [1], [2]]),
])
def test_shards(size, length, expected):
    data = DataFromList([[k] for k in range(length)], shuffle=False)
    for rank in range(size):
        shard = ShardData(data, size, rank)
        shard.reset_state()
        assert len(shard) == len(expected[rank])
        for _ in range(2):
            assert [datapoint[0] for datapoint in shard] == expected[rank]


def test_a_shard_of_an_endless_flow_of_unknown_length():
    shard = ShardData(DataFromGenerator([k] for k in itertools.count()), 3, 1)
    with pytest.raises(NotImplementedError):
        len(shard)
    assert [datapoint[0] for datapoint in itertools.islice(shard, 3)] == [1, 4, 7]


class Drawing(RNGDataFlow):
    """A flow of a user's own, which may shuffle."""

    def __init__(self, shuffle=None):
        if shuffle is not None:
            self.shuffle = shuffle

    def __len__(self):
        return 4

    def __iter__(self):
        for k in self.rng.permutation(4):
            yield [k]


@pytest.mark.parametrize("flow, is_told", [
    (Drawing(), True), (MapData(Drawing(), list), True), (Drawing(shuffle=False), False),
    (DataFromList([[1]] * 4, shuffle=False), False)], ids=["own", "below a map", "without shuffling", "of the library"])
def test_a_flow_of_ones_own_with_random_numbers_is_told(flow, is_told, log_records):
    CollectiveTrainer.shard(types.SimpleNamespace(size=2, rank=0), flow)
    warnings = [record.getMessage() for record in log_records if record.levelname == "WARNING"]
    assert len(warnings) == is_told
    assert not is_told or "Drawing" in warnings[0] and "differ on each worker" in warnings[0]


# ---- comparison --------------------------------------------------------------------------------------------------------


def description(change=None, device="CPU"):
    with tf.Graph().as_default():
        x = tf.get_variable("x", [3 if change != "shape" else 4])
        gradient = tf.multiply(x, 2.0 if change != "constant" else 3.0, name="gradient")
        if change == "operation":
            gradient = tf.negative(gradient, name="more")
        if change == "type":
            gradient = tf.square(gradient, name="twice")
        elif change != "operation":
            gradient = tf.add(gradient, gradient, name="twice")
        if change == "beside":
            tf.zeros([1], name="beside")
        return describe_graph(tf.group(gradient, name="train_op"), [x], [gradient], device)


@pytest.mark.parametrize("change", ["constant", "beside"])
def test_graphs_that_may_differ(change):
    compare_graphs([description(), description(change)])
    assert digest(description()) == digest(description(change))


@pytest.mark.parametrize("change, expected", [
    ("shape", "rank 1 has another one than rank 0: variable 'x' is float32 (3,) on rank 0, float32 (4,) on rank 1"),
    ("operation", "only rank 1 has gradient 'more' (float32 (3,))"),
    ("type", "operation 'twice' is Add"),
])
def test_graphs_that_differ(change, expected):
    one, other = description(), description(change)
    assert digest(one) != digest(other)
    with pytest.raises(ValueError) as error:
        compare_graphs([one, one, other] if expected is None else [one, other])
    assert expected in str(error.value)


def test_devices_and_versions_that_differ():
    with pytest.raises(ValueError, match="device 'of the gradients' is CPU on rank 0, GPU on rank 2"):
        compare_graphs([description(), description(), description(device="GPU")])
    with pytest.raises(ValueError, match="the same TensorFlow; got 1.0 on rank 0, .* on rank 1"):
        compare_graphs([dict(description(), TensorFlow="1.0"), description()])


def test_many_differences_are_counted():
    one = dict(description(), variable={"v{}".format(k): "float32 ()" for k in range(10)})
    with pytest.raises(ValueError, match="'v2' .*; and 8 more differences; start them with the same script"):
        compare_graphs([one, description()])


def test_variables_in_common():
    variables = [tf.get_variable("b", [2]), tf.get_variable("a", [], tf.int64)]
    described = describe_variables(variables)
    assert described == {"b": "float32 (2,)", "a": "int64 ()"}
    assert in_common([described, dict(described, c="float32 ()")]) == ["a", "b"]
    assert in_common([described, dict(described, a="int32 ()")]) == ["b"]


def test_workers_at_different_places_are_named_with_what_to_do():
    _compare_places(["the start of epoch 1"] * 2)
    with pytest.raises(ValueError, match=r"at gather_objects\(\), rank 1 at x; a callback.* by set_chief_only\(False\)$"):
        _compare_places(["gather_objects()", "x"])
    with pytest.raises(ValueError, match="rank 0 is at y, rank 1 at x$"):
        _compare_places(["y", "x"])
