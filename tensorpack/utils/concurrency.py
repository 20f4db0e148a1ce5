"""Threads and processes: stoppable threads, safe starting and ending of processes, results put back into order."""
from __future__ import annotations

import atexit
import multiprocessing as mp
import multiprocessing.util  # noqa: F401  its exit handler waits for all processes; ours, registered later, must run first
import os
import signal
import subprocess
import weakref
from typing import Any, Dict, List, Optional, Sequence, Tuple, Union

from . import logger
from ._process.fork import say_what_a_fork_means
from ._process.signals import (
    enable_death_signal,
    is_main_thread,
    mask_sigint,
    postpone_sigint_in,
    unblock_on_sigint,
)
from ._process.start import SafelyStarted, start_method_of, start_safely
from ._process.threads import LoopThread, ShareSessionThread, StoppableThread

__all__ = [
    "DIE",
    "LoopThread",
    "OrderedContainer",
    "OrderedResultGatherProc",
    "ShareSessionThread",
    "StoppableThread",
    "enable_death_signal",
    "ensure_proc_terminate",
    "is_main_thread",
    "mask_sigint",
    "postpone_sigint_in",
    "start_proc_mask_signal",
    "subproc_call",
    "unblock_on_sigint",
]

_JOIN_TIMEOUT = 5  # seconds that a terminated process gets before it is killed


class DIE:
    """In place of a rank or of data in a queue: nothing more comes from this producer."""


def ensure_proc_terminate(proc: Union[mp.Process, Sequence[mp.Process]]) -> None:
    """Terminate the process, or each of a list, when this program exits. Does not keep the process object alive."""
    for p in _as_list(proc):
        if not isinstance(p, mp.process.BaseProcess):
            raise TypeError("ensure_proc_terminate: proc must be a multiprocessing.Process or a list of them; "
                            "got {!r}".format(p))
        atexit.register(_terminate, weakref.ref(p), os.getpid())


def _terminate(reference: Any, owner_pid: int) -> None:
    proc = reference()
    if proc is None or os.getpid() != owner_pid:  # a forked copy of this program does not own the process
        return
    if proc.is_alive():
        proc.terminate()
        proc.join(_JOIN_TIMEOUT)
    if proc.is_alive():
        proc.kill()
        proc.join()


def start_proc_mask_signal(proc: Any) -> None:
    """Start the process or thread, or each of a list, so that Ctrl-C does not reach the new processes.

    The start of a process that ends too early does not hang, whatever is sent to it. If TensorFlow has run here before, it is
    logged that a forked process must not use it.

    Ctrl-C can only be masked in the main thread; elsewhere this starts them as they are.
    """
    procs = _as_list(proc)
    for p in procs:
        if _is_forked(p):
            say_what_a_fork_means(p)
    with mask_sigint():
        for p in procs:
            start_safely(p)


def _is_forked(proc: Any) -> bool:
    if not isinstance(proc, mp.process.BaseProcess):
        return False
    return start_method_of(proc) == "fork"


def _as_list(proc: Any) -> List[Any]:
    return list(proc) if isinstance(proc, (list, tuple)) else [proc]


def subproc_call(cmd: str, timeout: Optional[float] = None) -> Tuple[Union[bytes, str], int]:
    """Run a shell command.

    Args:
        timeout: seconds after which the command and what it started are killed.

    Returns:
        (stdout and stderr together, exit status). The status is -1 after a timeout; if the command could not be run at all
        it is -2, with "" as output. Failures are logged as warnings.
    """
    try:
        proc = subprocess.Popen(cmd, shell=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                start_new_session=os.name == "posix")
    except (OSError, TypeError, ValueError) as e:
        logger.warning("Command %r failed to run: %s", cmd, e)
        return "", -2
    try:
        output, _ = proc.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        _kill_session(proc)
        output, _ = proc.communicate()
        logger.warning("Command %r timed out after %s seconds: %s", cmd, timeout, _decode(output))
        return output, -1
    except BaseException:  # such as Ctrl-C, which does not reach the new session
        _kill_session(proc)
        proc.wait()
        raise
    if proc.returncode != 0:
        logger.warning("Command %r failed with exit status %d: %s", cmd, proc.returncode, _decode(output))
    return output, proc.returncode


def _kill_session(proc: Any) -> None:
    if os.name != "posix":
        proc.kill()
        return
    try:
        os.killpg(proc.pid, signal.SIGKILL)
    except ProcessLookupError:  # it has just ended
        pass


def _decode(output: bytes) -> str:
    return output.decode("utf-8", "replace").strip()


class OrderedContainer:
    """Takes (rank, value) in any order and gives them by rank, without gaps.

    Args:
        start: the first rank.
    """

    def __init__(self, start: int = 0):
        self._next = start
        self._values: Dict[int, Any] = {}

    def put(self, rank: int, val: Any) -> None:
        """Add a value; raises ValueError if its rank came before."""
        if rank < self._next or rank in self._values:
            raise ValueError("OrderedContainer.put: each rank from {} on may come once; got {} again".format(self._next, rank))
        self._values[rank] = val

    def has_next(self) -> bool:
        """Whether the value of the next rank is there."""
        return self._next in self._values

    def get(self) -> Tuple[int, Any]:
        """The next rank and its value; raises RuntimeError if it is not there yet."""
        if not self.has_next():
            raise RuntimeError("OrderedContainer.get: rank {} must have been put; it was not; check has_next() first".format(
                self._next))
        rank = self._next
        self._next += 1
        return rank, self._values.pop(rank)


class OrderedResultGatherProc(SafelyStarted, mp.Process):
    """A process that takes (rank, data) from `data_queue` and gives them by rank through `get`.

    Args:
        data_queue: a `multiprocessing.Queue`. A producer that is done puts (DIE, anything), which is passed on at once.
        nr_producer: how many producers there are; after that many DIE the process ends.
        start: the first rank.
    """

    def __init__(self, data_queue: Any, nr_producer: int, start: int = 0):
        super().__init__()
        self.data_queue = data_queue
        self.ordered_container = OrderedContainer(start=start)
        self.result_queue: Any = mp.Queue()
        self.nr_producer = nr_producer

    def run(self) -> None:
        """The work of the process."""
        enable_death_signal()
        num_ended = 0
        while num_ended < self.nr_producer:
            rank, data = self.data_queue.get()
            if rank is DIE:
                self.result_queue.put((rank, data))
                num_ended += 1
                continue
            self.ordered_container.put(rank, data)
            while self.ordered_container.has_next():
                self.result_queue.put(self.ordered_container.get())

    def get(self) -> Tuple[Any, Any]:
        """The next (rank, data) or (DIE, anything); waits for it."""
        return self.result_queue.get()
