"""Registration of layers: names, arguments, shape logging; the translation of arguments; VariableHolder."""
import inspect

import layer_reference as ref
import pytest

from tensorpack import models
from tensorpack.compat import tfv1 as tf
from tensorpack.models import Conv2D, FullyConnected, MaxPooling, VariableHolder, _shape_log, layer_register, registry
from tensorpack.models.tflayer import convert_to_tflayer_args, rename_get_variable, rename_tflayer_get_variable
from tensorpack.tfutils.argscope import argscope
from tensorpack.tfutils.tower import TowerContext
from tensorpack.tfutils.varreplace import freeze_variables, remap_variables
from tensorpack.utils._rng import set_worker_index


@pytest.fixture(autouse=True)
def private_registry(monkeypatch):
    """Layers that a test registers do not outlive it."""
    monkeypatch.setattr(registry, "_layers", dict(registry._layers))
    monkeypatch.setattr(_shape_log, "_enabled", True)
    monkeypatch.setattr(_shape_log, "_lines", set())


def image(*shape):
    return tf.placeholder(tf.float32, shape or [None, 8, 8, 3])


def shape_lines(records):
    return [record.getMessage() for record in records if "'" in record.getMessage()]


def test_the_layer_runs_in_its_scope_and_keeps_its_name_and_signature():
    @layer_register()
    def Scaled(x, factor=2.0):
        return tf.multiply(x, tf.get_variable("s", []), name="product")

    assert Scaled("a", image()).name == "a/product:0"
    assert ref.collection_names("variables") == ["a/s"]
    assert Scaled.__name__ == "Scaled" and Scaled.use_scope is True and Scaled.__argscope_enabled__
    assert list(inspect.signature(inspect.unwrap(Scaled)).parameters) == ["x", "factor"]


def test_a_second_use_shares_variables_under_reuse_and_fails_without():
    x = image()
    FullyConnected("fc", x, 2)
    with pytest.raises(ValueError, match="already exists"):
        FullyConnected("fc", x, 2)
    with tf.variable_scope("", reuse=True):
        FullyConnected("fc", x, 2)
    assert len(tf.global_variables()) == 2


def test_scope_may_be_optional():
    @layer_register(use_scope=None)
    def Halved(x):
        return tf.multiply(x, 0.5, name="half")

    assert Halved(image()).name == "half:0"
    assert Halved("h", image()).name == "h/half:0"


def test_a_name_for_a_layer_without_scope_is_ignored_with_a_warning(log_records):
    @layer_register(use_scope=False)
    def Doubled(x):
        return tf.multiply(x, 2, name="double")

    assert Doubled("h", image()).name == "double:0"
    assert [r.levelname for r in log_records] == ["WARNING"]


@pytest.mark.parametrize("call,text", [
    (lambda x: Conv2D(x, 8, 3), r"first argument must be the name.*Conv2D\('name', inputs"),
    (lambda x: Conv2D(), "first argument must be the name.*no positional argument"),
    (lambda x: Conv2D("c", inputs=x, filters=8, kernel_size=3), "inputs must be given by position"),
    (lambda x: Conv2D("c", 3, 8, 3), "inputs must be a tensor.*got 3"),
    (lambda x: Conv2D("c", [], 8, 3), r"inputs must be a tensor.*got \[\]"),
    (lambda x: Conv2D("c", "d", 8, 3), "inputs must be a tensor.*got 'd'"),
], ids=["no-name", "nothing", "keyword-inputs", "number", "empty-list", "string"])
def test_wrong_calls_are_refused(call, text):
    with pytest.raises(ValueError, match=text):
        call(image())


def test_variables_and_lists_are_inputs():
    @layer_register(use_scope=None)
    def First(xs):
        return xs[0]

    a = image()
    assert First([a, image()]) is a and First((a,)) is a
    variable = tf.get_variable("v", [2, 4])
    assert FullyConnected("fc", variable, 3).shape.as_list() == [2, 3]


def test_argscope_gives_defaults_that_the_call_overrides():
    @layer_register(use_scope=None)
    def Collect(x, a=0, b=0):
        return a, b

    x = image()
    with argscope(Collect, a=1, b=2):
        assert Collect(x) == (1, 2)
        assert Collect(x, b=3) == (1, 3)
    assert Collect(x) == (0, 0)


def test_scoped_arguments_that_a_layer_does_not_know_are_refused():
    with argscope(FullyConnected, data_format="NCHW"):
        with pytest.raises(TypeError, match="data_format"):
            FullyConnected("fc", image(), 3)


def test_lookup_by_name_and_its_aliases():
    assert registry.get_registered_layer("Conv2D") is models.Conv2D
    assert registry.get_registered_layer("Deconv2D") is models.Conv2DTranspose
    assert registry.get_registered_layer("NoSuchLayer") is None


def test_a_name_registered_twice_cannot_be_looked_up():
    def register(value):
        @layer_register(use_scope=None)
        def Twice(x):
            return value
        return Twice

    first, second = register(1), register(2)
    x = image()
    assert (first(x), second(x)) == (1, 2)
    with pytest.raises(KeyError, match="two layers"):
        registry.get_registered_layer("Twice")


def test_a_layer_cannot_be_called_tf():
    def tf(x):
        return x

    with pytest.raises(ValueError, match="'tf'"):
        layer_register()(tf)


def test_log_shape_needs_a_scope():
    with pytest.raises(ValueError, match="needs use_scope=True"):
        layer_register(log_shape=True, use_scope=None)


def test_flat_layers_log_one_line_once_per_scope(log_records):
    x = image()
    Conv2D("a", x, 4, 3)
    MaxPooling("p", x, 2)
    with tf.variable_scope("", reuse=True):
        Conv2D("a", x, 4, 3)
    assert shape_lines(log_records) == [
        "'a': [None, 8, 8, 3] --> [None, 8, 8, 4]", "'p': [None, 8, 8, 3] --> [None, 4, 4, 3]"]


def test_towers_log_once(log_records):
    for tower in ("tower0", "tower1"):
        with tf.variable_scope(tower):
            Conv2D("a", image(), 4, 3)
    assert shape_lines(log_records) == ["'a': [None, 8, 8, 3] --> [None, 8, 8, 4]"]


def test_each_graph_logs_its_layers(log_records):
    for _ in range(2):
        with tf.Graph().as_default():
            Conv2D("a", image(), 4, 3)
    assert len(shape_lines(log_records)) == 2


def test_models_for_inference_log_what_was_not_logged_before(log_records):
    def build(units, is_training):
        with tf.Graph().as_default(), TowerContext("", is_training=is_training):
            FullyConnected("a", MaxPooling("p", image(), 2), units)
        lines = shape_lines(log_records)
        del log_records[:]
        return lines

    pool, four, five = "'p': [None, 8, 8, 3] --> [None, 4, 4, 3]", "'a': [None, 4, 4, 3] --> [None, 4]", \
        "'a': [None, 4, 4, 3] --> [None, 5]"
    assert build(4, True) == [pool, four]
    assert build(4, False) == build(4, False) == []
    assert build(5, False) == [five] and build(5, False) == []
    assert build(5, True) == [pool, five], "a training shows its whole model"


@pytest.mark.parametrize("index", [0, 1])
def test_the_first_of_several_workers_logs_shapes(index, log_records):
    set_worker_index(index)
    Conv2D("a", image(), 4, 3)
    assert len(shape_lines(log_records)) == 1 - index


def make_block():
    @layer_register(log_shape=True)
    def Block(x, fail=False):
        if fail:
            raise RuntimeError("on purpose")
        x = Conv2D("c1", x, 4, 3)
        return MaxPooling("p", x, 2)
    return Block


def test_nested_layers_are_indented_below_their_caller(log_records):
    Block = make_block()

    @layer_register(log_shape=True)
    def Outer(x):
        return Block("b", x)

    Outer("o", image())
    assert shape_lines(log_records) == [
        "'o' input: [None, 8, 8, 3]",
        "  'o/b' input: [None, 8, 8, 3]",
        "    'o/b/c1': [None, 8, 8, 3] --> [None, 8, 8, 4]",
        "    'o/b/p': [None, 8, 8, 4] --> [None, 4, 4, 4]",
        "  'o/b' output: [None, 4, 4, 4]",
        "'o' output: [None, 4, 4, 4]",
    ]


def test_a_failed_layer_leaves_no_trace_in_later_lines(log_records):
    Block = make_block()
    with pytest.raises(RuntimeError, match="on purpose"):
        Block("b", image(), fail=True)
    Conv2D("a", image(), 4, 3)
    assert shape_lines(log_records) == ["'a': [None, 8, 8, 3] --> [None, 8, 8, 4]"]


def test_lists_and_unknown_shapes_can_be_logged(log_records):
    @layer_register(log_shape=True)
    def Several(xs):
        return [xs[0], tf.placeholder(tf.float32)]

    Several("s", [image(), image(2, 3)])
    assert shape_lines(log_records) == ["'s': [None, 8, 8, 3], [2, 3] --> [None, 8, 8, 3], [?]"]


def test_layer_logging_can_be_disabled(log_records):
    models.disable_layer_logging()
    Conv2D("a", image(), 4, 3)
    assert shape_lines(log_records) == []


def test_variable_holder_attributes():
    holder = VariableHolder(W=1, _private=2)
    holder.b = 3
    assert (holder.W, holder._private, holder.b) == (1, 2, 3)
    assert holder.all() == [1, 2, 3]
    assert not hasattr(holder, "gamma")
    with pytest.raises(AttributeError, match="no variable 'gamma'.*W, _private, b"):
        print(holder.gamma)
    with pytest.raises(ValueError, match="'W' is already 1"):
        holder.W = 5


def test_convert_to_tflayer_args():
    @convert_to_tflayer_args(args_names=["a", "b"], name_mapping={"old_b": "b"})
    def layer(inputs, a=0, b=0, data_format=None, kernel_initializer=None, bias_initializer=None, activation=None):
        return a, b, data_format, kernel_initializer, bias_initializer

    assert layer("x", 1, 2) == (1, 2, None, None, None)
    assert layer("x", 1, old_b=3, data_format="NCHW") == (1, 3, "channels_first", None, None)
    assert layer("x", 1, a=5)[0] == 1
    assert layer("x", W_init="w", kernel_initializer="k", b_init="i") == (0, 0, None, "w", "i")
    with pytest.raises(ValueError, match="Unknown data_format"):
        layer("x", data_format="NWC")
    with pytest.raises(ValueError, match="positional after the inputs"):
        layer("x", 1, 2, 3)
    with pytest.raises(ValueError, match="'old_b' is the old name of 'b'; got both"):
        layer("x", b=1, old_b=2)


def test_rename_get_variable_changes_the_last_component():
    with rename_get_variable({"kernel": "W"}), tf.variable_scope("kernel"):
        tf.get_variable("kernel", [])
        tf.get_variable("other", [])
        tf.get_variable("sub/kernel", [])
    assert ref.collection_names("variables") == ["kernel/W", "kernel/other", "kernel/sub/W"]


def test_rename_tflayer_get_variable_gives_our_names():
    with rename_tflayer_get_variable():
        for name in ("kernel", "bias", "moving_mean", "moving_variance", "gamma"):
            tf.get_variable(name, [])
    assert ref.collection_names("variables") == ["W", "b", "mean/EMA", "variance/EMA", "gamma"]


def test_layers_use_remapped_and_frozen_variables():
    with remap_variables(lambda v: tf.identity(v, name="mapped")):
        y = FullyConnected("a", tf.placeholder(tf.float32, [1, 2]), 3)
    assert "mapped" in y.variables.W.op.name
    with freeze_variables(stop_gradient=True):
        z = FullyConnected("b", y, 3, activation=lambda x: FullyConnected("inner", x, 2))
    assert z.variables.W.op.name == "freezed_b/W"
    assert tf.gradients(z, [v for v in tf.trainable_variables() if v.op.name.startswith("b/")]) == [None] * 4


OLD_IN_SCOPE = [
    ({"nl": tf.tanh}, {"activation": tf.nn.relu}, "Tanh", "nl"),
    ({"nl": tf.tanh}, {"nl": tf.nn.relu}, "Relu", None),
    ({"nl": tf.tanh}, {}, "Tanh", None),
    ({"activation": tf.tanh}, {"nl": tf.nn.relu}, "Relu", None),
    ({"activation": tf.tanh}, {"activation": tf.nn.relu}, "Relu", None),
    ({"W_init": tf.constant_initializer(3)}, {"kernel_initializer": tf.constant_initializer(4)}, 3, "W_init"),
    ({"kernel_initializer": tf.constant_initializer(3)}, {"W_init": tf.constant_initializer(4)}, 4, None),
    ({"b_init": tf.constant_initializer(3)}, {"bias_initializer": tf.constant_initializer(4)}, 3, "b_init"),
]


@pytest.mark.parametrize("layer", [
    lambda x, **k: FullyConnected("l", x, 4, **k), lambda x, **k: Conv2D("l", x, 4, 3, **k),
    lambda x, **k: models.Conv2DTranspose("l", x, 4, 3, **k)], ids=["FullyConnected", "Conv2D", "Conv2DTranspose"])
@pytest.mark.parametrize("scope, call, expected, warned", OLD_IN_SCOPE)
def test_old_spellings_of_an_argscope_win_with_a_warning(layer, scope, call, expected, warned, log_records):
    with argscope([FullyConnected, Conv2D, models.Conv2DTranspose], **scope), tf.variable_scope("part"):
        y = layer(image(2, 8, 8, 3), **call)
    if isinstance(expected, str):
        types = {op.type for op in tf.get_default_graph().get_operations()}
        assert types.intersection({"Tanh", "Relu"}) == {expected}
    else:
        with tf.Session() as sess:
            sess.run(tf.global_variables_initializer())
            values = sess.run(y.variables.b if {"b_init"} & (set(scope) | set(call)) else y.variables.W)
        assert (values == expected).all()
    warnings = [record.getMessage() for record in log_records if record.levelname == "WARNING"]
    assert len(warnings) == (1 if warned else 0)
    assert all("'part/l'" in warning and "'{}'".format(warned) in warning for warning in warnings)


def test_other_old_names_of_an_argscope_give_way_to_the_call():
    with argscope(Conv2D, kernel_shape=5, stride=2):
        y = Conv2D("l", image(2, 8, 8, 3), 4, kernel_size=3, strides=1)
    assert y.variables.W.shape.as_list() == [3, 3, 3, 4] and y.shape.as_list() == [2, 8, 8, 4]
