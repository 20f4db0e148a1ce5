"""utils.utils, utils.naming and the package itself: environment, durations, progress bars, imports."""
import doctest
import importlib
import io
import os
import subprocess
import sys

import numpy as np
import pytest

import tensorpack.utils
from tensorpack._legacy._tables import TABLE
from tensorpack.utils import change_env, execute_only_once, get_tqdm, humanize_time_delta, naming
from tensorpack.utils.utils import find_library_full_path, get_tqdm_kwargs

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def test_package_offers_exactly_the_promised_names():
    names = ["change_env", "execute_only_once", "fix_rng_seed", "get_rng", "get_tqdm", "humanize_time_delta", "logger"]
    older = set(TABLE.star["tensorpack.utils"])
    assert [name for name in tensorpack.utils.__all__ if name not in older] == names
    namespace = {}
    exec("from tensorpack.utils import *", namespace)
    assert sorted(set(n for n in namespace if not n.startswith("__")) - older) == names


MODULES = sorted(name[:-3] for name in os.listdir(os.path.join(ROOT, "tensorpack", "utils"))
                 if name.endswith(".py") and name != "__init__.py")


def test_importing_all_of_utils_is_silent_and_loads_no_tensorflow():
    code = "import os, sys; env = dict(os.environ)\n"
    code += "".join("import tensorpack.utils.{}\n".format(name) for name in MODULES)
    code += "assert env == dict(os.environ); print([m for m in ('tensorflow', 'cv2', 'zmq') if m in sys.modules])"
    result = subprocess.run([sys.executable, "-W", "error", "-c", code], cwd=ROOT, capture_output=True)
    assert (result.stdout.decode().strip(), result.stderr.decode()) == ("[]", "")


@pytest.mark.parametrize("name", ["logger", "utils", "argtools", "concurrency", "fs"])
def test_each_module_can_be_imported_first(name):
    subprocess.run([sys.executable, "-c", "import tensorpack.utils." + name], cwd=ROOT, check=True)


@pytest.mark.parametrize("name", ["_text.spec", "utils"])
def test_examples_in_docstrings(name):
    result = doctest.testmod(importlib.import_module("tensorpack.utils." + name))
    assert result.attempted > 0 and result.failed == 0


def test_constants():
    assert naming.GLOBAL_STEP_INCR_OP_NAME == "global_step_incr"
    assert naming.MOVING_SUMMARY_OPS_KEY == "MOVING_SUMMARY_OPS"


@pytest.mark.parametrize("before", [None, "old"])
@pytest.mark.parametrize("value", [None, "new"])
@pytest.mark.parametrize("fails", [False, True])
def test_change_env_is_undone_also_after_an_error(monkeypatch, before, value, fails):
    name = "TENSORPACK_TEST_VARIABLE"
    monkeypatch.delenv(name, raising=False)
    if before is not None:
        monkeypatch.setenv(name, before)
    try:
        with change_env(name, value):
            assert os.environ.get(name) == value
            if fails:
                raise KeyError
    except KeyError:
        assert fails
    assert os.environ.get(name) == before


def test_execute_only_once_is_per_line():
    results = [(execute_only_once(), i) for i in range(3)]
    assert results == [(True, 0), (False, 1), (False, 2)]
    assert execute_only_once()


DURATIONS = [
    (0, "0 second"), (0.01, "0.01 second"), (1, "1 second"), (1.5, "1.5 seconds"), (59.99, "60 seconds"),
    (60, "1 minute"), (61, "1 minute 1 second"), (119.9, "1 minute 59 seconds"), (3600, "1 hour"), (7260, "2 hours 1 minute"),
    (86400, "1 day"), (118923, "1 day 9 hours 2 minutes 3 seconds"), (172805, "2 days 5 seconds"),
    (np.float32(61), "1 minute 1 second"),
]


@pytest.mark.parametrize("sec,expected", DURATIONS, ids=[d[1] for d in DURATIONS])
def test_humanize_time_delta(sec, expected):
    assert humanize_time_delta(sec) == expected


def test_humanize_time_delta_warns_about_negative_values(log_records):
    assert humanize_time_delta(-3) == "-3 seconds"
    assert [r.levelname for r in log_records] == ["WARNING"]


class Terminal(io.StringIO):
    def isatty(self):
        return True


INTERVALS = [
    ("file", {}, io.StringIO(), 180),
    ("terminal", {"SLURM_JOB_ID": "1"}, Terminal(), 0.5),
    ("slurm", {"SLURM_JOB_ID": "1"}, io.StringIO(), 15),
    ("slurm, one node", {"SLURM_JOB_ID": "1", "SLURM_JOB_NUM_NODES": "1"}, io.StringIO(), 15),
    ("slurm, two nodes", {"SLURM_JOB_ID": "1", "SLURM_JOB_NUM_NODES": "2"}, io.StringIO(), 60),
    ("mpi", {"OMPI_COMM_WORLD_SIZE": "2"}, io.StringIO(), 60),
    ("chosen", {"TENSORPACK_PROGRESS_REFRESH": "2.5"}, Terminal(), 2.5),
]


@pytest.mark.parametrize("env,stream,expected", [c[1:] for c in INTERVALS], ids=[c[0] for c in INTERVALS])
def test_progress_interval(monkeypatch, env, stream, expected):
    for name in ("SLURM_JOB_ID", "SLURM_JOB_NUM_NODES", "OMPI_COMM_WORLD_SIZE", "TENSORPACK_PROGRESS_REFRESH"):
        monkeypatch.delenv(name, raising=False)
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    assert get_tqdm_kwargs(file=stream)["mininterval"] == expected


def test_progress_interval_must_be_a_number(monkeypatch):
    monkeypatch.setenv("TENSORPACK_PROGRESS_REFRESH", "often")
    with pytest.raises(ValueError, match="TENSORPACK_PROGRESS_REFRESH.*'often'"):
        get_tqdm_kwargs()


def test_get_tqdm_has_our_format_and_takes_arguments():
    out = io.StringIO()
    assert list(get_tqdm(range(5), file=out, mininterval=0, ncols=80)) == list(range(5))
    assert "5/5[00:00<00:00" in out.getvalue() and out.getvalue().isascii()
    kwargs = get_tqdm_kwargs(smoothing=0.1)
    assert (kwargs["smoothing"], kwargs["ascii"], kwargs["dynamic_ncols"]) == (0.1, True, True)
    assert kwargs["bar_format"] == "{l_bar}{bar}|{n_fmt}/{total_fmt}[{elapsed}<{remaining},{rate_noinv_fmt}]"


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="paths of Linux")
def test_find_library_full_path():
    path = find_library_full_path("c")
    assert os.path.isabs(path) and os.path.isfile(path) and "libc" in os.path.basename(path)
    assert find_library_full_path("surely_not_installed") is None
