"""The start of workers: one that fails at once, such as in an import, is an error within seconds, whatever is sent to it."""
import importlib
import multiprocessing
import os
import subprocess
import sys

import pytest
from parallel_flows import Count
from time_limit import LIMIT, time_limit  # noqa: F401

from tensorpack.dataflow.parallel import MultiProcessRunner, MultiProcessRunnerZMQ
from tensorpack.dataflow.parallel_map import (
    MultiProcessMapAndBatchDataZMQ,
    MultiProcessMapDataComponentSharedArray,
    MultiProcessMapDataZMQ,
)
from tensorpack.dataflow.raw import DataFromList

pytestmark = pytest.mark.usefixtures("time_limit")
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
METHODS = [m for m in ("spawn", "forkserver") if m in multiprocessing.get_all_start_methods()]



MODULE = """
import os
if os.getpid() != {pid}:
    raise ImportError("cannot be imported in a worker")

from tensorpack.dataflow.base import DataFlow

class Flow(DataFlow):
    def __init__(self, payload):
        self.payload = payload
    def __len__(self):
        return 5
    def __iter__(self):
        return iter([[k] for k in range(5)])

class Function:
    def __init__(self, payload):
        self.payload = payload
    def __call__(self, dp):
        return dp
"""


@pytest.fixture
def broken(tmp_path, monkeypatch):
    """A module that can be imported here, but in no other process."""
    (tmp_path / "broken_in_workers.py").write_text(MODULE.format(pid=os.getpid()))
    monkeypatch.syspath_prepend(str(tmp_path))
    yield importlib.import_module("broken_in_workers")
    del sys.modules["broken_in_workers"]


FLOWS = {
    "R": lambda broken, payload, method: MultiProcessRunner(broken.Flow(payload), 4, 2, start_method=method),
    "Z": lambda broken, payload, method: MultiProcessRunnerZMQ(broken.Flow(payload), 2, start_method=method),
    "PM": lambda broken, payload, method: MultiProcessMapDataZMQ(
        Count(5), 2, broken.Function(payload), buffer_size=3, start_method=method),
    "PM strict": lambda broken, payload, method: MultiProcessMapDataZMQ(
        Count(5), 2, broken.Function(payload), buffer_size=3, strict=True, start_method=method),
    "MB reader": lambda broken, payload, method: MultiProcessMapAndBatchDataZMQ(
        broken.Flow(payload), 2, list, 2, start_method=method),
    "MB function": lambda broken, payload, method: MultiProcessMapAndBatchDataZMQ(
        Count(5), 2, broken.Function(payload), 2, start_method=method),
    "SA": lambda broken, payload, method: MultiProcessMapDataComponentSharedArray(
        Count(5), 2, broken.Function(payload), (3,), "float32", start_method=method),
}


@pytest.mark.parametrize("name, method", [(name, METHODS[name == "PM strict"]) for name in FLOWS])
def test_a_worker_that_fails_at_its_import_is_an_error(broken, name, method, capfd):
    with FLOWS[name](broken, b"x" * 10 ** 6, method) as df:
        with pytest.raises(RuntimeError, match="all its workers must live .* ended too early with exit status 1; see its own"):
            df.reset_state()
            next(iter(df))
    assert not multiprocessing.active_children()
    if method == "spawn":  # the server of the other method writes to where errors went at its start
        assert "cannot be imported in a worker" in capfd.readouterr().err


@pytest.mark.parametrize("size", [100, 10 ** 8], ids=["100 B", "100 MB"])
@pytest.mark.parametrize("method", METHODS)
def test_so_it_is_with_little_and_with_much_to_send(broken, size, method):
    with MultiProcessRunnerZMQ(broken.Flow(b"x" * size), 1, start_method=method) as df:
        with pytest.raises(RuntimeError, match="ended too early with exit status 1"):
            df.reset_state()
            next(iter(df))


@pytest.mark.parametrize("method", METHODS)
def test_much_arrives_in_workers_that_live(method):
    ds = DataFromList([[b"x" * 10 ** 7, k] for k in range(3)], shuffle=False)
    with MultiProcessRunnerZMQ(ds, 1, start_method=method) as df:
        df.reset_state()
        assert [(len(data), k) for data, k in df] == [(10 ** 7, k) for k in range(3)]


SCRIPT = """
from tensorpack.dataflow import *
df = MultiProcessRunnerZMQ(DataFromList([[k] for k in range(40000)]), 2, start_method="{method}")
df.reset_state()
next(iter(df))
"""


@pytest.mark.parametrize("method", METHODS)
def test_a_script_without_a_guard_is_told_of_it(tmp_path, method):
    path = tmp_path / "script.py"
    path.write_text(SCRIPT.format(method=method))
    done = subprocess.run([sys.executable, str(path)], timeout=LIMIT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          env=dict(os.environ, PYTHONPATH=ROOT))
    output = done.stdout.decode()
    assert done.returncode == 1
    assert "a script must start processes under `if __name__ == '__main__':`" in output


FILLING = """
import multiprocessing, sys
if __name__ == "__mp_main__":
    raise ImportError("cannot be imported in a worker")
from tensorpack.dataflow import DataFromList
from tensorpack.dataflow.remote import dump_dataflow_to_process_queue

multiprocessing.set_start_method("{method}")
_, process = dump_dataflow_to_process_queue(DataFromList([b"x" * 10 ** 6]), 3, 1)
process.start()
process.join()
sys.exit(process.exitcode + 10)
"""


@pytest.mark.parametrize("method", METHODS)
def test_a_process_that_fills_a_queue_starts_in_the_same_way(tmp_path, method):
    path = tmp_path / "script.py"
    path.write_text(FILLING.format(method=method))
    done = subprocess.run([sys.executable, str(path)], timeout=LIMIT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          env=dict(os.environ, PYTHONPATH=ROOT))
    assert done.returncode == 11, done.stdout.decode()
