"""What is said of forked processes: nothing, unless TensorFlow has run in their parent."""
import importlib.util
import logging
import multiprocessing
import os
import subprocess
import sys

import pytest

from tensorpack.dataflow import DataFromList, MultiProcessRunnerZMQ
from tensorpack.utils import argtools
from tensorpack.utils._process import fork
from tensorpack.utils.concurrency import start_proc_mask_signal

pytestmark = pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="needs fork")
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def start_twice(method):
    for _ in range(2):
        p = multiprocessing.get_context(method).Process(target=os.getpid, name="SomeFlow-worker-1")
        start_proc_mask_signal(p)
        p.join()


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_a_start_needs_no_word(monkeypatch, log_records, method):
    monkeypatch.setattr(fork, "tensorflow_has_run", lambda: False)
    start_twice(method)
    assert log_records == []


@pytest.mark.parametrize("method, expected", [("fork", 1), ("spawn", 0)])
def test_after_tensorflow_has_run_it_is_said_once_what_a_forked_process_must_not_do(monkeypatch, log_records, method, expected):
    monkeypatch.setattr(argtools, "_LOGGED", set())
    monkeypatch.setattr(fork, "tensorflow_has_run", lambda: True)
    start_twice(method)
    assert [record.levelno for record in log_records] == [logging.INFO] * expected
    assert all("SomeFlow-worker is forked after TensorFlow has run" in record.getMessage() for record in log_records)


def test_a_flow_is_named(monkeypatch, log_records):
    monkeypatch.setattr(argtools, "_LOGGED", set())
    monkeypatch.setattr(fork, "tensorflow_has_run", lambda: True)
    with MultiProcessRunnerZMQ(DataFromList([[1], [2]], shuffle=False), 1, start_method="fork") as df:
        df.reset_state()
        assert [dp for dp in df] == [[1], [2]]
    message, = [record.getMessage() for record in log_records]
    assert message.startswith("MultiProcessRunnerZMQ-worker is forked after TensorFlow has run in this process.")
    assert "uses TensorFlow itself" in message and "'spawn' or 'forkserver'" in message


HAS_RUN = """
import sys
from tensorpack.utils._process.fork import tensorflow_has_run
assert not tensorflow_has_run()
import tensorflow as tf
assert not tensorflow_has_run()
tf.compat.v1.enable_eager_execution()
tf.constant(1)
assert tensorflow_has_run()
sys.modules["tensorflow.python.eager.context"] = None
assert not tensorflow_has_run()
with tf.compat.v1.Session(graph=tf.Graph()):
    pass
assert tensorflow_has_run()
"""


@pytest.mark.skipif(importlib.util.find_spec("tensorflow") is None, reason="needs TensorFlow")
def test_whether_tensorflow_has_run_is_known():
    subprocess.run([sys.executable, "-c", HAS_RUN], check=True, timeout=120, env=dict(os.environ, PYTHONPATH=ROOT))


SLOW_TO_IMPORT = """
import time
import in_thread
in_thread.begun.set()
time.sleep(0.5)
VALUE = 7
"""
FORK_DURING_IMPORT = """
import multiprocessing, sys, threading
sys.path.insert(0, sys.argv[1])
import in_thread
from tensorpack.utils.optional import optional_import

slow = optional_import("slow_to_import", needed_by="this test", pip="nothing")
context = multiprocessing.get_context("fork")

def child():
    assert slow.VALUE == 7
    threading.Thread(target=sys.exit).start()

thread = threading.Thread(target=lambda: slow.VALUE)
thread.start()
assert in_thread.begun.wait(30)
process = context.Process(target=child)
process.start()
process.join(30)
print("ended with", process.exitcode)
process.kill()
"""


def printed_by(code, directory):
    """What this code prints, which is given a directory as its argument."""
    return subprocess.run([sys.executable, "-c", code, str(directory)], check=True, timeout=120, stdout=subprocess.PIPE,
                          env=dict(os.environ, PYTHONPATH=ROOT)).stdout


def test_a_process_that_is_forked_while_a_thread_imports_can_import_too(tmp_path):
    (tmp_path / "slow_to_import.py").write_text(SLOW_TO_IMPORT)
    (tmp_path / "in_thread.py").write_text("import threading\nbegun = threading.Event()\n")
    assert printed_by(FORK_DURING_IMPORT, tmp_path) == b"ended with 0\n"


FORKS_ITSELF = """
import os
pid = os.fork()
if not pid:
    import colorsys_too  # within the import that forked
    os._exit(colorsys_too.VALUE)
STATUS = os.waitpid(pid, 0)[1] >> 8
"""


def test_a_module_may_fork_while_it_is_imported(tmp_path):
    (tmp_path / "forks_itself.py").write_text(FORKS_ITSELF)
    (tmp_path / "colorsys_too.py").write_text("VALUE = 5\n")
    code = ("import sys; sys.path.insert(0, sys.argv[1]); from tensorpack.utils.optional import optional_import; "
            "print(optional_import('forks_itself', needed_by='this test', pip='nothing').STATUS)")
    assert printed_by(code, tmp_path) == b"5\n"
