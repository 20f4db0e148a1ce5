"""Runs programs in forks of a process that has imported the modules that are its arguments; see tests/forked_programs.py.

Reads requests from stdin, a line of JSON each, and answers on stdout:
{"start": arguments of Python, "folder": path, "environ": all variables, "files": paths of stdin, stdout, stderr} -> process id;
{"poll": process id} -> its status, negative for a signal, or null while it runs.
"""
import ctypes
import gc
import importlib.util
import json
import multiprocessing.process
import os
import runpy
import signal
import sys
import types

PR_SET_PDEATHSIG = 1


def serve():
    """Answer requests until they end; in a program's process, return the arguments of its Python."""
    for line in sys.stdin:
        request = json.loads(line)
        if "start" in request:
            answer = os.fork()
            if answer == 0:
                become_another_process(request)
                return request["start"]
        else:
            answer = poll(request["poll"])
        print(json.dumps(answer), flush=True)
    return None


def poll(pid):
    done, status = os.waitpid(pid, os.WNOHANG)
    if not done:
        return None
    return os.WEXITSTATUS(status) if os.WIFEXITED(status) else -os.WTERMSIG(status)


def become_another_process(request):
    """What an interpreter gets that is started with `subprocess`; it does not outlive the server."""
    os.setsid()
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.environ.clear()
    os.environ.update(request["environ"])
    os.chdir(request["folder"])
    multiprocessing.process.ORIGINAL_DIR = os.getcwd()  # where processes start that it spawns
    for number, path in enumerate(request["files"]):
        opened = os.open(path, (os.O_WRONLY | os.O_CREAT | os.O_APPEND if number else os.O_RDONLY) | os.O_NOCTTY)
        os.dup2(opened, number)
        os.close(opened)
        mode, buffering = ("w", 1 if number == 2 or os.isatty(number) else -1) if number else ("r", -1)
        stream = open(number, mode, buffering, encoding=sys.stdout.encoding, errors=sys.stderr.errors, closefd=False)
        name = ("stdin", "stdout", "stderr")[number]
        setattr(sys, name, stream)
        setattr(sys, "__{}__".format(name), stream)
    if "numpy" in sys.modules:
        sys.modules["numpy"].random.seed()


def run_python(arguments):
    """As `python *arguments` does it, for a script, `-m` or `-c`."""
    path = [part for part in os.environ.get("PYTHONPATH", "").split(os.pathsep) if part]
    if arguments[0] == "-m":
        sys.argv, sys.path[:1] = arguments[1:], [os.getcwd()] + path
        runpy.run_module(arguments[1], run_name="__main__", alter_sys=True)
        return
    main = sys.modules["__main__"] = types.ModuleType("__main__")
    if arguments[0] == "-c":
        sys.argv, sys.path[:1], code = ["-c"] + arguments[2:], [""] + path, compile(arguments[1], "<string>", "exec")
    else:
        sys.argv, sys.path[:1], main.__file__ = arguments, [os.path.dirname(os.path.abspath(arguments[0]))] + path, arguments[0]
        with open(arguments[0], "rb") as f:
            code = compile(f.read(), arguments[0], "exec")
    exec(code, main.__dict__)


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the tests
    for module in sys.argv[1:]:
        if importlib.util.find_spec(module):
            importlib.import_module(module)
    inherited = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    sys.path[:] = [part for part in sys.path if part not in inherited]  # each program brings its own
    gc.collect()
    gc.freeze()  # a program that looks at all of TensorFlow's objects when it ends copies them
    program = serve()
    if program is not None:
        run_python(program)
