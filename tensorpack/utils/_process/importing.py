"""A fork waits for the imports that other threads are at.

A module that is being imported has a lock, which its importer's thread holds. In a forked process that thread does not exist:
the lock stays held, and whoever imports the module there waits for ever.
"""
from __future__ import annotations

import os
import threading
import time
from contextlib import contextmanager
from typing import Dict, Iterator

_LIMIT = 60.0  # seconds; the import may itself wait for the thread that forks


class Imports:
    """Which threads import something, so that a fork can wait for them."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._depths: Dict[int, int] = {}  # of the imports within imports of a thread

    @contextmanager
    def one(self) -> Iterator[None]:
        """Around an import; a fork of another thread takes place before it or after it."""
        thread = threading.get_ident()
        with self._changed:
            self._depths[thread] = self._depths.get(thread, 0) + 1
        try:
            yield
        finally:
            with self._changed:
                self._depths[thread] -= 1
                if not self._depths[thread]:
                    del self._depths[thread]
                    self._changed.notify_all()

    def wait_for_others(self) -> None:
        """Before a fork: wait until only this thread imports, if any, and keep others from it until `go_on`."""
        end = time.monotonic() + _LIMIT
        self._changed.acquire()
        while any(thread != threading.get_ident() for thread in self._depths) and time.monotonic() < end:
            self._changed.wait(end - time.monotonic())

    def go_on(self) -> None:
        """After a fork, in the process that forked."""
        self._changed.release()

    def begin_again(self) -> None:
        """After a fork, in the new process, where there are no other threads."""
        self._changed = threading.Condition()
        thread = threading.get_ident()
        self._depths = {thread: self._depths[thread]} if thread in self._depths else {}


IMPORTS = Imports()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=IMPORTS.wait_for_others, after_in_parent=IMPORTS.go_on, after_in_child=IMPORTS.begin_again)
