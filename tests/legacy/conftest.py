"""Fixtures of the tests of old spellings: each test is the first to use them."""
import sys

import pytest

from tensorpack._legacy import _spelling
from tensorpack._legacy._tables import TABLE
from tensorpack.utils import argtools


@pytest.fixture(autouse=True)
def first_use(monkeypatch):
    """As in a new process, each old spelling warns."""
    monkeypatch.setattr(_spelling, "_warned", set())
    monkeypatch.setattr(argtools, "_LOGGED", set())
    for name in TABLE.names:
        module = sys.modules.get(name)
        kept = getattr(getattr(module, "__getattr__", None), "kept_old_names", set())
        while kept:
            module.__dict__.pop(kept.pop(), None)


@pytest.fixture
def warnings(log_records):
    """A function that returns the texts of the warnings that were logged so far."""
    return lambda: [record.getMessage() for record in log_records if record.levelname == "WARNING"]
