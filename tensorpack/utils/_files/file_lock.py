"""A lock between processes that is tied to a file; the system releases it when its owner dies."""
from __future__ import annotations

import os
from contextlib import contextmanager, suppress
from typing import Any, Iterator

from .. import logger
from ..optional import optional_import

filelock = optional_import("filelock", needed_by="download", pip="filelock")


@contextmanager
def file_lock(path: str) -> Iterator[bool]:
    """A context that one process, and one thread of it, is in at a time; the file `path` exists as long as it is held.

    Its value says whether somebody else was in it when we came.
    """
    lock = filelock.FileLock(path, mode=0o666)  # its default is narrower than a shared directory may be
    waited = _acquire(lock, path)
    try:
        yield waited
    finally:
        with suppress(PermissionError):  # Windows removes no file that is open
            os.unlink(path)
        lock.release()


def _acquire(lock: Any, path: str) -> bool:
    waited = False
    while True:
        with open(path, "ab") as file:
            waited = _wait_for(lock, path) or waited
            # The owner before us removes the file; a lock on that one would keep nobody out. As this open file keeps its
            # identity, one that is there before and after is the one in between, which is locked.
            if _is_same_file(file, path):
                return waited
        lock.release()


def _wait_for(lock: Any, path: str) -> bool:
    try:
        lock.acquire(timeout=0)
        return False
    except filelock.Timeout:
        logger.info("Waiting for another process that holds %s ...", path)
        lock.acquire()
        return True


def _is_same_file(file: Any, path: str) -> bool:
    try:
        return os.path.samestat(os.fstat(file.fileno()), os.stat(path))
    except FileNotFoundError:
        return False
