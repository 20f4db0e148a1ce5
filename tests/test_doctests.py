"""The examples in docstrings of modules that need no TensorFlow are true."""
import doctest
import importlib
import inspect
import pkgutil

import pytest

import tensorpack.dataflow
import tensorpack.utils

MODULES = [importlib.import_module(name)
           for package in (tensorpack.dataflow, tensorpack.utils)
           for _, name, _ in pkgutil.walk_packages(package.__path__, package.__name__ + ".")]
WITH_EXAMPLES = [module for module in MODULES if ">>> " in inspect.getsource(module)]


def test_there_are_examples():
    assert WITH_EXAMPLES


@pytest.mark.parametrize("module", WITH_EXAMPLES, ids=lambda module: module.__name__)
def test_examples_are_true(module):
    results = doctest.testmod(module)
    assert results.attempted and not results.failed
