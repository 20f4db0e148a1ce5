"""`contrib.framework` and what `contrib.layers` shares: checkpoints, scopes of arguments, collections, initial values."""
import json
import os

import numpy as np
import pytest

from tensorpack.compat import tfv1 as tf
from tensorpack.tf1._tensorflow.contrib import framework
from tensorpack.tf1._tensorflow.contrib import layers as clayers
from tensorpack.tf1._tensorflow.contrib.layers.python.layers import utils

CASES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "data", "layers_golden", "cases.json")


@pytest.fixture
def checkpoint(tmp_path):
    """Of variables a/v [2, 3], a/w [4] and b [2]."""
    values = {"a/v": np.arange(6, dtype="float32").reshape(2, 3), "a/w": np.ones(4, "float32"), "b": np.zeros(2, "float32")}
    with tf.Graph().as_default(), tf.Session() as sess:
        for name, value in values.items():
            tf.get_variable(name, initializer=value)
        sess.run(tf.global_variables_initializer())
        path = tf.train.Saver().save(sess, str(tmp_path / "model"))
    return path, values


def read(variables):
    return [value.tolist() for value in tf.get_default_session().run(variables)]


def test_variables_take_values_of_a_checkpoint(checkpoint):
    path, values = checkpoint
    v = tf.get_variable("x/v", [2, 3])
    parts = list(tf.get_variable("a/w", [4], partitioner=tf.fixed_size_partitioner(2)))
    operation, feeds = framework.assign_from_checkpoint(path, {"a/v": v, "a/w": parts})
    missing = tf.get_variable("missing", [2])
    with pytest.raises(ValueError, match="has no variable 'missing'"):
        framework.assign_from_checkpoint(path, [missing])
    with pytest.raises(ValueError, match=r"same shape in graph and checkpoint; got \(2,\) and \(4,\)"):
        framework.assign_from_checkpoint(path, {"a/w": missing})
    ignoring = framework.assign_from_checkpoint(path, parts + [missing], ignore_missing_vars=True)
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        sess.run(operation, feeds)
        sess.run(*ignoring)
        assert read([v] + parts) == [values["a/v"].tolist(), [1, 1], [1, 1]]


def test_a_function_restores_what_there_is(checkpoint):
    path, values = checkpoint
    with tf.variable_scope("a"):
        v, other = tf.get_variable("v", [3, 2]), tf.get_variable("other", [1])
    restore = framework.assign_from_checkpoint_fn(path, [v, other], ignore_missing_vars=True, reshape_variables=True)
    assert framework.assign_from_checkpoint_fn(path, [other], ignore_missing_vars=True) is None
    with pytest.raises(ValueError, match="must not be empty"):
        framework.assign_from_checkpoint_fn(path, [])
    with tf.Session() as sess:
        restore(sess)
        assert read([v]) == [values["a/v"].reshape(3, 2).tolist()]


def test_variables_start_with_values_of_a_checkpoint(checkpoint):
    path, values = checkpoint
    folder = os.path.dirname(path)
    with tf.variable_scope("new"):
        v, w = tf.get_variable("v", [2, 3]), tf.get_variable("w", [4])
    framework.init_from_checkpoint(path, {"a/": "new/"})
    assert framework.list_variables(folder) == [("a/v", [2, 3]), ("a/w", [4]), ("b", [2])]
    assert framework.load_variable(folder, "a/w:0").tolist() == [1, 1, 1, 1]
    assert framework.load_checkpoint(path).get_variable_to_shape_map()["b"] == [2]
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        assert read([v, w]) == [values["a/v"].tolist(), [1, 1, 1, 1]]


def test_variables_take_values_by_name():
    v, w = tf.get_variable("v", [2, 2]), tf.get_variable("v_2", [1])
    operation, feeds = framework.assign_from_values({"v": np.arange(4.0)})
    also = framework.assign_from_values_fn({"v_2": np.float32([7])})
    with pytest.raises(ValueError, match="no variable named 'x'"):
        framework.assign_from_values({"x": np.zeros(1)})
    with pytest.raises(ValueError, match="no variable named 'v_'; names that begin so: v_2|no variable named 'y'"):
        framework.assign_from_values({"y": np.zeros(1)})
    with tf.Session() as sess:
        sess.run(operation, feeds)
        also(sess)
        assert read([v, w]) == [[[0, 1], [2, 3]], [7]]


def test_the_step_counter():
    assert framework.get_global_step() is None and framework.assert_or_get_global_step() is None
    step = framework.create_global_step()
    assert framework.get_or_create_global_step() is step and framework.assert_or_get_global_step() is step
    assert framework.assert_or_get_global_step(global_step_tensor=step) is step
    with pytest.raises(TypeError):
        framework.assert_global_step(tf.constant(0.5))
    with pytest.raises(ValueError):
        framework.create_global_step()


def test_variables_are_spread_over_parameter_servers():
    with tf.device(framework.VariableDeviceChooser(num_tasks=2)):
        places = [tf.get_variable(name, [1]).device for name in "ab"]
    assert len(set(places)) == 2 and all("/job:ps/task:" in place.replace("/replica:0", "") for place in places)
    with tf.device(framework.VariableDeviceChooser(device_type="GPU", device_index=1)):
        assert "GPU:1" in tf.get_variable("c", [1]).device.upper()


@framework.add_arg_scope
def layer(x, size, rate=1, name=None):
    return x, size, rate, name


class TestArgScope:
    def test_a_scope_ends_when_something_fails(self):
        with pytest.raises(ZeroDivisionError), framework.arg_scope([layer], rate=2):
            assert layer(0, 1) == (0, 1, 2, None)
            raise ZeroDivisionError
        assert layer(0, 1) == (0, 1, 1, None) and framework.current_arg_scope() == {}

    def test_methods_and_partial_calls_take_defaults(self):
        class Network:
            @framework.add_arg_scope
            def block(self, x, rate=1):
                return x * rate

        with framework.arg_scope([Network.block], rate=3):
            assert Network().block(2) == 6 and Network().block(2, rate=1) == 2

    def test_it_may_be_a_decorator(self):
        @framework.arg_scope([layer], name="n")
        def build():
            return layer(0, size=4)

        assert build() == build() == (0, 4, 1, "n")

    def test_a_positional_argument_is_not_given_twice(self):
        with framework.arg_scope([layer], rate=2), pytest.raises(TypeError, match="rate"):
            layer(0, 1, 3)

    @pytest.mark.parametrize("call,error,message", [
        (lambda: framework.arg_scope(layer, rate=1), TypeError, r"must be a list or tuple.*write \[function\]"),
        (lambda: framework.arg_scope([len], rate=1), ValueError, "len is not decorated with @add_arg_scope"),
        (lambda: framework.arg_scope({}, rate=1), ValueError, "takes no keyword arguments; got rate"),
        (lambda: framework.arg_scoped_arguments(len), ValueError, "not decorated")])
    def test_wrong_uses_are_said_clearly(self, call, error, message):
        with pytest.raises(error, match=message):
            with call():
                pass
        assert framework.current_arg_scope() == {}


def test_outputs_are_found_by_alias():
    x = tf.zeros([2, 5, 5, 3])
    with tf.variable_scope("net"):
        y = clayers.conv2d(x, 4, 3, scope="c1", outputs_collections="ends")
        z = clayers.max_pool2d(y, 2, scope="p1", outputs_collections=["ends", "pools"])
    utils.collect_named_outputs("ends", "again/", y)
    ends = utils.convert_collection_to_dict("ends")
    assert list(ends) == ["net/c1", "again", "net/p1"] and ends["net/p1"] is z and ends["again"] is y
    assert utils.gather_tensors_aliases([y, x]) == ["net/c1", "again", x.op.name]
    assert list(utils.convert_collection_to_dict("pools", clear_collection=True)) == ["net/p1"]
    assert tf.get_collection("pools") == []


@pytest.mark.parametrize("call,expected", [
    (lambda: utils.two_element_tuple(3), (3, 3)), (lambda: utils.two_element_tuple([1, 2]), (1, 2)),
    (lambda: utils.two_element_tuple(tf.TensorShape([4, 5])), (4, 5)), (lambda: utils.n_positive_integers(3, 2), (2, 2, 2)),
    (lambda: utils.n_positive_integers(2, (1, 4)), (1, 4)), (lambda: utils.constant_value(tf.constant(True)), True),
    (lambda: utils.constant_value(tf.placeholder(tf.bool)), None), (lambda: utils.constant_value(False), False),
    (lambda: utils.smart_cond(tf.constant(True), lambda: "a", lambda: "b"), "a"),
    (lambda: utils.static_cond(False, lambda: "a", lambda: "b"), "b"),
    (lambda: utils.last_dimension(tf.TensorShape([2, 3])), 3), (lambda: utils.channel_dimension(
        tf.TensorShape([None, 7, None]), "channels_first"), 7)])
def test_small_helpers(call, expected):
    assert call() == expected


@pytest.mark.parametrize("call", [
    lambda: utils.two_element_tuple([1, 2, 3]), lambda: utils.n_positive_integers(2, 0),
    lambda: utils.n_positive_integers(0, 1), lambda: utils.n_positive_integers(2, "ab"),
    lambda: utils.constant_value(None), lambda: utils.last_dimension(
        tf.TensorShape([2, None])), lambda: utils.channel_dimension(tf.TensorShape([2]), "channels_last", min_rank=2)])
def test_small_helpers_refuse(call):
    with pytest.raises(ValueError):
        call()


with open(CASES) as f:
    INITIALIZERS = json.load(f)["initializers"]


@pytest.mark.parametrize("case", sorted(INITIALIZERS))
def test_initial_values_are_distributed_as_tensorflows(case):
    expected, (call, shape) = INITIALIZERS[case], case.split(" [")
    namespace = {name: getattr(clayers, name) for name in clayers.__all__}
    namespace.update(FAN_AVG="FAN_AVG", FAN_OUT="FAN_OUT")
    initializer = eval(call.replace("contrib.layers.", ""), namespace)
    tf.set_random_seed(3)
    with tf.Session() as sess:
        value = sess.run(initializer(json.loads("[" + shape), tf.float32))
    assert abs(value.mean() - expected["mean"]) < 0.03 * expected["std"]
    assert abs(value.std() - expected["std"]) < 0.03 * expected["std"]
    for kind in ("min", "max"):
        assert abs(getattr(value, kind)() - expected[kind]) < 0.03 * abs(expected[kind])


def test_an_initializer_follows_its_seed_and_dtype():
    first, second = [clayers.xavier_initializer(seed=4)([20, 30], tf.float16) for _ in range(2)]
    with tf.Session() as sess:
        a, b = sess.run([first, second])
    assert (a == b).all() and a.dtype == np.float16


def test_arrays_of_shapes_are_checked_in_steps():
    x = tf.placeholder(tf.float32, [None, None])
    checked = framework.with_shape([2, 3], x)
    dynamic = framework.with_shape(tf.placeholder_with_default(np.int32([2, 3]), [2]), x)
    assert checked.shape.as_list() == [2, 3]
    with tf.Session() as sess:
        sess.run([checked, dynamic], {x: np.zeros([2, 3])})
        for y in (checked, dynamic):
            with pytest.raises(tf.errors.InvalidArgumentError, match="Wrong shape"):
                sess.run(y, {x: np.zeros([3, 2])})
    with pytest.raises(ValueError, match="must have the shape"):
        framework.with_shape([2], tf.zeros([3]))
