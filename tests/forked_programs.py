"""Programs in processes of their own, forked by one that has imported TensorFlow: the import takes longer than most of them.

Imported by the conftest of all tests. All is as in a new interpreter, but that TensorFlow and OpenCV are loaded at the first
line: what is about imports, or about what Python or TensorFlow reads when it starts, needs `subprocess`.
"""
import json
import os
import signal
import subprocess
import sys
import textwrap
import time

import pytest

TESTS = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(TESTS)
LIMIT = 420  # seconds, of which few are needed unless much else runs; pytest ends a test after 480


class Server:
    """The process that imports some modules and forks, started with the first program; see tests/scripts/program_server.py."""

    def __init__(self, log, *modules):
        self._log, self._modules, self._process = str(log), list(modules), None

    def ask(self, **request):
        if self._process is None:
            with open(self._log, "w") as log:
                self._process = subprocess.Popen(
                    [sys.executable, os.path.join(TESTS, "scripts", "program_server.py")] + self._modules, stderr=log,
                    stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=dict(os.environ, PYTHONPATH=ROOT), encoding="utf-8")
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())

    def close(self):
        if self._process is not None:
            self._process.kill()  # and so its programs
            self._process.communicate()


class Program:
    """A running program, with the methods of `subprocess.Popen` that tests need.

    Args:
        arguments: those of Python: a script, `-m` or `-c` and more.
        folder: the current directory.
        output: path of a file for stdout and stderr.
        errors: path of a file for stderr alone.
        terminal: path of a terminal that is stdin, stdout and stderr.
        variables: for the environment, beside those of the tests.
    """

    def __init__(self, server, arguments, folder, output, errors=None, terminal=None, **variables):
        self._server, self._output, self.returncode = server, str(output), None
        files = [terminal] * 3 if terminal else [os.devnull, self._output, str(errors or output)]
        environ = dict(dict(os.environ, PYTHONPATH=ROOT), **variables)
        self.pid = server.ask(start=[str(a) for a in arguments], folder=str(folder), files=files, environ=environ)

    def poll(self):
        if self.returncode is None:
            self.returncode = self._server.ask(poll=self.pid)
        return self.returncode

    def wait(self, timeout=LIMIT):
        self.wait_until(lambda: False, timeout)
        return self.returncode

    def wait_until(self, condition, timeout=LIMIT):
        """Until `condition()` is true or the program has ended."""
        deadline = time.time() + timeout
        while self.poll() is None and not condition():
            assert time.time() < deadline, "waited {} s in vain for {}:\n{}".format(timeout, self.pid, self.text()[-3000:])
            time.sleep(0.02)

    def wait_for_text(self, text, timeout=LIMIT):
        """Until the program has written `text`; an error if it ends without it."""
        self.wait_until(lambda: text in self.text(), timeout)
        assert text in self.text(), self.text()[-3000:]

    def send_signal(self, number):
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self):
        self.send_signal(signal.SIGKILL)
        self.wait()

    def text(self):
        """What it has written to `output` so far."""
        if not os.path.exists(self._output):
            return ""
        with open(self._output, encoding="utf-8", errors="replace") as f:
            return f.read()


@pytest.fixture(scope="session")
def program_server(tmp_path_factory):
    server = Server(tmp_path_factory.mktemp("programs") / "server.txt", "tensorflow", "cv2")
    yield server
    server.close()


@pytest.fixture
def start_program(program_server, tmp_path_factory):
    """`start_program("script.py", "argument", folder=tmp_path, VARIABLE="value")`: a `Program`, killed when the test ends."""
    started = []

    def start(*arguments, folder, **settings):
        output = tmp_path_factory.mktemp("program") / "output.txt"
        started.append(Program(program_server, arguments, folder, output, **settings))
        return started[-1]

    yield start
    for program in started:
        program.kill()


@pytest.fixture(scope="session")
def run_program(program_server, tmp_path_factory):
    """`run_program("script.py", "argument", folder=tmp_path, VARIABLE="value")`: (exit status, what it has written)."""
    def run(*arguments, folder, timeout=LIMIT, **settings):
        program = Program(program_server, arguments, folder, tmp_path_factory.mktemp("program") / "output.txt", **settings)
        try:
            return program.wait(timeout), program.text()
        finally:
            program.kill()

    return run


@pytest.fixture
def run_code(run_program, tmp_path):
    """`run_code(code)`: what a program writes that has numpy, `tf` and all of tensorpack; it must end in time with `status`."""
    def run(code, status=0, timeout=100, **settings):
        code = "import numpy as np\nfrom tensorpack import *\ntf = tfv1\n" + textwrap.dedent(code)
        got, output = run_program("-c", code, folder=tmp_path, timeout=timeout, **settings)
        assert got == status, output[-5000:]
        return output

    return run
