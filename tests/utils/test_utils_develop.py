"""utils.develop: stand-ins, deprecation notices, lazy modules."""
import re
import sys

import pytest

from tensorpack.utils import develop
from tensorpack.utils.develop import (
    HIDE_DOC,
    LazyLoader,
    building_rtfd,
    create_dummy_class,
    create_dummy_func,
    deprecated,
    log_deprecated,
)


@pytest.fixture(autouse=True)
def not_building_docs(monkeypatch):
    monkeypatch.delenv("READTHEDOCS", raising=False)
    monkeypatch.delenv("DOC_BUILDING", raising=False)
    monkeypatch.setattr(develop, "_NUM_WARNINGS", type(develop._NUM_WARNINGS)())


def messages(records):
    assert all(r.levelname == "WARNING" for r in records)
    return [r.getMessage() for r in records]


TEXT = "Cannot import 'lmdb', therefore 'LMDBData' is not available"


def test_dummy_class():
    Dummy = create_dummy_class("LMDBData", "lmdb")
    assert Dummy.__name__ == "LMDBData"
    with pytest.raises(ImportError, match=TEXT):
        Dummy("path", shuffle=False)
    with pytest.raises(AttributeError, match=TEXT):
        Dummy.save()

    class Child(Dummy):
        def __init__(self, x):
            pass

    with pytest.raises(ImportError, match=TEXT):
        Child(1)


def test_dummy_func():
    dummy = create_dummy_func("f", ["scipy.io", "cv2"])
    assert dummy.__name__ == "f"
    with pytest.raises(ImportError, match="Cannot import 'scipy.io,cv2', therefore 'f' is not available"):
        dummy(1, k=2)


@pytest.mark.parametrize("name,value,expected", [
    ("READTHEDOCS", "True", True), ("READTHEDOCS", "False", False), ("DOC_BUILDING", "1", True)])
def test_dummies_are_refused_while_building_docs(monkeypatch, name, value, expected):
    monkeypatch.setenv(name, value)
    assert building_rtfd() is expected
    if expected:
        with pytest.raises(RuntimeError, match="documentation"):
            create_dummy_class("A", "b")
        with pytest.raises(RuntimeError, match="documentation"):
            create_dummy_func("a", "b")


def test_hide_doc():
    def f():
        pass

    assert HIDE_DOC(f) is f and f.__HIDE_SPHINX_DOC__ is True


NOTICES = [
    (dict(name="f", text="Use g."), "[Deprecated] f was deprecated. Use g."),
    (dict(name="f", text="Use g.", eos="2030-06-06"), "[Deprecated] f will be deprecated after 06 Jun. Use g."),
    (dict(text="Use g.", eos="2030-06-06"), "[Deprecated] Use g. Legacy period ends after 06 Jun"),
    (dict(text="Use g."), "[Deprecated] Use g."),
]


@pytest.mark.parametrize("kwargs,expected", NOTICES, ids=[n[1] for n in NOTICES])
def test_log_deprecated(log_records, kwargs, expected):
    log_deprecated(**kwargs)
    assert messages(log_records) == [expected]


@pytest.mark.parametrize("limit,expected", [(None, 5), (2, 2), (0, 0)])
def test_number_of_notices_can_be_limited_for_each(log_records, limit, expected):
    for _ in range(5):
        log_deprecated("f", "Use g.", max_num_warnings=limit)
    log_deprecated("other", max_num_warnings=1)
    assert len(log_records) == expected + 1


def test_deprecated_decorator(log_records):
    @deprecated("Use g.", "2030-06-06", max_num_warnings=1)
    def f(a, b=2):
        """Adds."""
        return a + b

    assert (f(1), f(1, b=3), f.__doc__) == (3, 4, "Adds.")
    (line,) = messages(log_records)
    assert re.match(r"^\[Deprecated\] f \[.+:\d+\] will be deprecated after 06 Jun. Use g.$", line)


def test_lazy_loader_imports_at_the_first_use():
    names = {}
    sys.modules.pop("colorsys", None)
    lazy = names["colours"] = LazyLoader("colours", names, "colorsys")
    assert "colorsys" not in sys.modules
    assert lazy.rgb_to_hsv(0, 0, 0) == (0.0, 0.0, 0)
    assert names["colours"] is sys.modules["colorsys"]
    assert "hsv_to_rgb" in dir(lazy)
