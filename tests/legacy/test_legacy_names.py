"""Every entry of the list of what lived between 0.1.5 and 0.10 resolves: by name, keyword, method, module."""
import importlib
import inspect
import os
import warnings

import old_api
import pytest

from tensorpack._legacy._tables import TABLE

pytestmark = pytest.mark.skipif(not os.path.isfile(old_api.PATH), reason="the list is not beside the project")
HALVES = ["core", "data"]
KEYWORDS = [(module, name, old, new) for module, functions in TABLE.keywords.items()
            for name, keywords in functions.items() for old, new in keywords.items()]


@pytest.mark.parametrize("kind", ["name", "module", "keyword", "method", "other"])
@pytest.mark.parametrize("half", HALVES)
def test_every_entry_resolves(half, kind):
    listed = [entry for entry in old_api.entries(half) if entry["kind"] == kind
              or kind == "other" and entry["kind"] not in ("name", "module", "keyword", "method")]
    problems = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for entry in listed:
            try:
                why = old_api.problem(entry)
            except (ImportError, AssertionError) as e:
                why = repr(e)
            if why is not None:
                problems[entry["name"]] = why
    assert not problems, "{} of {}:\n{}".format(
        len(problems), len(listed), "\n".join("{}: {}".format(*item) for item in sorted(problems.items())))


@pytest.mark.parametrize("half", HALVES)
def test_every_entry_is_among_the_spellings(half):
    named = [entry["name"] for entry in old_api.entries(half) if not old_api.is_internal(entry)]
    assert [name for name in named if name not in old_api.SPELLINGS and not old_api.is_of_today(name)] == []


@pytest.mark.parametrize("module, name, old, new", KEYWORDS, ids=["{1}({2})".format(*each) for each in KEYWORDS])
def test_a_keyword_of_the_tables_becomes_one_of_today(module, name, old, new):
    called = getattr(importlib.import_module(module), name)
    parameters = inspect.signature(called).parameters
    assert old not in parameters
    assert not isinstance(new, str) or new in parameters
    assert hasattr(called.__init__ if isinstance(called, type) else called, "__wrapped__")


@pytest.mark.parametrize("module, cls, old, new", [
    (module, cls, old, new) for module, classes in TABLE.methods.items() for cls, methods in classes.items()
    for old, new in methods.items()])
def test_a_method_of_the_tables_has_one_of_today(module, cls, old, new):
    assert callable(getattr(getattr(importlib.import_module(module), cls), new))
