"""Processes that were started here: how one has ended, in words, and ending them for good."""
from __future__ import annotations

import signal
from typing import Any, Sequence

_JOIN_SECONDS = 5  # that a process gets to end


def describe_end(process: Any) -> str:
    """How a dead process has ended, and what may be the reason; waits a little for one that is just ending."""
    process.join(_JOIN_SECONDS)
    code = process.exitcode
    if code is not None and code < 0:
        how, hint = "was killed by signal {}".format(_signal_name(-code)), "see whether the machine ran out of memory"
    else:
        how = "ended too early with exit status {}".format(code)
        hint = "see its own message; a script must start processes under `if __name__ == '__main__':`"
    return "{} (pid {}) {}; {}".format(process.name, process.pid, how, hint)


def _signal_name(number: int) -> str:
    try:
        return "{} ({})".format(signal.Signals(number).name, number)
    except ValueError:
        return str(number)


def end_processes(processes: Sequence[Any]) -> None:
    """Terminate processes, and kill those that do not care; those that were never started are passed over."""
    started = [process for process in processes if process.pid is not None]
    for process in started:
        if process.is_alive():
            process.terminate()
    for process in started:
        process.join(_JOIN_SECONDS)
        if process.is_alive():
            process.kill()
            process.join()
