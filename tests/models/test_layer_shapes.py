"""ConcatWith, StaticDynamicAxis and StaticDynamicShape."""
import layer_reference as ref
import numpy as np
import pytest

from tensorpack.compat import tfv1 as tf
from tensorpack.models import ConcatWith, LinearWrap
from tensorpack.models.shape_utils import StaticDynamicAxis, StaticDynamicShape


@pytest.mark.parametrize("wrap", [lambda a, b: a, lambda a, b: [a, b], lambda a, b: (a, b)], ids=["tensor", "list", "tuple"])
def test_concat_with(wrap):
    x, a, b = ref.random_array(2, 1), ref.random_array(2, 3), ref.random_array(2, 2)
    others = wrap(a, b)
    tensors = wrap(tf.constant(a), tf.constant(b))
    y = ConcatWith(tf.constant(x), tensors, 1)
    named = LinearWrap(tf.constant(x)).ConcatWith("c", tensors, dim=1)()
    assert (y.name, named.name) == ("concat:0", "c/concat:0")
    expected = np.concatenate([x] + (list(others) if isinstance(others, (list, tuple)) else [others]), axis=1)
    with tf.Session() as sess:
        np.testing.assert_array_equal(sess.run(y), expected)
        np.testing.assert_array_equal(sess.run(named), expected)


def test_a_known_axis_gives_both_sizes():
    axis = StaticDynamicAxis(4, 4)
    doubled = axis.apply(lambda size: size * 2)
    assert (doubled.static, doubled.dynamic) == (8, 8) and (axis.static, axis.dynamic) == (4, 4)
    assert repr(doubled) == "StaticDynamicAxis(static=8, dynamic=8)"


def test_an_unknown_axis_gives_the_dynamic_size():
    dynamic = tf.placeholder_with_default(4, [])
    axis = StaticDynamicAxis(None, dynamic)
    doubled = axis.apply(lambda size: size * 2)
    assert doubled.static is None and axis.dynamic is dynamic
    with tf.Session() as sess:
        assert sess.run(doubled.dynamic) == 8


def test_sizes_are_static_where_known():
    placeholder = tf.placeholder(tf.float32, [None, 4, None])
    shape = StaticDynamicShape(placeholder)
    assert shape.ndims == 3
    for axis in range(3):
        shape.apply(axis, lambda size: size * 2)
    assert shape.get_static() == [None, 8, None]
    assert shape.get_dynamic(1) == 8
    with tf.Session() as sess:
        sizes, last = sess.run([shape.get_dynamic(), shape.get_dynamic(2)], {placeholder: np.zeros((3, 4, 5))})
    assert sizes.tolist() == [6, 8, 10] and last == 10


def test_a_known_shape_needs_no_operation():
    x = tf.ones([2, 3])
    before = ref.op_names()
    shape = StaticDynamicShape(x)
    shape.apply(0, lambda size: 7)
    assert shape.get_static() == [7, 3] and shape.get_dynamic(0) == 7
    assert ref.op_names() == before
