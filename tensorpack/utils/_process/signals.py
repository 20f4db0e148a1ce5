"""Signals: Ctrl-C masked for a while, and a signal to a process whose parent dies."""
from __future__ import annotations

import ctypes
import multiprocessing as mp
import os
import signal
import sys
import threading
from contextlib import contextmanager
from typing import Callable, Iterator, Set

from .. import logger

_PR_SET_PDEATHSIG = 1  # of linux/prctl.h
_END = b"\0"  # no signal has this number

_in_use: Set[int] = set()  # descriptors that `unblock_on_sigint` lets signals be written to


def _after_fork_in_child() -> None:
    # A signal to the child alone must not look to the parent's watcher like one to the parent.
    if _in_use:
        _in_use.clear()
        signal.set_wakeup_fd(-1)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)


def is_main_thread() -> bool:
    """Whether this is the thread that Python started with, the only one that may set signal handlers."""
    return threading.current_thread() is threading.main_thread()


@contextmanager
def mask_sigint() -> Iterator[bool]:
    """Ignore Ctrl-C within the context, which gets True; outside of the main thread do nothing and give False."""
    handler = signal.getsignal(signal.SIGINT) if is_main_thread() else None
    if handler is None:  # also the case of a handler that was not installed by Python and could not be restored
        yield False
        return
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield True
    finally:
        signal.signal(signal.SIGINT, handler)


@contextmanager
def unblock_on_sigint(unblock: Callable[[], None], grace: float = 1.0) -> Iterator[None]:
    """Within the context, call `unblock` in another thread when Ctrl-C has not ended the context after `grace` seconds.

    Python runs signal handlers between its own instructions, so a main thread that waits in native code, such as a session
    waiting for data, does not see Ctrl-C; `unblock` has to make that wait end. Does nothing outside of the main thread, or
    where Ctrl-C does not raise KeyboardInterrupt.
    """
    if not is_main_thread() or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield
        return
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    before = signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    _in_use.add(writer)
    left = threading.Event()

    def watch() -> None:
        while True:
            received = os.read(reader, 1)
            if received == _END:
                break
            if received[0] == signal.SIGINT and not left.wait(grace):
                unblock()
        os.close(reader)

    watcher = threading.Thread(target=watch, name="unblock_on_sigint", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        left.set()
        signal.set_wakeup_fd(before)
        os.write(writer, _END)  # not by closing it: a forked process may hold a copy of this end
        watcher.join(grace)
        os.close(writer)
        _in_use.discard(writer)


def enable_death_signal(_warn: bool = True) -> None:
    """On Linux, let the kernel send SIGHUP to this process when its parent dies; call it in a child process.

    Where SIGHUP is ignored, as under `nohup`, the signal is SIGTERM.

    The kernel counts the *thread* that started the process as the parent, so start such processes from a thread that
    lives as long as they are needed. On other systems this does nothing.

    Args:
        _warn: whether to log a warning if the kernel refuses.
    """
    if not sys.platform.startswith("linux"):
        return
    libc = ctypes.CDLL(None, use_errno=True)
    number = signal.SIGTERM if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN else signal.SIGHUP
    if libc.prctl(_PR_SET_PDEATHSIG, ctypes.c_ulong(number), 0, 0, 0) != 0:
        if _warn:
            logger.warning("This process may outlive its parent: prctl failed (%s).", os.strerror(ctypes.get_errno()))
        return
    creator = getattr(mp.current_process(), "_parent_pid", None)
    if os.getppid() == 1 and creator not in (None, 1):  # the parent died before the kernel knew our wish
        os.kill(os.getpid(), number)
