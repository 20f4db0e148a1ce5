"""The whole library is checked by `mypy`, strictly, and what is left out of that is counted and has its reason."""
import os
import re
import subprocess
import sys

import pytest
from floors import FILES, ROOT

TOP = os.path.dirname(ROOT)
SETTINGS = os.path.join(TOP, "pyproject.toml")
IGNORED = re.compile(r"#\s*type:\s*ignore(.*)$")
WITH_KIND_AND_REASON = re.compile(r"\[[a-z-]+(, [a-z-]+)*\]  # \w")
MAX_IGNORED = 29

# What strict mode has and we do not: TensorFlow's values are of type Any, and so are its classes.
LEFT_OUT = {"warn_return_any", "disallow_subclassing_any"}


def text_of(*path):
    with open(os.path.join(TOP, *path), encoding="utf-8") as f:
        return f.read()


@pytest.fixture
def settings_of(monkeypatch):
    """A function from arguments of mypy to (what it would check, by which options)."""
    main = pytest.importorskip("mypy.main", reason="mypy is not there for Python 3.7")
    monkeypatch.setenv("MYPY_CONFIG_FILE_DIR", "")  # it sets this itself, and nothing may be left of it
    return lambda *arguments: main.process_options(list(arguments))


def test_each_file_is_checked(settings_of):
    sources, _ = settings_of("--config-file", SETTINGS)
    checked = {os.path.realpath(source.path) for source in sources}
    # a stub stands for a table of lazy imports, which scripts/make-stubs compares with it
    expected = {path + "i" if os.path.exists(path + "i") else path for path in FILES.values()}
    assert checked == set(map(os.path.realpath, expected))


def test_each_file_is_checked_strictly(settings_of):
    sources, ours = settings_of("--config-file", SETTINGS)
    strict = settings_of("--strict", "--config-file=", "-p", "tensorpack")[1].snapshot()
    flags = {name for name, value in strict.items() if isinstance(value, bool)} - {"ignore_missing_imports"}
    for source in sources:
        of_module = ours.clone_for_module(source.module).snapshot()
        assert {name for name in flags if of_module[name] != strict[name]} == LEFT_OUT, source.module
    assert not [module for module, path in FILES.items() if re.search(r"^#\s*mypy:", text_of(path), re.M)]


def test_a_new_file_without_types_is_an_error(tmp_path):
    pytest.importorskip("mypy", reason="mypy is not there for Python 3.7")
    package = tmp_path / "tensorpack" / "new"
    package.mkdir(parents=True)
    for folder in (package.parent, package):
        (folder / "__init__.py").write_text("")
    (package / "functions.py").write_text("def half(x):\n    return x / 2\n")
    run = subprocess.run([sys.executable, "-m", "mypy", "--config-file", SETTINGS, "--cache-dir", os.devnull],
                         cwd=str(tmp_path), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                         text=True, timeout=300)
    assert run.returncode == 1 and "functions.py:1: error" in run.stdout and "[no-untyped-def]" in run.stdout, run.stdout


def test_ignored_errors_are_few_and_have_a_kind_and_a_reason():
    found = [(module, IGNORED.search(line)) for module, path in FILES.items() for line in text_of(path).split("\n")]
    ignored = [(module, match.group(1)) for module, match in found if match]
    assert 0 < len(ignored) <= MAX_IGNORED
    assert [each for each in ignored if not WITH_KIND_AND_REASON.match(each[1])] == []


def test_the_linter_runs_the_same_checker_everywhere():
    recipe = re.search(r"^lint:.*\n((?:\t.*\n)+)", text_of("Makefile"), re.M).group(1)
    assert "\t.venv/bin/python -m mypy\n" in recipe
    assert re.search(r"^mypy==\d+\.\d+\.\d+; ", text_of("requirements-test.txt"), re.M)
