import gc

import pytest

from tensorpack.compat import tfv1 as tf
from tensorpack.tfutils.scope_utils import (
    auto_reuse_variable_scope,
    cached_name_scope,
    under_name_scope,
    under_variable_scope,
)


def make_reusing(name="w"):
    @auto_reuse_variable_scope
    def layer(scale=1.0):
        """Doc."""
        with tf.variable_scope("d"):
            return tf.multiply(tf.get_variable(name, shape=[]), scale, name="out")

    return layer


def names(variables):
    return [variable.name for variable in variables]


def test_second_call_reuses_variables_and_opens_no_name_scope():
    layer = make_reusing()
    with tf.name_scope("ns"):
        outputs = [layer(), layer(scale=2.0)]
    assert names(outputs) == ["ns/d/out:0", "ns/d_1/out:0"]
    assert names(tf.global_variables()) == ["d/w:0"]
    assert layer.__name__ == "layer" and layer.__doc__ == "Doc."


def test_another_variable_scope_is_a_first_call_again():
    layer = make_reusing()
    layer()
    with tf.variable_scope("other"):
        layer()
        layer()
    assert names(tf.global_variables()) == ["d/w:0", "other/d/w:0"]


def test_reuse_state_belongs_to_the_function():
    make_reusing("a")()
    make_reusing("b")()
    assert names(tf.global_variables()) == ["d/a:0", "d/b:0"]


def test_first_call_inherits_reuse_from_the_caller():
    tf.get_variable("d/w", shape=[])
    with tf.variable_scope(tf.get_variable_scope(), reuse=True):
        make_reusing()()
    assert names(tf.global_variables()) == ["d/w:0"]


def test_new_graphs_are_never_taken_for_dead_ones():
    layer = make_reusing()
    for _ in range(40):
        with tf.Graph().as_default():
            layer()
            assert len(tf.global_variables()) == 1
        gc.collect()


def test_first_call_that_raises_does_not_count():
    failing = [True]

    @auto_reuse_variable_scope
    def layer():
        if failing:
            raise ValueError(failing.pop())
        return tf.get_variable("w", shape=[])

    with pytest.raises(ValueError):
        layer()
    assert layer() is layer()


def test_decorator_keeps_no_graph_alive():
    import weakref

    layer = make_reusing()
    with tf.Graph().as_default() as graph:
        layer()
    dead = weakref.ref(graph)
    del graph
    gc.collect()
    assert dead() is None


def test_under_name_scope_opens_a_new_scope_each_time():
    @under_name_scope(name_scope="s")
    def named():
        return tf.get_default_graph().get_name_scope()

    @under_name_scope()
    def func():
        return tf.get_default_graph().get_name_scope()

    assert [named(), named(), func(), func()] == ["s", "s_1", "func", "func_1"]
    with tf.name_scope("outer"):
        assert func() == "outer/func"


def test_under_name_scope_enters_the_scope_asked_for_at_the_call():
    @under_name_scope()
    def func():
        return tf.constant(0, name="x").name

    with tf.name_scope("outer"):
        assert [func(name_scope="a"), func(name_scope="a"), func()] == ["outer/a/x:0", "outer/a/x_1:0", "outer/func/x:0"]
    assert func(name_scope="a") == "a/x:0"


def test_under_name_scope_warns_when_the_name_is_taken(log_records):
    @under_name_scope(name_scope="s")
    def func():
        return tf.get_default_graph().get_name_scope()

    tf.constant(0, name="s")
    func()
    assert log_records == []
    assert func(name_scope="s") == "s_2"
    assert [record.levelname for record in log_records] == ["WARNING"]
    assert "s_2" in log_records[0].getMessage()


def test_under_variable_scope_is_called_like_the_function_and_does_not_reuse():
    @under_variable_scope()
    def func():
        return tf.get_variable("w", shape=[])

    assert func().name == "func/w:0"
    with pytest.raises(ValueError, match="already exists"):
        func()


def test_cached_name_scope_is_entered_again():
    with tf.name_scope("outer"), cached_name_scope("A") as first:
        tf.constant(0, name="x")
    with cached_name_scope("A") as second:
        assert tf.constant(0, name="x").name == "A/x_1:0"
    assert first == second == "A/"


def test_cached_name_scope_takes_a_free_name():
    tf.constant(0, name="B")
    for _ in range(2):
        with cached_name_scope("B") as scope:
            assert scope == "B_1/"


def test_cached_name_scope_below_the_current_one():
    for _ in range(2):
        with tf.name_scope("outer/"), cached_name_scope("A", top_level=False) as scope:
            assert scope == "outer/A/"
    with cached_name_scope("A", top_level=False) as scope:
        assert scope == "A/"


def test_cached_name_scope_is_per_graph():
    with cached_name_scope("A"):
        pass
    with tf.Graph().as_default():
        with cached_name_scope("A") as scope:
            assert tf.constant(0, name="x").name == "A/x:0"
    assert scope == "A/"
