"""The launchers in scripts/ and the console commands, as processes of their own."""
import ast
import importlib
import os
import re
import subprocess
import sys

import pytest
from saved_run import GOLDEN

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
TOOLS = ["checkpoint-manipulate", "checkpoint-prof", "data-speed", "dump-model-params", "export-model", "look",
         "ls-checkpoint", "make-key", "predict", "report"]


@pytest.fixture
def run(run_program, tmp_path):
    """`run(tool, *arguments)` without the library on the path: (exit status, stdout, stderr)."""
    def run_tool(name, *arguments):
        errors = tmp_path / "errors"
        script = os.path.join(ROOT, "scripts", name + ".py")
        status, output = run_program(script, *arguments, folder=tmp_path, errors=errors, PYTHONPATH="")
        return status, output, errors.read_text()

    return run_tool


@pytest.mark.parametrize("tool", TOOLS)
def test_help_comes_without_tensorflow(tool, tmp_path):
    (tmp_path / "tensorflow.py").write_text("raise RuntimeError('TensorFlow was imported')")
    path = os.path.join(ROOT, "scripts", tool + ".py")
    code = ("import runpy, sys; sys.argv = [{0!r}, '--help']; sys.path.insert(0, {1!r}); "
            "runpy.run_path({0!r}, run_name='__main__')")
    done = subprocess.run([sys.executable, "-c", code.format(path, str(tmp_path))], capture_output=True,
                          text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("usage: {}.py".format(tool)) and os.access(path, os.X_OK)


def test_a_script_run_from_elsewhere_prints_its_result_alone(run):
    status, output, errors = run("ls-checkpoint", os.path.abspath(os.path.join(GOLDEN, "layers_adam")))
    assert status == 0, errors
    assert ast.literal_eval(output)["fc/W"] == [12, 10]


def test_statuses_of_mistakes(run):
    status, output, errors = run("ls-checkpoint", "nothing.npz")
    assert (status, output) == (1, "")
    assert errors.splitlines()[-1].startswith("error: nothing.npz") and "Traceback" not in errors
    assert run("dump-model-params")[0] == 2


def test_a_key_is_new_and_its_owners_alone(run, tmp_path):
    status, output, errors = run("make-key", "key")
    assert (status, output, errors) == (0, "", "")
    assert os.stat(str(tmp_path / "key")).st_mode & 0o777 == 0o600
    before = (tmp_path / "key").read_text()
    status, output, errors = run("make-key", "key")
    assert status == 1 and "key: must be a new file" in errors
    assert (tmp_path / "key").read_text() == before


def test_each_console_command_leads_to_a_tool():
    with open(os.path.join(ROOT, "setup.py")) as f:
        listed = re.search(r"for tool in \((.*?)\)", f.read(), re.S).group(1)
    assert sorted(ast.literal_eval("[{}]".format(listed))) == TOOLS
    for tool in TOOLS:
        assert callable(importlib.import_module("tensorpack._cli." + tool.replace("-", "_")).main)


READ_BY_NOBODY = """
import os, runpy, sys
reader, writer = os.pipe()
os.close(reader)
os.dup2(writer, 1)
del sys.argv[0]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def test_a_reader_that_stops_early_is_no_error(run_program, tmp_path):
    script = os.path.join(ROOT, "scripts", "ls-checkpoint.py")
    checkpoint = os.path.abspath(os.path.join(GOLDEN, "layers_adam"))
    status, err = run_program("-c", READ_BY_NOBODY, script, checkpoint, folder=tmp_path)
    assert status == 1
    assert "error:" not in err and "BrokenPipe" not in err
