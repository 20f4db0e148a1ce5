"""Starting a process so that the start itself cannot hang.

A process that is not forked reads what it is to do from a pipe. `multiprocessing` writes all of it there, and as it holds the
reading end of a spawned process itself, it waits for ever if the process ends before it has read: say, in the import of a
script that lacks its guard. Here the pipe gets next to nothing, which always fits; the process object, with all its data,
goes through a file that has no name.
"""
from __future__ import annotations

import multiprocessing as mp
import os
import pickle
import tempfile
from multiprocessing import reduction
from typing import Any, Callable, List, Optional, Tuple


class SafelyStarted:
    """Mixin of process classes whose instances are started by whoever has them."""

    def start(self) -> None:
        """Start the process; raises RuntimeError if it has ended by then."""
        process_class: Any = super()
        start_safely(self, process_class.start)


def start_safely(process: Any, start: Optional[Callable[[], None]] = None) -> None:
    """Call `start` of a process or thread, or the function given; raises RuntimeError if the process has ended by then."""
    start = start or process.start
    if not _is_pickled(process):
        start()
        return
    files: List[Any] = []  # open until the process has descriptors of its own
    process.__reduce_ex__ = _Detour(process, files)  # pickle asks the instance
    try:
        start()
    except BrokenPipeError as e:
        raise RuntimeError("{}: a process must live until it was started; this one has ended; see its own message; a script "
                           "must start processes under `if __name__ == '__main__':`".format(process.name)) from e
    finally:
        vars(process).pop("__reduce_ex__", None)
        for file in files:
            file.close()


def _is_pickled(process: Any) -> bool:
    # on Windows `multiprocessing` does not hold the other end
    return os.name == "posix" and isinstance(process, mp.process.BaseProcess) and start_method_of(process) != "fork"


def start_method_of(process: Any) -> str:
    """How `start` of a process object will make a process."""
    return getattr(process, "_start_method", None) or mp.get_start_method()


class _Detour:
    """Pickles a process object into a file, and gives what loads it from there in its place."""

    def __init__(self, process: Any, files: List[Any]):
        self._process = process
        self._files = files

    def __call__(self, protocol: int) -> Tuple[Callable[[Any], Any], Tuple[Any]]:
        del self._process.__reduce_ex__  # it pickles as ever now
        file = tempfile.TemporaryFile()
        self._files.append(file)
        reduction.ForkingPickler(file, protocol).dump(self._process)
        file.flush()
        return _load, (reduction.DupFd(file.fileno()),)


def _load(descriptor: Any) -> Any:
    with open(descriptor.detach(), "rb") as file:
        file.seek(0)  # the position is that of the writer
        return pickle.load(file)
