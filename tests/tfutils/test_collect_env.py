import importlib
import os
import sys

import numpy as np
import pytest
import tensorflow

from tensorpack.libinfo import __version__
from tensorpack.tfutils import _environment, common
from tensorpack.tfutils.collect_env import collect_env_info, parse_TF_build_info

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def rows_of(table):
    rows = [line.split("  ", 1) for line in table.splitlines() if not line.startswith("-")]
    return {row[0].strip(): row[1].strip() for row in rows if len(row) == 2}


def test_the_table_tells_the_versions_of_what_runs():
    rows = rows_of(collect_env_info())
    assert rows["sys.platform"] == sys.platform
    assert rows["Python"].startswith(".".join(map(str, sys.version_info[:3])))
    assert rows["Tensorpack"] == __version__
    assert rows["Numpy"] == np.__version__
    assert rows["TensorFlow"].startswith(tensorflow.__version__ + "/")
    assert rows["TensorFlow"].endswith("@" + os.path.dirname(tensorflow.__file__))
    assert {"Free RAM", "CPU Count", "Horovod", "cv2", "msgpack", "python-prctl"} <= set(rows)


def test_build_information_is_that_of_tensorflow():
    rows = parse_TF_build_info()
    assert rows["TF Compiler Version"] == tensorflow.version.COMPILER_VERSION
    assert rows["TF CUDA support"] == str(tensorflow.test.is_built_with_cuda())
    assert {rows["TF MKL support"], rows["TF XLA support"]} <= {"True", "False"}


def test_a_cuda_build_also_tells_about_driver_and_devices(monkeypatch, tmp_path):
    facts = dict(_environment.compat.build_facts(), **{"CUDA": "True", "CUDA version": "12.5", "CUDNN version": "9"})
    monkeypatch.setattr(_environment.compat, "build_facts", lambda: facts)
    tool = tmp_path / "nvidia-smi"
    tool.write_text("#!/bin/sh\nprintf '550.1, Tesla A\\n550.1, Tesla B\\n550.1, Tesla A\\n'\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path) + os.pathsep + os.environ["PATH"])
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,2")
    rows = rows_of(collect_env_info())
    assert rows["TF built with"] == "CUDA 12.5, CUDNN 9"
    assert rows["Nvidia Driver"] == "550.1"
    assert (rows["GPU 0,2"], rows["GPU 1"]) == ("Tesla A", "Tesla B")
    assert rows["CUDA_VISIBLE_DEVICES"] == "0,2"
    tool.write_text("#!/bin/sh\nexit 9\n")
    assert rows_of(collect_env_info())["Nvidia Driver"] == "not found"


@pytest.mark.parametrize("body, expected", [
    ("__version__ = '1.2'", "1.2"), ("", "version unknown"), ("raise OSError('no library')", "broken: OSError: no library"),
    ("import os; os.abort()", "broken: exit status -6"), (None, "not found")],
    ids=["version", "none", "broken", "crash", "not there"])
def test_an_optional_package_in_any_state_is_reported(monkeypatch, tmp_path, body, expected):
    if body is not None:
        (tmp_path / "optional_of_env.py").write_text(body)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    assert _environment._version_of("optional_of_env") == expected


def test_the_function_is_also_in_common_where_older_scripts_find_it():
    assert common.collect_env_info is importlib.import_module("tensorpack.tfutils.collect_env").collect_env_info


def test_the_module_prints_the_table_as_a_program(run_program, tmp_path):
    errors = tmp_path / "errors"
    status, output = run_program("-m", "tensorpack.tfutils.collect_env", folder=ROOT, errors=errors)
    assert status == 0, errors.read_text()
    assert rows_of(output)["Tensorpack"] == __version__
    assert output.splitlines()[-1] == "GPUs that TensorFlow sees: none"
    assert "RuntimeWarning" not in errors.read_text()
