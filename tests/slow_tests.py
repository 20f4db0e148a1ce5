"""Tests that are slow on one of the two TensorFlows: the run on the other one shows the same, so that this one may be left out.

Imported by the conftest of all tests. `pytest -m slow` runs them too.
"""
import importlib.util

import pytest

MAJOR_VERSION = 1 if importlib.util.find_spec("tensorflow_core") else 2  # without importing TensorFlow


def pytest_itemcollected(item):
    """`@pytest.mark.slow_on(1)` is `@pytest.mark.slow` on TensorFlow 1, and nothing on TensorFlow 2."""
    if any(MAJOR_VERSION in marker.args for marker in item.iter_markers("slow_on")):
        item.add_marker("slow")


def few_on(version, values, each=6):
    """Parameters of which one in `each` is run on TensorFlow `version` by default; the others are slow there."""
    return [pytest.param(value, marks=[pytest.mark.slow_on(version)] if number % each else [])
            for number, value in enumerate(values)]
