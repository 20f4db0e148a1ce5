"""LMDB files: an environment per file and process, shared by all who read it, and a writer that leaves a whole file or none."""
from __future__ import annotations

import os
import struct
import sys
import threading
import weakref
from contextlib import contextmanager
from typing import IO, Any, Iterator, MutableMapping, NamedTuple, Optional, Tuple

from ...utils import logger
from ...utils.fs import atomic_write
from ...utils.optional import optional_import

lmdb = optional_import("lmdb", needed_by="LMDB (LMDBData, LMDBSerializer, CaffeLMDB)", pip="lmdb")

# A map is only address space where files are sparse. Elsewhere the file takes as much, so the map grows with the data.
_INITIAL_MAP_SIZE = 2 << 40 if sys.platform.startswith("linux") else 128 << 20
_PAGE = 4096
_MAX_KEY = 511  # bytes, as lmdb is built
_MAGIC = 0xBEEFC0DE
_META_OFFSET = 16  # in a page
_META = struct.Struct("=IIxxxxxxxxxxxxxxxxI92xQQ")  # magic, version, address and size of the map, page size, trees, ...
_SPARE_PAGES = 64  # of the tree itself and its list of free pages; changed at each commit

# (device, inode) -> lmdb.Environment. lmdb refuses to open a file twice in a process.
_environments: MutableMapping[Tuple[int, int], Any] = weakref.WeakValueDictionary()
_lock = threading.Lock()


@contextmanager
def explained(path: str) -> Iterator[None]:
    """Within the context, errors of lmdb about the database at `path` become such that say what to do.

    Raises:
        ValueError: the file is no database, or a key or value cannot be in one.
        RuntimeError: anything else that lmdb refuses.
    """
    try:
        yield
    except lmdb.Error as e:
        raise _explanation(path, e) from e


def _explanation(path: str, error: Exception) -> Exception:
    text = str(error)
    if isinstance(error, lmdb.InvalidError) or os.path.isfile(path) and not os.path.getsize(path):
        return ValueError("LMDB: {} must be a database of LMDB; got a file of another kind: {}".format(path, text))
    if isinstance(error, lmdb.BadValsizeError):
        return ValueError("LMDB: keys must have 1 to {} bytes in {}; got: {}".format(_MAX_KEY, path, text))
    if "already open" in text:
        return RuntimeError(
            "LMDB: {} must not be open elsewhere in this process, since lmdb opens a file once; got an environment that other "
            "code has opened, here or, if this process was forked, in its parent; call close() of it first, in this process, "
            "or let it and the flow share a process no more: start workers by start_method='spawn'".format(path))
    if "closed/deleted/dropped" in text:
        return RuntimeError("LMDB: {} must be read in the process that began the pass; got one that was begun before a fork; "
                            "begin another pass".format(path))
    return RuntimeError("LMDB: {} must be usable; lmdb says: {}".format(path, text))


def data_file(path: str) -> str:
    """The file that holds the data of the database at `path`, which may be a directory."""
    return os.path.join(path, "data.mdb") if os.path.isdir(path) else os.fspath(path)


def open_for_reading(path: str) -> Any:
    """The environment of a database, which stays open as long as somebody refers to it.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is no LMDB database.
        RuntimeError: other code has opened it in this process, or in its parent before a fork.
    """
    file = data_file(path)
    status = os.stat(file)
    key = (status.st_dev, status.st_ino)
    with _lock:
        environment = _environments.get(key)
        if environment is None:
            environment = _environments[key] = _open(file)
    return environment


def _open(file: str) -> Any:
    _check_size(file)
    with explained(file):
        return lmdb.open(file, subdir=False, readonly=True, lock=False, readahead=True, max_readers=100)


def _check_size(file: str) -> None:
    """Refuse a file that is cut off: lmdb maps it into memory, and reading beyond its end would kill the process."""
    size = os.path.getsize(file)
    with open(file, "rb") as f:
        first = _read_meta(f, 0)
        if first is None:
            return  # no database at all, as lmdb will say; or one of another machine
        second = _read_meta(f, first.page_size) or first
    newest = max(first, second, key=lambda meta: meta.transaction)
    needed = (newest.last_page + 1) * newest.page_size
    if size < needed:
        raise ValueError("LMDB: {} must be complete; got {} bytes of {}".format(file, size, needed))


class _Meta(NamedTuple):
    page_size: int
    last_page: int
    transaction: int


def _read_meta(f: IO[bytes], place: int) -> Optional[_Meta]:
    """One of the two pages that describe a database; None if it is none."""
    f.seek(place + _META_OFFSET)
    content = f.read(_META.size)
    if len(content) < _META.size:
        return None
    magic, _, page_size, last_page, transaction = _META.unpack(content)
    return _Meta(page_size, last_page, transaction) if magic == _MAGIC and page_size else None


def _close_inherited() -> None:
    """An environment must not be used after a fork; with this the child opens its own."""
    global _lock
    _lock = threading.Lock()  # the fork may have caught it held
    for environment in list(_environments.values()):
        environment.close()
    _environments.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_close_inherited)


@contextmanager
def new_database(path: str) -> Iterator[LMDBWriter]:
    """A context that gives the writer of a new database; it appears at `path` when the context is left without an error.

    Args:
        path: a file that does not exist, or a directory without a database.
    """
    file = data_file(path)
    if os.path.exists(file):
        raise FileExistsError("LMDB: the database must not exist; got {}; remove it or choose another name".format(file))
    with atomic_write(file, "wb") as f:
        writer = LMDBWriter(f.name)
        try:
            yield writer
            writer.flush()
        finally:
            writer.close()


class LMDBWriter:
    """Puts entries into a new database.

    Args:
        path: an empty file.
    """

    def __init__(self, path: str):
        self._path = path
        self._map_size = _INITIAL_MAP_SIZE
        self._environment = lmdb.open(path, subdir=False, map_size=self._map_size, lock=False, sync=False, meminit=False)
        self._page = max(_PAGE, self._environment.stat()["psize"])
        self._begin()

    def put(self, key: bytes, value: bytes) -> None:
        """Add an entry; raises ValueError if its key is empty or too long."""
        if not 0 < len(key) <= _MAX_KEY:
            raise ValueError("LMDB: keys must have 1 to {} bytes; got {}".format(_MAX_KEY, len(key)))
        pages = 2 + -(-(len(key) + len(value)) // self._page)  # its own, and a half-full one in the tree
        if self._pages_at_most + pages > self._map_size // self._page:
            self.commit()
            self._grow(pages)
        self._pages_at_most += pages
        self._transaction.put(key, value)

    def commit(self) -> None:
        """Hand to the system what was put so far."""
        with explained(self._path):
            self._transaction.commit()
            self._begin()

    def _begin(self) -> None:
        self._transaction = self._environment.begin(write=True)
        self._pages_at_most = self._environment.info()["last_pgno"] + _SPARE_PAGES

    def _grow(self, pages: int) -> None:
        self._transaction.abort()
        while self._pages_at_most + pages > self._map_size // self._page // 2:
            self._map_size *= 2
            logger.info("Doubling LMDB map_size to %.2f GB", self._map_size / 1e9)
        self._environment.set_mapsize(self._map_size)
        self._begin()

    def flush(self) -> None:
        """Write everything to the disk."""
        logger.info("Flushing database ...")
        self.commit()
        with explained(self._path):
            self._transaction.abort()
            self._environment.sync(True)

    def close(self) -> None:
        """Close the database; what was not committed is lost."""
        self._environment.close()
