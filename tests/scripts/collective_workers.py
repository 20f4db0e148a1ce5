"""Forks workers of collective_training.py, so that TensorFlow is imported once; run by tests/train/test_collective_training.py.

Reads requests from stdin, a line of JSON each, and answers on stdout:
{"start": arguments, "environ": variables, "log": path} -> process id; {"wait": process id, "seconds": limit} -> status or null.
"""
import gc
import json
import os
import signal
import sys
import time

import collective_training

from tensorpack.utils._process.signals import enable_death_signal


def serve():
    """Answer requests until they end; in a worker, return its arguments."""
    for line in sys.stdin:
        request = json.loads(line)
        if "start" in request:
            answer = os.fork()
            if answer == 0:
                become_worker(request)
                return request["start"]
        else:
            answer = wait(request["wait"], request["seconds"])
        print(json.dumps(answer), flush=True)
    return None


def become_worker(request):
    os.setsid()
    enable_death_signal()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.environ.update(request["environ"])
    log = os.open(request["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    null = os.open(os.devnull, os.O_RDONLY)
    for old, new in ((null, 0), (log, 1), (log, 2)):
        os.dup2(old, new)


def wait(pid, seconds):
    """The exit status, negative for a signal; None if the process still runs."""
    end = time.time() + seconds
    while True:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            return os.WEXITSTATUS(status) if os.WIFEXITED(status) else -os.WTERMSIG(status)
        if time.time() > end:
            return None
        time.sleep(0.02)


if __name__ == "__main__":
    gc.collect()
    gc.freeze()  # a worker that looks at all of TensorFlow's objects when it ends copies them, for longer than it trains
    arguments = serve()
    if arguments is not None:
        collective_training.main(arguments)
