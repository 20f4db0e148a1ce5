"""A lock between processes that is tied to a file; the system releases it when its owner dies."""
from __future__ import annotations

import os
from contextlib import contextmanager
from typing import Iterator, Tuple

from .. import logger

try:
    import fcntl
except ImportError:  # only Unix has it
    fcntl = None  # type: ignore[assignment]


@contextmanager
def file_lock(path: str) -> Iterator[bool]:
    """A context that one process, and one thread of it, is in at a time; the file `path` exists as long as it is held.

    Its value says whether somebody else was in it when we came. Without file locks in the system (Windows) it locks nothing.
    """
    if fcntl is None:
        yield False
        return
    descriptor, waited = _acquire(path)
    try:
        yield waited
    finally:
        os.unlink(path)
        fcntl.flock(descriptor, fcntl.LOCK_UN)  # closing is not enough: a forked child may hold a copy of the descriptor
        os.close(descriptor)


def _acquire(path: str) -> Tuple[int, bool]:
    waited = False
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        is_ours = False
        try:
            waited = _wait_for(descriptor, path, waited)
            # The owner before us removes the file; a lock on that one would keep nobody out.
            is_ours = _is_same_file(descriptor, path)
        finally:
            if not is_ours:
                os.close(descriptor)
        if is_ours:
            return descriptor, waited


def _wait_for(descriptor: int, path: str, waited: bool) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return waited
    except BlockingIOError:
        if not waited:
            logger.info("Waiting for another process that holds %s ...", path)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        return True


def _is_same_file(descriptor: int, path: str) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), os.stat(path))
    except FileNotFoundError:
        return False
