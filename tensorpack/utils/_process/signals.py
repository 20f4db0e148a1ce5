"""Signals: Ctrl-C masked for a while, and a signal to a process whose parent dies."""
from __future__ import annotations

import ctypes
import multiprocessing as mp
import os
import signal
import sys
import threading
from contextlib import contextmanager
from types import FrameType, ModuleType, TracebackType
from typing import Callable, Iterator, Optional, Set, Type

from .. import logger

_PR_SET_PDEATHSIG = 1  # of linux/prctl.h
_END = b"\0"  # no signal has this number

_POSTPONE_SECONDS = 0.1

_no_sigint_in: Set[str] = set()  # files
# A waiter that was woken and is still listed gets the wake-up that is meant for the next one, and others get none: who waits
# for these threads afterwards, such as for the last events to be written, waits for ever. On a busy machine the thread that
# is woken runs first, so that a signal finds the main thread here more often than the few instructions let one expect.
_NO_SIGINT_BELOW = {f.__code__ for f in (threading.Condition.notify, threading.Event.set, threading.Semaphore.release)}
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


def postpone_sigint_in(module: ModuleType) -> None:
    """Within `unblock_on_sigint`, let no Ctrl-C interrupt the Python code of this module, but what runs right afterwards.

    For modules that wait in native code. A signal that comes meanwhile is handled when the native code makes the exception
    that it ends by, and if the handler raises one of its own there, pybind11 makes a RuntimeError of both, or crashes.
    """
    _no_sigint_in.add(module.__file__ or "")


def _is_untimely(frame: Optional[FrameType]) -> bool:
    """Whether what is interrupted here would not be left as it must be."""
    if frame is not None and frame.f_code.co_filename in _no_sigint_in:
        return True
    while frame is not None and frame.f_code not in _NO_SIGINT_BELOW:
        frame = frame.f_back
    return frame is not None


class Interruption:
    """The handler of Ctrl-C within `unblock_on_sigint`: Python's own, but for what `postpone_sigint_in` was told, and while
    other threads are woken.

    Attributes:
        received: whether there was a Ctrl-C, which may not have been raised yet.
        postponed: whether a Ctrl-C has yet to be raised.
    """

    def __init__(self) -> None:
        self.received = False
        self._again: Optional[threading.Timer] = None
        self._is_handling = False

    @property
    def postponed(self) -> bool:
        return self._again is not None

    def raise_postponed(self) -> None:
        """Raise KeyboardInterrupt here if a Ctrl-C has yet to be raised; another attempt may be as untimely as the first."""
        if self._again is not None:
            self.cancel()
            raise KeyboardInterrupt

    def __call__(self, number: int, frame: Optional[FrameType]) -> None:
        self.received = True
        if self._is_handling:  # a terminal and a launcher both send one; a second thread started within a start hangs
            return
        self._is_handling = True
        try:
            self.cancel()
            if not _is_untimely(frame):
                signal.default_int_handler(number, frame)
            self._again = threading.Timer(_POSTPONE_SECONDS, os.kill, [os.getpid(), number])
            self._again.daemon = True
            self._again.start()
        finally:
            self._is_handling = False

    def cancel(self) -> None:
        if self._again is not None:
            self._again.cancel()
            self._again = None


@contextmanager
def unblock_on_sigint(unblock: Callable[[], None], grace: float = 1.0) -> Iterator[Interruption]:
    """Within the context, call `unblock` in another thread when Ctrl-C has not ended the context after `grace` seconds.

    Python runs signal handlers between its own instructions, so a main thread that waits in native code, such as a session
    waiting for data, does not see Ctrl-C; `unblock` has to make that wait end. After Ctrl-C the context ends by
    KeyboardInterrupt, whatever error the native code ends by. The context gives an object that tells whether Ctrl-C was
    pressed. Does nothing outside of the main thread, or where Ctrl-C does not raise KeyboardInterrupt.
    """
    previous = signal.getsignal(signal.SIGINT) if is_main_thread() else None
    if previous is not signal.default_int_handler and not isinstance(previous, Interruption):
        yield Interruption()
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
            if received[0] == signal.SIGINT:
                handler.received = True
                if not left.wait(grace):
                    unblock()
        os.close(reader)

    handler = Interruption()
    watcher = threading.Thread(target=watch, name="unblock_on_sigint", daemon=True)
    watcher.start()
    signal.signal(signal.SIGINT, handler)
    try:
        yield handler
    finally:
        left.set()
        postponed = handler.postponed
        handler.cancel()
        signal.signal(signal.SIGINT, previous)
        if writer in _in_use:  # not in a forked process, which would end the watcher of its parent
            signal.set_wakeup_fd(before)
            os.write(writer, _END)  # not by closing it: a forked process may hold a copy of this end
            watcher.join(grace)
        os.close(writer)
        _in_use.discard(writer)
        if postponed:
            raise KeyboardInterrupt


def leave_out_traceback(error: BaseException) -> None:
    """Let Python write nothing when this very error ends the program: all that is to be said has been said."""
    previous = sys.excepthook

    def hook(kind: Type[BaseException], value: BaseException, traceback: Optional[TracebackType]) -> None:
        if value is not error:
            previous(kind, value, traceback)

    sys.excepthook = hook


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
