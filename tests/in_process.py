"""Code that might hang runs in a process of its own, which is killed when it does.

As importing TensorFlow takes most of the time, one process does it and is forked for each piece of code. Run as a script this
is that process.
"""
import atexit
import json
import os
import signal
import subprocess
import sys
import tempfile
import textwrap
import time
import traceback

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
_server = None


def run_in_process(code, seconds=60, status=0):
    """What the code prints; fails if it does not end in time, or with another status.

    It has `np`, `tf` and all of tensorpack.
    """
    with tempfile.NamedTemporaryFile() as file:
        got = _ask({"code": textwrap.dedent(code), "file": file.name, "seconds": seconds})
        output = file.read().decode("utf-8", "replace")
    assert got is not None, "it did not end in {} seconds:\n{}".format(seconds, output[-5000:])
    assert got == status, output[-5000:]
    return output


def _ask(request):
    global _server
    if _server is None:
        _server = subprocess.Popen([sys.executable, os.path.abspath(__file__)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                   env=dict(os.environ, PYTHONPATH=ROOT), universal_newlines=True)
        atexit.register(_server.stdin.close)
    _server.stdin.write(json.dumps(request) + "\n")
    _server.stdin.flush()
    return json.loads(_server.stdout.readline())


def _serve():
    import numpy

    import tensorpack
    from tensorpack.compat import tfv1

    names = {name: getattr(tensorpack, name) for name in tensorpack.__all__}
    for line in sys.stdin:
        request = json.loads(line)
        pid = os.fork()
        if pid == 0:
            _run(request, dict(names, np=numpy, tf=tfv1, __name__="__main__"))
        print(json.dumps(_wait(pid, request["seconds"])), flush=True)


def _run(request, names):
    signal.signal(signal.SIGINT, signal.default_int_handler)
    file = os.open(request["file"], os.O_WRONLY)
    for descriptor in (1, 2):
        os.dup2(file, descriptor)
    status = 0
    try:
        exec(compile(request["code"], "<code>", "exec"), names)
    except BaseException:
        traceback.print_exc()
        status = 1
    sys.stdout.flush()
    os._exit(status)


def _wait(pid, seconds):
    """Exit status of the process, or None if it had to be killed."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            return os.WEXITSTATUS(status) if os.WIFEXITED(status) else -os.WTERMSIG(status)
        time.sleep(0.05)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    return None


if __name__ == "__main__":
    _serve()
