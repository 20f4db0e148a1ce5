"""Reading what the package diskcache has written, without it: a SQLite database and a file for each long value.

The package itself would unpickle values, write to the directory that it reads, and follow names of files out of it.
"""
from __future__ import annotations

import os
import sqlite3
from typing import Any, Optional
from urllib.parse import quote

from ...utils.serialize import loads

DATABASE = "cache.db"
_RAW, _BINARY, _TEXT, _PICKLE = 1, 2, 3, 4  # how a value is stored
_FIND = "SELECT mode, filename, value FROM Cache WHERE key = ? AND raw = 1"


class IndexReader:
    """Values of a `diskcache.Index` by integer keys.

    Args:
        path: the directory.
        allow_pickle: make whatever objects the pickles among the values name.

    Raises:
        ValueError: the database, or a value when it is asked for, is damaged, is missing or holds something else.
    """

    def __init__(self, path: str, *, allow_pickle: bool = False):
        self._path = path
        self._allow_pickle = allow_pickle
        self._connection = _connect(os.path.join(path, DATABASE))
        try:
            self._size = int(self._row("SELECT COUNT(*) FROM Cache")[0])
        except ValueError:
            self.close()
            raise

    def __len__(self) -> int:
        return self._size

    def __getitem__(self, key: int) -> Any:
        row = self._row(_FIND, key)
        if row is None:
            raise ValueError("DiskCacheData: the keys must be the numbers from 0 to {}; {} has no {}".format(
                self._size - 1, self._path, key))
        try:
            return self._value(*row)
        except (OSError, ValueError, TypeError) as e:
            raise ValueError("DiskCacheData: {}: value {}: {}".format(self._path, key, e)) from e

    def close(self) -> None:
        """Close the database."""
        self._connection.close()

    def _row(self, query: str, *values: int) -> Any:
        try:
            return self._connection.execute(query, values).fetchone()
        except (sqlite3.Error, UnicodeDecodeError) as e:
            raise ValueError("DiskCacheData: {} must be a database of diskcache; SQLite says: {}".format(
                os.path.join(self._path, DATABASE), e)) from e

    def _value(self, mode: int, filename: Optional[str], value: Any) -> Any:
        if mode == _RAW:
            return value
        content = value if filename is None else self._content(filename)
        if mode == _PICKLE:
            return loads(content, allow_pickle=self._allow_pickle)
        if mode not in (_BINARY, _TEXT):
            raise ValueError("the mode must be one of 1 to 4; got {!r}".format(mode))
        return content.decode("utf-8") if mode == _TEXT else content

    def _content(self, filename: str) -> bytes:
        directory = os.path.realpath(self._path)
        path = os.path.realpath(os.path.join(directory, filename))
        if os.path.commonpath([directory, path]) != directory:
            raise ValueError("the file must be in the directory; got {!r}".format(filename))
        with open(path, "rb") as f:
            return f.read()


def _connect(path: str) -> sqlite3.Connection:
    """A connection that does not write; where not even SQLite's own small files can be made, one that needs none."""
    uri = "file:{}?mode=ro".format(quote(os.path.abspath(path)))
    connection = sqlite3.connect(uri, uri=True)
    try:
        connection.execute("SELECT 1 FROM sqlite_master").fetchone()
    except sqlite3.OperationalError:
        connection.close()
        connection = sqlite3.connect(uri + "&immutable=1", uri=True)
    except sqlite3.DatabaseError:
        pass  # whoever asks for data is told
    return connection
