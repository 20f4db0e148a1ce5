"""Shared memory that has no name: a file descriptor is sent to the other process, both map it, and nothing can be left over.

The kernel frees the memory when the last mapping goes, however the processes end.
"""
from __future__ import annotations

import ctypes
import mmap
import os
import sys
import tempfile
import weakref
from typing import Any, Optional

import numpy as np

_FOLDER = "/dev/shm"
_MAP_FAILED = ctypes.c_void_p(-1).value
_CLOEXEC = 1  # MFD_CLOEXEC of linux/memfd.h

# Windows cannot send descriptors; there all bytes go through the socket.
is_supported = os.name == "posix"

_libc: Any = None


def create(size: int) -> int:
    """A descriptor of new shared memory; raises OSError where the system gives none."""
    fd = _anonymous_file()
    if fd is None:
        return _unlinked_file(size)
    try:
        os.ftruncate(fd, size)
    except BaseException:
        os.close(fd)
        raise
    return fd


def attach(fd: int, size: int) -> np.ndarray:
    """Map the memory of a descriptor, which may be closed then: a writable uint8 array.

    The mapping lasts as long as the array or any view of it. `mmap.mmap` would keep a descriptor open for each mapping.
    """
    libc = _load_libc()
    address = libc.mmap(None, size, mmap.PROT_READ | mmap.PROT_WRITE, mmap.MAP_SHARED, fd, 0)
    if address == _MAP_FAILED:
        number = ctypes.get_errno()
        raise OSError(number, "mmap of {} bytes: {}".format(size, os.strerror(number)))
    memory: Any = (ctypes.c_uint8 * size).from_address(address)
    weakref.finalize(memory, libc.munmap, address, size).atexit = False
    return np.frombuffer(memory, dtype="uint8")


def _load_libc() -> Any:
    global _libc
    if _libc is None:
        libc = ctypes.CDLL(None, use_errno=True)
        libc.mmap.restype = ctypes.c_void_p
        libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long]
        libc.munmap.restype = ctypes.c_int
        libc.munmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
        _libc = libc
    return _libc


def _anonymous_file() -> Optional[int]:
    """A file in memory that never had a name; None where the system has no such thing."""
    if hasattr(os, "memfd_create"):
        return os.memfd_create("tensorpack")
    memfd_create = getattr(_load_libc(), "memfd_create", None) if sys.platform.startswith("linux") else None
    if memfd_create is None:
        return None
    fd = memfd_create(b"tensorpack", _CLOEXEC)
    if fd < 0:
        number = ctypes.get_errno()
        raise OSError(number, "memfd_create: {}".format(os.strerror(number)))
    return fd


def _unlinked_file(size: int) -> int:
    folder = _FOLDER if os.path.isdir(_FOLDER) else None
    fd, path = tempfile.mkstemp(prefix="tensorpack-", dir=folder)
    os.unlink(path)
    try:
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(fd, 0, size)  # else a full disk kills whoever writes to the memory
        else:
            os.ftruncate(fd, size)
    except BaseException:
        os.close(fd)
        raise
    return fd
