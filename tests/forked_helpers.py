"""Processes that the library starts as new interpreters, forked instead by ones that have imported what these need.

The converter of TF 1.15 and the engine that reads its files import TensorFlow for each export, as do the workers of predictors
over a DataFlow: that takes longer than all else that they do. All is as in new interpreters but for what is imported at the
start; a test that is about it asks for the fixture `new_interpreters`.
"""
import importlib.util
import multiprocessing.forkserver
import os
import shlex
import shutil
import subprocess
import time
import types
from multiprocessing import popen_forkserver, reduction
from multiprocessing.context import SpawnProcess

import pytest
from forked_programs import Program, Server

from tensorpack.utils.utils import change_env

ENGINES = ["numpy", "cv2", "onnxruntime", "ai_edge_litert.interpreter"]


@pytest.fixture
def new_interpreters():
    """For tests whose converters and engines are to run in new interpreters, as they do for users."""


@pytest.fixture(autouse=True)
def forked_helpers(request, monkeypatch, fork_helpers):
    """Converters and engines of a test are forked, unless it asks for `new_interpreters`."""
    if "new_interpreters" not in request.fixturenames:
        fork_helpers(monkeypatch)


@pytest.fixture(scope="session")
def fork_helpers(program_server, engine_server, tmp_path_factory):
    """`fork_helpers(monkeypatch)`: from now on converters and engines are forked."""
    from tensorpack.compat import VERSION
    from tensorpack.tfutils._engines import process

    def run_engine(command, stdin, stdout, stderr):
        # that of TF 1.15 reads TFLite files with TensorFlow
        return Running(program_server if VERSION < (2, 0) else engine_server, command[1:], stdout.name)

    def run_converter(command, shell, stdout, stderr, close_fds):
        name, *arguments = shlex.split(command)
        return Running(program_server, [shutil.which(name)] + arguments, tmp_path_factory.mktemp("converter") / "said")

    def fork(monkeypatch):
        monkeypatch.setattr(process, "subprocess", types.SimpleNamespace(
            Popen=run_engine, DEVNULL=subprocess.DEVNULL, TimeoutExpired=subprocess.TimeoutExpired))
        if VERSION < (2, 0):
            from tensorflow.lite.python import convert

            monkeypatch.setattr(convert, "_subprocess", types.SimpleNamespace(
                Popen=run_converter, PIPE=subprocess.PIPE, STDOUT=subprocess.STDOUT))

    return fork


@pytest.fixture(scope="session")
def engine_server(tmp_path_factory):
    server = Server(tmp_path_factory.mktemp("engines") / "server.txt", *filter(is_installed, ENGINES))
    yield server
    server.close()


def is_installed(module):
    return importlib.util.find_spec(module.split(".")[0]) is not None


class Running(Program):
    """What the library and the converter use of a `subprocess.Popen`."""

    def __init__(self, server, arguments, output):
        super().__init__(server, arguments, os.getcwd(), output)

    def wait(self, timeout=None):
        deadline, pause = time.time() + (timeout or 400), .002
        while self.poll() is None:
            if time.time() > deadline:
                raise subprocess.TimeoutExpired("a forked program", timeout)
            time.sleep(pause)
            pause = min(2 * pause, .05)
        return self.returncode

    def communicate(self):
        self.wait()
        return self.text().encode(), b""


# ---- processes of `multiprocessing`


@pytest.fixture(scope="session")
def worker_server():
    server = multiprocessing.forkserver.ForkServer()
    server.set_forkserver_preload(["tensorpack.predict"])
    with change_env("TF_USE_LEGACY_KERAS", "1"):  # spares the import of Keras 3, half of TensorFlow's
        server.ensure_running()
    yield server
    server._stop()


@pytest.fixture
def forked_workers(monkeypatch, worker_server):
    """Processes that are to be spawned are forked by one that has imported the predictors; it has never run TensorFlow."""
    monkeypatch.setattr(multiprocessing.forkserver, "connect_to_new_process", worker_server.connect_to_new_process)
    monkeypatch.setattr(SpawnProcess, "_Popen", staticmethod(lambda process: popen_forkserver.Popen(AtHome(process))))


class AtHome:
    """A process object that takes the environment, stdout and stderr along, which a spawned process would inherit."""

    def __init__(self, process):
        self._process, self._name = process, process.name

    def __reduce__(self):
        return _at_home, (dict(os.environ), reduction.DupFd(1), reduction.DupFd(2), self._process)


def _at_home(environment, stdout, stderr, process):
    os.environ.clear()
    os.environ.update(environment)
    os.dup2(stdout.detach(), 1)
    os.dup2(stderr.detach(), 2)
    return process
