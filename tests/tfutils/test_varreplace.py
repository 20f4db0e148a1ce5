import pytest

from tensorpack.compat import tfv1 as tf
from tensorpack.tfutils.varreplace import (
    custom_getter_scope,
    freeze_variables,
    override_to_local_variable,
    remap_variables,
)


def names(items):
    return [item.name for item in items]


def test_custom_getter_sees_every_request_in_the_current_scope():
    seen = []

    def remember(getter, name, *args, **kwargs):
        seen.append(name)
        return getter(name, *args, **kwargs)

    with tf.variable_scope("outer"):
        with custom_getter_scope(remember) as yielded:
            assert yielded is None
            assert tf.get_default_graph().get_name_scope() == "outer"
            tf.get_variable("a", shape=[])
        tf.get_variable("b", shape=[])
    assert seen == ["outer/a"]
    assert names(tf.global_variables()) == ["outer/a:0", "outer/b:0"]


def test_custom_getters_nest():
    order = []

    def named(label):
        def append(getter, *args, **kwargs):
            order.append(label)
            return getter(*args, **kwargs)

        return append

    with custom_getter_scope(named("outer")), custom_getter_scope(named("inner")):
        tf.get_variable("a", shape=[])
    assert order == ["inner", "outer"]


def test_remap_returns_the_mapped_tensor_and_leaves_the_variable():
    with remap_variables(lambda v: tf.multiply(v, 10.0, name="mapped") if v.op.name == "w" else v):
        w = tf.get_variable("w", initializer=2.0)
        b = tf.get_variable("b", initializer=3.0)
    assert w.name == "mapped:0"
    assert names(tf.trainable_variables()) == ["w:0", "b:0"]
    assert b is tf.trainable_variables()[1]
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        assert sess.run(w) == 20.0


@pytest.mark.parametrize("use_resource", [False, True], ids=["ref", "resource"])
def test_frozen_by_stop_gradient(use_resource):
    with tf.variable_scope("s", use_resource=use_resource), freeze_variables():
        w = tf.get_variable("w", initializer=2.0)
    assert w.name == "freezed_s/w:0"
    variable = tf.trainable_variables()[0]
    assert variable.name == "s/w:0"
    assert tf.gradients(w * 3.0, variable) == [None]
    assert tf.get_collection(tf.GraphKeys.MODEL_VARIABLES) == []


def test_frozen_by_collection():
    with freeze_variables(stop_gradient=False, skip_collection=True):
        w = tf.get_variable("w", initializer=2.0)
    assert tf.trainable_variables() == []
    assert tf.global_variables() == tf.get_collection(tf.GraphKeys.MODEL_VARIABLES) == [w]


def test_frozen_both_ways():
    with freeze_variables(stop_gradient=True, skip_collection=True):
        w = tf.get_variable("w", initializer=2.0)
    assert w.name == "freezed_w:0"
    assert tf.trainable_variables() == []
    assert names(tf.get_collection(tf.GraphKeys.MODEL_VARIABLES)) == ["w:0"]


@pytest.mark.parametrize("trainable, frozen", [(None, True), (True, True), (False, False)])
def test_only_variables_requested_as_trainable_are_frozen(trainable, frozen):
    with freeze_variables(stop_gradient=True, skip_collection=True):
        w = tf.get_variable("w", initializer=2.0, trainable=trainable)
    assert (w.name == "freezed_w:0") == frozen
    assert bool(tf.get_collection(tf.GraphKeys.MODEL_VARIABLES)) == frozen


def test_model_variables_are_added_once():
    with freeze_variables(stop_gradient=False, skip_collection=True):
        with freeze_variables(stop_gradient=False, skip_collection=True):
            w = tf.get_variable("w", initializer=2.0)
        with tf.variable_scope(tf.get_variable_scope(), reuse=True):
            assert tf.get_variable("w") is w
    assert tf.get_collection(tf.GraphKeys.MODEL_VARIABLES) == [w]


def test_skip_collection_warns_about_a_getter_that_hides_the_variable(log_records):
    with remap_variables(lambda v: v * 1.0), freeze_variables(stop_gradient=False, skip_collection=True):
        tf.get_variable("w", initializer=2.0)
    assert [record.levelname for record in log_records] == ["WARNING"]
    assert tf.get_collection(tf.GraphKeys.MODEL_VARIABLES) == []
    assert tf.trainable_variables() == []


def test_variables_go_to_the_local_collection():
    with override_to_local_variable():
        w = tf.get_variable("w", initializer=2.0)
        with override_to_local_variable():  # nesting changes nothing
            b = tf.get_variable("b", initializer=2.0, collections=["mine", tf.GraphKeys.GLOBAL_VARIABLES])
            c = tf.get_variable("c", initializer=2.0, collections=["mine"], trainable=False)
    assert tf.global_variables() == []
    assert tf.local_variables() == [w, b]
    assert tf.trainable_variables() == [w, b]
    assert tf.get_collection("mine") == [b, c]


def test_override_can_be_disabled():
    with override_to_local_variable(enable=False):
        w = tf.get_variable("w", initializer=2.0)
    assert tf.global_variables() == [w] and tf.local_variables() == []
