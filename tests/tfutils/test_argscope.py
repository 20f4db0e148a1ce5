import threading
import types

import pytest

from tensorpack import compat
from tensorpack.compat import tfv1 as tf
from tensorpack.tfutils.argscope import (
    argscope,
    enable_argscope_for_function,
    enable_argscope_for_module,
    get_arg_scope,
)
from tensorpack.tfutils.tower import TowerContext, TrainTowerContext


def make(name="Layer", log_shape=False):
    def function(x, **kwargs):
        return kwargs

    function.__name__ = name
    return enable_argscope_for_function(function, log_shape=log_shape)


@pytest.fixture
def layer():
    return make()


def test_scope_gives_defaults_that_the_call_overrides(layer):
    with argscope(layer, a=1, b=2):
        assert layer(0) == {"a": 1, "b": 2}
        assert layer(0, b=3, c=4) == {"a": 1, "b": 3, "c": 4}
    assert layer(0) == {}


def test_inner_scope_overrides_argument_by_argument(layer):
    other = make("Other")
    with argscope(layer, a=1, b=2), argscope(other, a=5):
        with argscope(layer, b=3):
            assert layer(0) == {"a": 1, "b": 3}
            assert other(0) == {"a": 5}
        assert layer(0) == {"a": 1, "b": 2}


@pytest.mark.parametrize("container", [list, tuple])
def test_scope_of_several_layers(layer, container):
    other = make("Other")
    with argscope(container([layer, other]), a=1):
        assert layer(0) == other(0) == {"a": 1}


def test_functions_of_one_name_share_their_scope(layer):
    with argscope(layer, a=1):
        assert make()(0) == {"a": 1}


@pytest.mark.parametrize("layers", [len, [len], ["Layer"], None], ids=["function", "list", "string", "None"])
def test_only_layers_are_accepted(layers):
    with pytest.raises(ValueError, match="argscope"):
        with argscope(layers, a=1):
            pass


def test_current_scope_can_be_read_and_changed(layer):
    assert get_arg_scope() == {}
    get_arg_scope()["Layer"]["lost"] = 1
    assert get_arg_scope() == {}
    with argscope(layer, a=1):
        assert get_arg_scope() == {"Layer": {"a": 1}}
        assert get_arg_scope()["Unknown"] == {}
        get_arg_scope()["Layer"]["b"] = 2
        with argscope(layer, c=3):
            get_arg_scope()["Layer"]["d"] = 4
        assert layer(0) == {"a": 1, "b": 2}
    assert layer(0) == {}


def test_scope_ends_when_the_body_raises(layer):
    with pytest.raises(KeyError):
        with argscope(layer, a=1):
            raise KeyError()
    assert get_arg_scope() == {}


def test_outer_scope_may_hold_a_tensor(layer):
    tensor = tf.constant(1.0)
    with argscope(layer, a=tensor):
        with argscope(layer, b=2):
            assert layer(0)["a"] is tensor


def test_scopes_belong_to_their_thread(layer):
    seen = []
    with argscope(layer, a=1):
        thread = threading.Thread(target=lambda: seen.append(layer(0)))
        thread.start()
        thread.join()
    assert seen == [{}]


def test_wrapper_looks_like_the_function():
    def function(x):
        """Doc."""

    wrapped = enable_argscope_for_function(function)
    assert wrapped.__name__ == "function" and wrapped.__doc__ == "Doc."
    with pytest.raises(TypeError, match="callable"):
        enable_argscope_for_function(3)


def double(x, name=None):
    return tf.concat([x, x], axis=1)


def lines(log_records):
    return [record.getMessage() for record in log_records if "-->" in record.getMessage()]


@pytest.mark.parametrize("use, line", [
    (lambda f, x: f(x), "'double'    : [?, 2] --> [?, 4]"),
    (lambda f, x: f(x, name="conv0"), "'conv0'     : [?, 2] --> [?, 4]"),
    (lambda f, x: f(x=x), "'double'    : [?, 2] --> [?, 4]"),
], ids=["positional", "named", "keyword"])
def test_shapes_are_logged_at_every_call_without_a_tower(log_records, use, line):
    function = enable_argscope_for_function(double)
    x = tf.placeholder(tf.float32, (None, 2))
    use(function, x)
    use(function, x)
    assert lines(log_records) == [line] * 2


@pytest.mark.parametrize("context, logged", [
    (lambda: TowerContext("", is_training=False), True),
    (lambda: TowerContext("predict", is_training=False), True),
    (lambda: TowerContext("InferenceTower", is_training=False), False),
    (lambda: TrainTowerContext("tower0", index=0, total=2), True),
    (lambda: TrainTowerContext("tower1", index=1, total=2), False),
], ids=["unnamed", "plain", "inference tower", "main tower", "second tower"])
def test_shapes_are_logged_in_some_towers(log_records, context, logged):
    with context():
        enable_argscope_for_function(double)(tf.zeros((1, 2)))
    assert bool(lines(log_records)) == logged


@pytest.mark.parametrize("function, args, line", [
    (lambda: (tf.zeros((3,)), None), (), "? --> [3]"),
    (lambda x: None, ([tf.TensorShape(()), 1],), "? --> ?"),
    (lambda x: x, (1,), "? --> ?"),
], ids=["no argument", "no tensors", "numbers"])
def test_logging_needs_no_tensors(log_records, function, args, line):
    enable_argscope_for_function(function)(*args)
    assert lines(log_records)[0].endswith(line)


def test_unknown_rank_is_logged_as_unknown(log_records):
    enable_argscope_for_function(lambda x: x)(tf.placeholder(tf.float32))
    assert lines(log_records)[0].endswith("? --> ?")


def test_logging_is_switched_off(log_records):
    enable_argscope_for_function(double, log_shape=False)(tf.zeros((1, 2)))
    assert log_records == []


def test_functions_of_a_module_are_replaced_once():
    module = types.ModuleType("layers")
    module.conv = lambda x, **kwargs: kwargs
    module.conv.__name__ = "conv"
    module.Class, module.number = dict, 3
    enable_argscope_for_module(module, log_shape=False)
    replaced = module.conv
    enable_argscope_for_module(module, log_shape=False)
    assert module.conv is replaced
    assert module.Class is dict and module.number == 3
    with argscope(module.conv, a=1):
        assert module.conv(0) == {"a": 1}


class Unloadable(types.ModuleType):
    """A module that is loaded when it is used, and cannot be."""

    def __dir__(self):
        raise ImportError("keras")


class Forgetful(types.ModuleType):
    """A module whose attributes cannot be loaded."""

    def __dir__(self):
        return ["dense"]

    def __getattr__(self, name):
        raise ImportError(name)


@pytest.mark.parametrize("module", [types.ModuleType("empty"), Unloadable("lazy"), Forgetful("lazy")],
                         ids=["empty", "unloadable", "forgetful"])
def test_a_module_without_functions_is_warned_of(log_records, module):
    enable_argscope_for_module(module)
    (line,) = [record.getMessage() for record in log_records if record.levelname == "WARNING"]
    assert "argscope_for_module({})".format(module.__name__) in line and "tensorpack.models" in line


@pytest.mark.parametrize("thing", [None, "tf.layers", dict], ids=str)
def test_what_is_no_module_is_refused(thing):
    with pytest.raises(TypeError, match="must be a module; got"):
        enable_argscope_for_module(thing)


def test_layers_of_tensorflow_work_where_they_exist_and_else_the_warning_helps(log_records):
    if compat.VERSION >= (2, 16):  # that is: with Keras 3
        enable_argscope_for_module(tf.layers)
        assert "tensorpack.models" in log_records[0].getMessage()
        return
    originals = {name: getattr(tf.layers, name) for name in dir(tf.layers)}
    try:
        enable_argscope_for_module(tf.layers)
        with argscope(tf.layers.dense, units=4):
            assert tf.layers.dense(tf.zeros((1, 2))).shape.as_list() == [1, 4]
    finally:
        for name, value in originals.items():
            setattr(tf.layers, name, value)
