"""Running programs that have nothing of the library, and saying what is missing."""
import importlib.util
import os
import re
import subprocess
import sys
import time

import pytest

PATIENCE = 400  # seconds to wait for a program on a loaded machine


def environment():
    """Of a user's shell with the virtual environment turned on, from which the library cannot be imported."""
    result = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    return dict(result, PATH=os.path.dirname(sys.executable) + os.pathsep + result["PATH"], TF_CPP_MIN_LOG_LEVEL="3",
                TF_USE_LEGACY_KERAS="1")  # spares the import of Keras 3, half of TensorFlow's, which none of them uses


def run_programs(commands, folder):
    """Run {name: command} at the same time; returns {name: what it printed}, an AssertionError where it failed."""
    running = {name: subprocess.Popen(command, cwd=str(folder), env=environment(), stdout=subprocess.PIPE,
                                      stderr=subprocess.STDOUT) for name, command in commands.items()}
    try:
        printed = {name: each.communicate(timeout=PATIENCE)[0].decode(errors="replace") for name, each in running.items()}
    finally:
        for each in running.values():
            each.kill()
            each.communicate()
    return {name: printed[name] if each.returncode == 0 else AssertionError(printed[name][-3000:])
            for name, each in running.items()}


def run_with_tensorflow(run_program, programs, folder):
    """As `run_programs`, for {name: arguments of Python}; TensorFlow is loaded when they start."""
    variables = dict(environment(), PYTHONPATH="")
    results = {name: run_program(*arguments, folder=folder, **variables) for name, arguments in programs.items()}
    return {name: AssertionError(printed[-3000:]) if status else printed for name, (status, printed) in results.items()}


def raise_if_error(printed):
    if isinstance(printed, AssertionError):
        raise printed
    return printed


def wait_for_address(server, log):
    deadline = time.time() + PATIENCE
    while time.time() < deadline:
        found = re.search(r"Running on (http://127\.0\.0\.1:\d+)", log.read_text(errors="replace"))
        if found:
            return found.group(1) + "/"
        assert server.poll() is None, log.read_text(errors="replace")[-3000:]
        time.sleep(.1)
    raise AssertionError("the server does not start: " + log.read_text(errors="replace")[-3000:])


def needs(module, pip, lacking=None):
    """Skip the test if the module is not there, saying whether it could be (`lacking`: what has no release for this Python)."""
    if importlib.util.find_spec(module) is None:
        pytest.skip(lacking if lacking and sys.version_info < (3, 8) else "pip install " + pip)
