"""utils.argtools: argument mapping, memoization, single calls, shapes and data formats."""
import copy
import gc
import pickle
import weakref

import numpy as np
import pytest

from tensorpack.utils import argtools
from tensorpack.utils.argtools import (
    call_only_once,
    get_data_format,
    graph_memoized,
    log_once,
    map_arg,
    memoized,
    memoized_ignoreargs,
    memoized_method,
    shape2d,
    shape4d,
)


def double(x):
    return x * 2


@map_arg(a=double, b=double, extra=double)
def mapped(a, b=10, *args, c=0, **kw):
    return a, b, args, c, kw


MAP_CASES = [
    ("positional", (1, 2), {}, (2, 4, (), 0, {})),
    ("keyword", (), {"a": 1, "b": 2}, (2, 4, (), 0, {})),
    ("default is not mapped", (1,), {}, (2, 10, (), 0, {})),
    ("variadic stay apart", (1, 2, 3, 4), {"c": 5, "other": 6}, (2, 4, (3, 4), 5, {"other": 6})),
    ("collected keyword", (1,), {"extra": 3}, (2, 10, (), 0, {"extra": 6})),
]


@pytest.mark.parametrize("args,kwargs,expected", [c[1:] for c in MAP_CASES], ids=[c[0] for c in MAP_CASES])
def test_map_arg(args, kwargs, expected):
    assert mapped(*args, **kwargs) == expected


def test_map_arg_leaves_parameters_named_like_the_variadic_ones_alone():
    @map_arg(args=double, kw=double)
    def f(*args, **kw):
        return args, kw

    assert f(1, x=2) == ((1,), {"x": 2})
    assert f(kw=3) == ((), {"kw": 6})


def test_map_arg_names_the_function_in_a_wrong_call():
    with pytest.raises(TypeError, match="mapped"):
        mapped()
    assert mapped.__name__ == "mapped"


def test_memoized_computes_once_per_argument():
    calls = []

    @memoized
    def f(x):
        calls.append(x)
        return [x]

    assert f(1) is f(1)
    assert f(2) == [2]
    assert calls == [1, 2]


def test_memoized_ignoreargs_gives_the_first_result_forever():
    @memoized_ignoreargs
    def f(*args, **kwargs):
        return args, kwargs

    first = f(1, k=2)
    assert f(3) is first
    assert f() is first


class Memoizing:
    def __init__(self):
        self.calls = []

    @memoized_method
    def f(self, x, k=0):
        self.calls.append((x, k))
        return None if x is None else (x, k)

    @memoized_method
    def g(self, x):
        return "g", x


class MemoizingChild(Memoizing):
    @memoized_method
    def f(self, x, k=0):
        return "child", super().f(x, k=k)


def test_memoized_method_tells_keyword_values_apart():
    m = Memoizing()
    assert m.f(1, k=5) == (1, 5)
    assert m.f(1, k=6) == (1, 6)
    assert m.f(1, k=5) == (1, 5)
    assert m.calls == [(1, 5), (1, 6)]


def test_memoized_method_remembers_none():
    m = Memoizing()
    assert m.f(None) is None and m.f(None) is None
    assert m.calls == [(None, 0)]


def test_memoized_method_keeps_methods_objects_and_classes_apart():
    m, n, child = Memoizing(), Memoizing(), MemoizingChild()
    assert (m.f(1), m.g(1)) == ((1, 0), ("g", 1))
    n.f(1)
    assert m.calls == n.calls == [(1, 0)]
    assert child.f(1) == ("child", (1, 0))
    assert child.f(1) == ("child", (1, 0))
    assert child.calls == [(1, 0)]


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))], ids=["deepcopy", "pickle"])
def test_memoized_method_does_not_hinder_copies_and_pickles(duplicate):
    m = Memoizing()
    m.f(1)
    n = duplicate(m)
    assert n._MEMOIZED_CACHE == {}
    n.f(1)
    assert n.calls == [(1, 0), (1, 0)]
    assert m.calls == [(1, 0)]


def test_graph_memoized_remembers_per_graph_and_lets_graphs_die():
    tf = pytest.importorskip("tensorpack.compat").tfv1
    calls = []

    @graph_memoized
    def constant(value, name=None):
        calls.append(value)
        return tf.constant(value, name=name)

    with tf.Graph().as_default() as one:
        a = constant(1, name="a")
        assert constant(1, name="a") is a
        assert constant(2, name="a") is not a
        assert a.graph is one
    with tf.Graph().as_default() as two:
        assert constant(1, name="a").graph is two
    assert calls == [1, 2, 1]

    died = weakref.ref(one)
    del one, a
    gc.collect()
    assert died() is None


class Once:
    def __init__(self):
        self.value = 0

    @call_only_once
    def f(self, x):
        self.value += x
        return self.value

    @property
    def p(self):
        return self.value

    @p.setter
    @call_only_once
    def p(self, value):
        self.value = value


class OnceChild(Once):
    @call_only_once
    def f(self, x):
        return super().f(x) + 100


def test_call_only_once_is_per_object():
    a, b = Once(), Once()
    assert a.f(2) == 2 and b.f(3) == 3
    with pytest.raises(RuntimeError, match=r"Method Once\.f can only be called once per object!"):
        a.f(1)
    assert a.value == 2
    child = OnceChild()
    assert child.f(1) == 101
    with pytest.raises(RuntimeError, match=r"Method OnceChild\.f"):
        child.f(1)


def test_call_only_once_on_a_property_setter():
    a = Once()
    a.p = 5
    assert a.p == 5
    with pytest.raises(RuntimeError, match=r"Property Once\.p can only be called once per object!"):
        a.p = 6
    assert a.p == 5


SHAPES = [
    (3, [3, 3]), (np.int64(3), [3, 3]), (np.uint8(3), [3, 3]), ([1, 2], [1, 2]), ((1, 2), [1, 2]), ([None, 2], [None, 2]),
    (6 / 2, [3, 3]), (np.float32(3), [3, 3]), ((2.0, 3), [2, 3]),
]


@pytest.mark.parametrize("a,expected", SHAPES, ids=[repr(a) for a, _ in SHAPES])
def test_shape2d(a, expected):
    result = shape2d(a)
    assert result == expected and isinstance(result, list)
    assert all(x is None or type(x) is int for x in result)


@pytest.mark.parametrize("a", [True, 1.5, "3", None, np.zeros(2, "int32"), np.bool_(True)], ids=repr)
def test_shape2d_refuses_other_types(a):
    with pytest.raises(RuntimeError, match="Illegal shape"):
        shape2d(a)


@pytest.mark.parametrize("a", [[], [1], (1, 2, 3)], ids=repr)
def test_shape2d_refuses_other_lengths(a):
    with pytest.raises(ValueError, match="shape2d.*two"):
        shape2d(a)


@pytest.mark.parametrize("data_format,expected", [
    ("NHWC", [1, 2, 3, 1]), ("channels_last", [1, 2, 3, 1]), ("NCHW", [1, 1, 2, 3]), ("channels_first", [1, 1, 2, 3])])
def test_shape4d(data_format, expected):
    assert shape4d((2, 3), data_format=data_format) == expected
    assert shape4d((2, 3)) == [1, 2, 3, 1]


@pytest.mark.parametrize("keras,plain", [("channels_first", "NCHW"), ("channels_last", "NHWC")])
def test_get_data_format_is_idempotent_both_ways(keras, plain):
    for name in (keras, plain):
        assert get_data_format(name) == keras
        assert get_data_format(name, keras_mode=False) == plain


@pytest.mark.parametrize("keras_mode", [True, False])
@pytest.mark.parametrize("data_format", ["nhwc", "", None])
def test_get_data_format_refuses_others(data_format, keras_mode):
    with pytest.raises(ValueError, match="Unknown data_format.*NHWC"):
        get_data_format(data_format, keras_mode)


def test_log_once_per_message_and_function(log_records):
    argtools._LOGGED.discard(("only once", "info"))
    argtools._LOGGED.discard(("only once", "warning"))
    for _ in range(3):
        log_once("only once")
        log_once("only once", "warning")
    assert [r.levelname for r in log_records] == ["INFO", "WARNING"]
    with pytest.raises(ValueError, match="func must be one of .*warning"):
        log_once("x", "shout")
