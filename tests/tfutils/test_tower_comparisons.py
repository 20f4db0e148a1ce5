"""`==` and `!=` of tensors while a tower is built: told where a program writes them, and nowhere else."""
import numpy as np
import pytest
from told import messages

from tensorpack import ModelDesc
from tensorpack.compat import tfv1 as tf
from tensorpack.tfutils._tower.comparisons import comparisons_told
from tensorpack.tfutils.tower import TowerContext, TowerFunc
from tensorpack.utils import argtools


@pytest.fixture(autouse=True)
def _nothing_was_logged_yet(monkeypatch):
    monkeypatch.setattr(argtools, "_LOGGED", set())


def build(function, *values):
    signature = [tf.TensorSpec(np.shape(value), tf.float32, "x{}".format(k)) for k, value in enumerate(values)]
    with TowerContext("", is_training=True):
        return TowerFunc(function, signature)(*map(tf.constant, values))


WRITTEN = {
    "tensors": (lambda x, y: x == y, "==", "False"),
    "number": (lambda x, y: x == 1, "==", "False"),
    "number first": (lambda x, y: 1. == x, "==", "False"),
    "array": (lambda x, y: x == np.ones(2), "==", "False"),
    "variable": (lambda x, y: tf.get_variable("v", [2]) == x, "==", "False"),
    "not": (lambda x, y: x != y, "!=", "True"),
    "in an expression": (lambda x, y: tf.cast(x != 255, tf.float32), "!=", "True"),
}


@pytest.mark.parametrize("name", WRITTEN)
def test_what_is_written_is_told_with_its_line_and_the_function(name, log_records):
    function, symbol, result = WRITTEN[name]
    build(function, [1., 2.], [1., 3.])
    (text,) = messages(log_records, "WARNING")
    assert text.startswith("{}:{}: `{}` asks whether two tensors are the same object".format(
        __file__, function.__code__.co_firstlineno, symbol))
    assert "and is {} here; write {}(a, b)".format(result, {"==": "tf.equal", "!=": "tf.not_equal"}[symbol]) in text


@pytest.mark.parametrize("function", [
    lambda x, y: tf.equal(x, y), lambda x, y: x == None, lambda x, y: None != x, lambda x, y: y in [x, y],  # noqa: E711
    lambda x, y: [x, y].index(y), lambda x, y: {x.name: 1, y.name: 2}[y.name], lambda x, y: x is y, lambda x, y: x == x,
    lambda x, y: x.shape == y.shape and x.dtype == tf.float32, lambda x, y: x < y,
    lambda x, y: tf.gradients(tf.reduce_sum(x * y), [x, y]), lambda x, y: [x, y].count(x),
], ids=["equal", "None", "not None", "in", "index", "dict", "is", "same", "shape", "less", "gradients", "count"])
def test_what_asks_for_the_same_object_or_for_something_else_is_let_be(function, log_records):
    build(function, [1., 2.], [1., 3.])
    assert messages(log_records, "WARNING") == []


def test_the_function_for_the_optimizer_is_looked_at_as_well(log_records):
    class Model(ModelDesc):
        def optimizer(self):
            assert not tf.constant(1) == tf.constant(1)
            return tf.train.GradientDescentOptimizer(1.)

    Model().get_optimizer()
    assert "write tf.equal(a, b)" in messages(log_records, "WARNING")[0]


def test_each_line_is_told_once_and_nothing_outside_of_towers(log_records):
    before = [vars(kind).get(method) for kind in (tf.Tensor, tf.Variable) for method in ("__eq__", "__ne__")]

    def model(x):
        return [x == k for k in range(3)]

    build(model, [1.])
    with tf.Graph().as_default():
        build(model, [1.])
    with comparisons_told(), comparisons_told():
        pass
    x = tf.constant(1)
    assert not x == tf.constant(1) and hash(x) == hash(x)
    assert len(messages(log_records, "WARNING")) == 1
    assert before == [vars(kind).get(method) for kind in (tf.Tensor, tf.Variable) for method in ("__eq__", "__ne__")]


def test_an_error_of_the_model_ends_the_watch(log_records):
    def fail(x):
        raise ValueError("own words")

    with pytest.raises(ValueError, match="^own words$"):
        build(fail, [1.])
    assert not tf.constant(1) == tf.constant(1)
    assert messages(log_records, "WARNING") == []
