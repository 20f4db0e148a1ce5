"""What contributors and users are told of the house is so: the targets of make, the smoke tests, the supported versions."""
import importlib.machinery
import os
import re
import shutil
import subprocess
import sys
import types

import pytest

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
MATRIX = os.path.join(ROOT, "scripts", "test-matrix")


def text_of(*path):
    with open(os.path.join(ROOT, *path), encoding="utf-8") as f:
        return f.read()


def run(*command, **environment):
    return subprocess.run(command, cwd=ROOT, env=dict(os.environ, **environment), stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120)


def matrix_rows():
    """{TensorFlow: the Python that is preferred for it}."""
    module = types.ModuleType("test_matrix")
    module.__file__ = MATRIX
    importlib.machinery.SourceFileLoader("test_matrix", MATRIX).exec_module(module)
    return {row.tensorflow: row.pythons[0] for row in module.MATRIX}


@pytest.mark.skipif(shutil.which("make") is None, reason="no make")
def test_make_help_describes_each_target():
    targets = " ".join(re.findall(r"^\.PHONY: (.*)$", text_of("Makefile"), re.M)).split()
    described = dict(re.findall(r"^  make (\S+) +(\S.*)$", run("make", "help").stdout, re.M))
    assert sorted(described) == sorted(targets) and len(targets) > 9


def test_the_smoke_tests_are_there():
    lines = text_of("tests", "smoke.txt").split()
    assert len(lines) == len(set(lines)) > 10
    for line in lines:
        path, _, name = line.partition("::")
        assert "\ndef {}(".format(name) in text_of(path) if name else "\ndef test_" in text_of(path), line


def test_the_versions_that_are_called_supported_are_those_that_are_run():
    matrix = matrix_rows()
    table = re.findall(r"^\| (\S+) \| (\S+) \| (.*) \|$", text_of("docs", "notes", "compatibility.md"), re.M)
    assert {tensorflow: python for tensorflow, python, how in table if "make test-matrix" in how} == matrix
    always = {(tensorflow, python) for tensorflow, python, how in table if how == "with every change: all tests"}
    assert always == {("2.21", "3.11"), ("1.15", "3.7")}
    assert "| {} |".format(", ".join(matrix)) in text_of("README.md")
    pythons = set(matrix.values()) | {python for _, python in always}
    assert set(re.findall(r'"Programming Language :: Python :: (3\.\d+)"', text_of("setup.py"))) == pythons


# ---- scripts/test-matrix


def test_a_version_without_python_is_skipped_and_nothing_run_is_no_success(tmp_path):
    os.symlink(shutil.which("sh"), str(tmp_path / "sh"))
    ended = run(sys.executable, MATRIX, "--folder", str(tmp_path / "folder"), "2.4", PATH=str(tmp_path),
                PYENV_ROOT=str(tmp_path))
    assert re.search(r"^2\.4 +- +SKIPPED +no Python 3\.8 or 3\.7 on PATH or in pyenv$", ended.stdout, re.M), ended.stdout
    assert ended.returncode == 1


@pytest.mark.slow_on(1)
def test_an_environment_that_cannot_be_made_is_a_failure(tmp_path):
    ended = run(sys.executable, MATRIX, "--folder", str(tmp_path / "folder"), "2.21", PIP_INDEX_URL="http://127.0.0.1:9",
                PIP_RETRIES="0", PIP_NO_INPUT="1")
    if "SKIPPED" in ended.stdout:
        pytest.skip("no Python for TensorFlow 2.21")
    assert re.search(r"^2\.21 +3\.\d+ +FAILED +no environment: \S", ended.stdout, re.M), ended.stdout
    assert ended.returncode == 1


def test_an_unknown_version_is_named(tmp_path):
    ended = run(sys.executable, MATRIX, "--folder", str(tmp_path / "folder"), "2.5")
    assert ended.returncode == 2 and "TensorFlow 2.5 is not among 2.4, " in ended.stdout
