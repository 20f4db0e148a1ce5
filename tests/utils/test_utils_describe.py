"""utils._text.spec, utils._text.repr and utils.optional: what errors and reprs say."""
import sys

import numpy as np
import pytest

from tensorpack.utils._text.repr import ReprMixin
from tensorpack.utils._text.spec import describe, shown
from tensorpack.utils.optional import optional_import

DESCRIPTIONS = [
    (np.zeros((32, 28, 28), "float32"), "float32 (32, 28, 28)"),
    (np.array(3), "int64 ()"),
    (np.float32(1.5), "float32 1.5"),
    (7, "int 7"),
    (True, "bool True"),
    ("abc", "str 'abc'"),
    (b"abc", "bytes b'abc'"),
    ("x" * 100, "str '" + "x" * 36 + "..."),
    (None, "None"),
    (int, "class int"),
    (object(), "object"),
    ([], "list of 0"),
    ([np.zeros(2, "float32"), 1, "a"], "list of 3: [float32 (2,), int 1, str 'a']"),
    ((1, 2.5), "tuple of 2: [int 1, float 2.5]"),
    ({"image": np.zeros(3, "uint8")}, "dict of 1: {'image': uint8 (3,)}"),
    (list(range(100)), "list of 100: [int 0, int 1, int 2, int 3, int 4, int 5, int 6, int 7, ...]"),
    ([[[[[1]]]]], "list of 1: [list of 1: [list of 1: [list of 1]]]"),
]


@pytest.mark.parametrize("value,expected", DESCRIPTIONS, ids=[d[1][:30] for d in DESCRIPTIONS])
def test_describe(value, expected):
    assert describe(value) == expected


def test_describe_of_tensors():
    tf = pytest.importorskip("tensorpack.compat").tfv1
    text = describe(tf.placeholder("float32", [None, 3]))
    assert "float32" in text and "3)" in text


class Base(ReprMixin):
    def __init__(self, ds, batch_size=32, *args, flag=False, func=None, **kwargs):
        self.ds = ds
        self._batch_size = batch_size
        self.flag = flag
        self.func = func


class NotStored(ReprMixin):
    def __init__(self, a, b=1):
        self.b = b

    def a(self):
        return 1


class Plain(ReprMixin):
    pass


def module_function():
    pass


REPRS = [
    (Base(1), "Base(ds=1)"),
    (Base(1, 32), "Base(ds=1)"),
    (Base(1, 64, flag=True), "Base(ds=1, batch_size=64, flag=True)"),
    (Base(Base(2), 3), "Base(ds=Base(ds=2), batch_size=3)"),
    (Base(np.zeros((2, 3), "uint8")), "Base(ds=<uint8 (2, 3)>)"),
    (Base(1, np.zeros(2)), "Base(ds=1, batch_size=<float64 (2,)>)"),
    (Base([1, np.zeros((3, 4))]), "Base(ds=<list of 2: [int 1, float64 (3, 4)]>)"),
    (Base(list(range(1000))), "Base(ds=<list of 1000>)"),
    (Base("x" * 1000), "Base(ds='" + "x" * 196 + "...)"),
    (Base(1, func=module_function), "Base(ds=1, func=module_function)"),
    (Base(1, True), "Base(ds=1, batch_size=True)"),
    (Base(1, flag=0), "Base(ds=1, flag=0)"),
    (NotStored(1, 2), "NotStored(b=2)"),
    (Plain(), "Plain()"),
]


@pytest.mark.parametrize("obj,expected", REPRS, ids=[r[1][:40] for r in REPRS])
def test_repr_shows_arguments_that_differ_from_defaults(obj, expected):
    assert repr(obj) == expected


def test_repr_of_an_object_that_holds_itself():
    b = Base(None)
    b.ds = b
    assert repr(b) == "Base(ds=...)"


def test_repr_before_the_constructor_has_run():
    assert repr(Base.__new__(Base)) == "Base()"


def test_optional_import_imports_at_the_first_use():
    sys.modules.pop("colorsys", None)
    proxy = optional_import("colorsys", needed_by="Colours", pip="colours")
    assert "colorsys" not in sys.modules
    assert proxy.rgb_to_hsv(0, 0, 0) == (0.0, 0.0, 0)
    assert repr(proxy) == "<optional module 'colorsys'>"


def test_optional_import_of_a_missing_package_names_feature_and_remedy():
    proxy = optional_import("no_such_package_here.sub", needed_by="LMDBSerializer", pip="lmdb")
    assert not hasattr(proxy, "__wrapped__")  # a probe is no use
    with pytest.raises(ImportError, match="LMDBSerializer needs .*no_such_package_here.*pip install lmdb"):
        proxy.open()


def test_optional_import_shows_the_own_error_of_a_broken_package(tmp_path, monkeypatch):
    (tmp_path / "broken_package_here.py").write_text("import needed_by_broken_package")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(ModuleNotFoundError, match="^No module named 'needed_by_broken_package'$"):
        optional_import("broken_package_here", needed_by="X", pip="x").anything()


@pytest.mark.parametrize("value, words", [
    (7, "7"), ("abc", "'abc'"), (None, "None"), (np.float64(1.5), repr(np.float64(1.5))), ([1, "a", None], "[1, 'a', None]"),
    ((), "()"), ({"a": 1}, "{'a': 1}"), (np.zeros((2, 3)), "float64 (2, 3)"), ([np.zeros(3)], "list of 1: [float64 (3,)]"),
    (["x"] * 9, "list of 9: [" + "str 'x', " * 8 + "...]"), ("x" * 999, "'" + "x" * 196 + "..."),
    (dict, "the class dict; write dict(...) to make one"),
], ids=["number", "text", "None", "scalar", "short list", "nothing", "dict", "array", "list with an array", "long list",
        "long text", "class"])
def test_what_was_given_is_shown_without_its_bulk(value, words):
    assert shown(value) == words
