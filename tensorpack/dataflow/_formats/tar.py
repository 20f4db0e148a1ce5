"""Tar files of samples, as the package webdataset has them, read in any order and written.

The members of a sample lie side by side; their names differ after the first dot of the file name only: `a/7.jpg`, `a/7.cls`.
"""
from __future__ import annotations

import io
import os
import re
import tarfile
from typing import IO, Any, Dict, Iterator, List, NamedTuple, Optional, Tuple

import numpy as np

from ...utils._arguments.flags import true_or_false
from ...utils._text.spec import describe
from .._packed import PackedList
from .left_out import LeftOut
from .named import named_components
from .records import Block, Columns, Paths, RecordData

_NAME = re.compile(r"((?:.*/|)[^.]+)[.]([^/]*)", re.DOTALL)
_BLOCK = 512  # bytes, of which a tar file is made
_KEY = "__key__"


class _Member(NamedTuple):
    """A file of a sample."""

    extension: str
    offset: int
    size: int


class _Sample(NamedTuple):
    """What lies in a tar file under names that begin with a key."""

    key: str
    members: Tuple[_Member, ...]


class TarData(RecordData):
    """The samples in tar files of the kind that the package webdataset writes. `len` is exact, unless records are left out.

    Files in a tar file that lie side by side and whose names are the same up to the first dot, such as `7.jpg` and `7.cls`,
    are a sample. A datapoint is a dict of the bytes of these files by what follows that dot, in lower case, and of the sample's
    name at `__key__`: `{"__key__": "7", "jpg": b"...", "cls": b"3"}`. With `columns` it is a list: `[b"...", b"3"]`.

    The names and places of all files are read now. Passes then read in any order, so that shuffling is complete; where the
    disk is slow at that, use `shuffle=False` and LocallyShuffleData. `ShardData` gives several readers their parts.

    Args:
        paths: tar files, not compressed: a path, a pattern such as `"train-{000..146}.tar"` or `"train-*.tar"`, or a list.
        columns: which files of a sample are the components of a datapoint, e.g. `["jpg", "cls"]`; `__key__` is one, too.
        shuffle: whether each pass has a new random order; only then `reset_state()` is needed.
        on_error: "skip" leaves out what cannot be used: files that are no tar files, and samples that are cut off, lack one of
            the columns, have two files of one name or one of no bytes. They are counted in a warning, with some reasons. With
            "raise" the first of them is an error.
        allow_empty: whether files of no bytes are data, rather than what a failure has left behind.

    Raises:
        FileNotFoundError: a path or a pattern matches nothing.
        ValueError: see `on_error`; or nothing is left. Names the file, and the sample if it is about one.
    """

    def __init__(self, paths: Paths, columns: Columns = None, shuffle: bool = True, *, on_error: str = "raise",
                 allow_empty: bool = False):
        self.allow_empty = true_or_false(self, "allow_empty", allow_empty)
        super().__init__(paths, columns, shuffle, on_error)

    def _scan(self, path: str, damaged: LeftOut) -> List[Block]:
        samples = PackedList(self._good_samples(path, damaged))
        return [Block(path, samples, len(samples))]

    def _good_samples(self, path: str, damaged: LeftOut) -> Iterator[_Sample]:
        for key, members in self._groups(path, damaged):
            reason = self._what_is_wrong(members)
            if reason is None:
                yield _Sample(key, tuple(members))
            else:
                damaged.add(self._damaged(path, repr(key), reason))

    def _what_is_wrong(self, members: List[_Member]) -> Optional[str]:
        names = [member.extension for member in members]
        missing = [name for name in self.columns or () if name not in names and name != _KEY]
        if missing:
            return "it must have the files {}; got {}".format(self.columns, names)
        if len(set(names)) < len(names):
            return "it has two files of one name; got {}".format(names)
        empty = [member.extension for member in members if not member.size and member.extension in (self.columns or names)]
        if empty and not self.allow_empty:
            return "{} has no bytes (if that is right, pass allow_empty=True)".format(" and ".join(empty))
        return None

    def _groups(self, path: str, damaged: LeftOut) -> Iterator[Tuple[str, List[_Member]]]:
        """Names and members of the samples; if the file is cut off, without the one in which it ends."""
        with open(path, "rb") as f:
            try:
                archive = tarfile.open(fileobj=f, mode="r:")
            except tarfile.TarError as e:
                raise self._damaged(path, None, "it is no uncompressed tar file: {}".format(e)) from e
            key = ""
            members: List[_Member] = []
            end = _End(f, archive)
            for info in end.members():
                name = _NAME.fullmatch(info.name)
                if name is None or not info.isreg() or _is_about_the_file(info.name):
                    continue
                if name.group(1) != key and members:
                    yield key, members
                    members = []
                key = name.group(1)
                members.append(_Member(name.group(2).lower(), info.offset_data, info.size))
            if end.reason is not None:
                damaged.add(self._damaged(path, repr(key), end.reason))
            elif members:
                yield key, members

    def _load(self, block: Block) -> IO[bytes]:
        return open(block.path, "rb", buffering=0)

    def _release(self, loaded: IO[bytes]) -> None:
        loaded.close()

    def _record(self, loaded: IO[bytes], block: Block, index: int) -> Any:
        sample: _Sample = block.place[index]
        wanted = [member for member in sample.members if self.columns is None or member.extension in self.columns]
        values: Dict[str, Any] = {_KEY: sample.key}
        for member in wanted:
            loaded.seek(member.offset)
            values[member.extension] = content = loaded.read(member.size)
            if len(content) < member.size:
                raise self._damaged(block.path, repr(sample.key), "the file was changed after this flow was made")
        return self._components(values)

    def _name_of(self, block: Block, index: int) -> str:
        return repr(block.place[index].key)


def _is_about_the_file(name: str) -> bool:
    return "/" not in name and name.startswith("__") and name.endswith("__")


class _End:
    """The members of an archive, and why there are no more of them, if that is no proper end."""

    def __init__(self, f: IO[bytes], archive: Any):
        self._file = f
        self._archive = archive
        self.reason: Optional[str] = None

    def members(self) -> Iterator[tarfile.TarInfo]:
        try:
            yield from self._complete_members()
        except tarfile.TarError as e:
            self.reason = "the file ends within it, or is damaged there: {}".format(e)

    def _complete_members(self) -> Iterator[tarfile.TarInfo]:
        size = os.fstat(self._file.fileno()).st_size
        for info in iter(self._archive.next, None):
            self._archive.members = []  # else it keeps them all
            if info.offset_data + info.size > size:
                self.reason = "the file ends within it"
                return
            yield info
        self._file.seek(self._archive.offset)
        block = self._file.read(_BLOCK)  # tarfile takes damage for the end
        if block != bytes(_BLOCK):
            self.reason = "after it there is {}".format("no mark of the end" if len(block) < _BLOCK else "no tar file any more")


class TarWriter:
    """Adds samples to a new tar file.

    Args:
        f: the file.
        columns: the extensions of the components of list datapoints.
    """

    def __init__(self, f: IO[bytes], columns: Columns):
        self._archive = tarfile.open(fileobj=f, mode="w", format=tarfile.PAX_FORMAT)
        self._columns = columns

    def add(self, number: int, dp: Any) -> None:
        """Add a datapoint; one without `__key__` is called by its number."""
        values = named_components("TarSerializer.save", dp, self._columns, number)
        key = values.pop(_KEY, "{:09}".format(number))
        if not isinstance(key, str) or "." in key.rpartition("/")[2] or key.endswith("/") or not key:
            raise ValueError("TarSerializer.save: __key__ must be a name without a dot; got {!r} in datapoint {}".format(
                key, number))
        for extension, value in values.items():
            content = _content(extension, value, number)
            info = tarfile.TarInfo("{}.{}".format(key, extension))
            info.size = len(content)
            self._archive.addfile(info, io.BytesIO(content))

    def close(self) -> None:
        """Write the mark of the end."""
        self._archive.close()


def _content(extension: str, value: Any, number: int) -> bytes:
    """Bytes as they are, text in UTF-8, integers as text, arrays for `.npy`."""
    if isinstance(value, (bytes, bytearray)):
        return bytes(value)
    if isinstance(value, (str, int, np.integer)):
        return str(value).encode("utf-8")
    if isinstance(value, np.ndarray) and extension.split(".")[-1] == "npy" and not value.dtype.hasobject:
        f = io.BytesIO()
        np.save(f, value, allow_pickle=False)
        return f.getvalue()
    raise TypeError("TarSerializer.save: components must be bytes, str or int, or arrays whose name ends with npy; got {} for "
                    "{!r} in datapoint {}; encode it".format(describe(value), extension, number))


