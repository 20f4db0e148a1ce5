"""Contenders that run in a session of their own, with their workers, and end as a whole: at the latest with the benchmark.

The contender's side needs nothing but the standard library, since it runs in the interpreter of a peer.
"""
from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from typing import List, Optional


def run(command: List[str], timeout: float) -> Optional[dict]:
    """Run a contender, which calls `lead` first and `finish` last; its result, or None if there was none in time."""
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=os.sep,
                               encoding="utf-8")
    try:
        process.wait(timeout)  # not for the end of the output, which workers may hold open; it is one line
    except subprocess.TimeoutExpired:
        pass
    finally:
        _kill(process)
        output = process.communicate()[0]
    try:
        return json.loads(output.strip().splitlines()[-1])
    except (IndexError, ValueError):
        return None


def _kill(process: subprocess.Popen) -> None:
    """Kill a contender and the workers that it has left."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):  # none is left, or it leads no session yet
        pass
    process.kill()


def lead() -> None:
    """In a contender: start a session, and kill all of it when the benchmark is gone, however that has ended."""
    os.setsid()
    threading.Thread(target=_watch, daemon=True).start()


def _watch() -> None:
    while os.read(0, 1):  # until the other end of the pipe is closed
        pass
    os.killpg(0, signal.SIGKILL)


def finish(result: dict) -> None:
    """In a contender: hand over the result, and end with all workers."""
    print(json.dumps(result))
    sys.stdout.flush()
    os.killpg(0, signal.SIGKILL)
