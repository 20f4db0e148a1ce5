"""The base of all flows over records in files: which records a pass has, in which order, and what happens to damaged ones.

Files are made of blocks, of which a pass holds a few at a time: a whole file where each record can be read by itself, or what
can only be decoded as a whole.
"""
from __future__ import annotations

import bisect
import itertools
import os
from abc import abstractmethod
from collections import OrderedDict
from contextlib import contextmanager
from typing import Any, Dict, Iterable, Iterator, List, NamedTuple, Optional, Sequence, Union

import numpy as np

from ...utils import logger
from ...utils._arguments.flags import true_or_false
from ...utils._arguments.names import list_of_names
from ...utils._arguments.numbers import whole_number
from ...utils._text.counted import counted
from ..base import RNGDataFlow, shuffled_indices
from .files import matching_files
from .left_out import DamagedError, LeftOut, check_on_error

Paths = Union[str, Sequence[str]]
Columns = Union[None, Sequence[str]]

_MAX_OPEN_FILES = 32


class Block(NamedTuple):
    """Some records of a file.

    Attributes:
        path: the file.
        place: where the block is in it, in terms of the format.
        size: number of its records.
    """

    path: str
    place: Any
    size: int


class RecordData(RNGDataFlow):
    """Base of flows over records; a format defines `_scan`, `_load`, `_record` and, where it opens files, `_release`.

    Args:
        paths: see `matching_files`.
        columns: names of the components; None for all, as a dict.
        shuffle: whether each pass has a new random order.
        on_error: "raise" or "skip".
    """

    _reads_at_random = True

    def __init__(self, paths: Paths, columns: Columns, shuffle: bool, on_error: str):
        who = type(self).__name__
        self.paths = paths
        self.columns = None if columns is None else list_of_names(who, "columns", columns)
        self.shuffle = true_or_false(self, "shuffle", shuffle)
        self.on_error = check_on_error(who, on_error)
        files = matching_files(who, paths)
        left_out, damaged = LeftOut(who, on_error), LeftOut(who, on_error)
        self._blocks: List[Block] = []
        for path in files:
            self._add_file(path, left_out, damaged)
        left_out.tell("files", len(files))
        self._ends = np.cumsum([block.size for block in self._blocks], dtype="int64").tolist()
        damaged.tell("records", len(self) + damaged.count)
        if not len(self):
            raise ValueError("{}: there must be a record in the files; got none in {}{}".format(
                who, files[0], " and {} more".format(len(files) - 1) if len(files) > 1 else ""))
        logger.info("[%s] Found %s in %s.", who, counted(len(self), "record"), counted(len(files) - left_out.count, "file"))

    def _add_file(self, path: str, left_out: LeftOut, damaged: LeftOut) -> None:
        try:
            self._blocks += [block for block in self._scan(path, damaged) if block.size]
        except DamagedError as e:
            left_out.add(e)
        except OSError as e:
            left_out.add(self._damaged(path, None, "the system says: {}".format(e)))

    # ---- what a format defines

    @abstractmethod
    def _scan(self, path: str, damaged: LeftOut) -> Iterable[Block]:
        """The blocks of a file; records that are damaged go to `damaged`.

        Raises:
            DamagedError: it is no such file, or cannot be read.
        """

    @abstractmethod
    def _load(self, block: Block) -> Any:
        """What `_record` needs to read from a block; raises DamagedError."""

    @abstractmethod
    def _record(self, loaded: Any, block: Block, index: int) -> Any:
        """A datapoint; raises DamagedError."""

    def _release(self, loaded: Any) -> None:
        """`loaded` is not needed any more."""

    # ---- passes

    def __len__(self) -> int:
        return self._ends[-1] if self._ends else 0

    def __iter__(self) -> Iterator[Any]:
        left_out, own = LeftOut(type(self).__name__, self.on_error), 0
        with self._loaded_blocks() as loaded_blocks:
            for number in self._order():
                own += 1
                place = bisect.bisect_right(self._ends, number)
                block = self._blocks[place]
                index = number - (self._ends[place] - block.size)
                try:
                    dp = self._record(loaded_blocks.get(place, block), block, index)
                except OSError as e:
                    left_out.add(self._damaged(block.path, self._name_of(block, index), "the system says: {}".format(e)))
                    continue
                except DamagedError as e:
                    left_out.add(e)
                    continue
                self._last_texts = ("{}, record {}".format(os.path.abspath(block.path), self._name_of(block, index)),)
                yield dp
        left_out.tell("records", own)

    def _name_of(self, block: Block, index: int) -> str:
        """How a record is called in messages."""
        return str(index)

    def _order(self) -> Iterable[int]:
        """The numbers of the records of a pass."""
        return shuffled_indices(len(self), self.shuffle, self)

    def _num_loaded(self) -> int:
        """How many blocks to keep at a time."""
        return _MAX_OPEN_FILES

    @contextmanager
    def _loaded_blocks(self) -> Iterator[_LoadedBlocks]:
        loaded = _LoadedBlocks(self, self._num_loaded())
        try:
            yield loaded
        finally:
            loaded.close()

    # ---- errors

    def _damaged(self, path: str, record: Any, reason: str) -> DamagedError:
        """An error about a file, or a record of it."""
        what = "" if record is None else "record {} of ".format(record)
        return DamagedError("{}: {}{} cannot be used: {}; mend it, or pass on_error='skip'".format(
            type(self).__name__, what, path, reason))

    def _components(self, record: Dict[str, Any]) -> Any:
        """A datapoint of the named values; all of `columns` must be there."""
        return record if self.columns is None else [record[name] for name in self.columns]


class _LoadedBlocks:
    """The blocks that were used last, or the errors of those that could not be loaded."""

    def __init__(self, flow: RecordData, limit: int):
        self._flow = flow
        self._limit = limit
        self._loaded: OrderedDict[int, Any] = OrderedDict()

    def get(self, place: int, block: Block) -> Any:
        if place in self._loaded:
            self._loaded.move_to_end(place)
        else:
            if len(self._loaded) >= self._limit:
                self._release(self._loaded.popitem(last=False)[1])
            self._loaded[place] = self._load(block)
        loaded = self._loaded[place]
        if isinstance(loaded, DamagedError):
            raise loaded
        return loaded

    def _load(self, block: Block) -> Any:
        try:
            return self._flow._load(block)
        except OSError as e:
            return self._flow._damaged(block.path, None, "the system says: {}".format(e))
        except DamagedError as e:
            return e

    def close(self) -> None:
        while self._loaded:
            self._release(self._loaded.popitem()[1])

    def _release(self, loaded: Any) -> None:
        if not isinstance(loaded, DamagedError):
            self._flow._release(loaded)


class BlockData(RecordData):
    """Base of formats whose blocks can only be decoded as a whole, such as the row groups of Parquet.

    A shuffled pass takes the blocks in random order, and mixes the records of a few of them at a time.

    Args:
        window: how many blocks are held and mixed at a time.
    """

    def __init__(self, paths: Paths, columns: Columns, shuffle: bool, on_error: str, window: int):
        self.window = whole_number(self, "window", window, minimum=1)
        super().__init__(paths, columns, shuffle, on_error)

    def _num_loaded(self) -> int:
        return self.window if self.shuffle else 1

    def _own(self, size: int) -> range:
        numbers = range(size)
        for division in self._divisions:
            numbers = division.span_of(numbers)
        return numbers

    def _order(self) -> Iterable[int]:
        own = self._own(len(self))
        return self._mixed(self._own_parts(own)) if self.shuffle else own

    def _own_parts(self, own: range) -> List[range]:
        """The numbers of a pass, block by block."""
        starts = [0] + self._ends[:-1]
        parts = [range(max(start, own.start), min(end, own.stop)) for start, end in zip(starts, self._ends)]
        return [part for part in parts if len(part)]

    def _mixed(self, parts: Sequence[range]) -> Iterator[int]:
        order = self.rng.permutation(len(parts)).tolist()
        windows = [order[k:k + self.window] for k in range(0, len(order), self.window)]
        seeds = self.rng.randint(0, 1 << 31, size=len(windows))  # drawn at once: a pass draws as much, however far it goes
        for window, seed in zip(windows, seeds):
            numbers = np.concatenate([np.arange(parts[k].start, parts[k].stop) for k in window])
            yield from np.random.RandomState(seed).permutation(numbers).tolist()


def check_columns(names: Iterable[str], columns: Columns) -> Optional[str]:
    """What is wrong if not all columns are among the names; None if nothing is."""
    names = list(names)
    missing = [column for column in columns or () if column not in names]
    if not missing:
        return None
    return "it must have the columns {}; it lacks {}, and there are {}".format(list(columns or ()), missing, sorted(names))


def chunks(values: Iterable[Any], size: int) -> Iterator[List[Any]]:
    """Lists of `size` values; the last may be shorter."""
    iterator = iter(values)
    return iter(lambda: list(itertools.islice(iterator, size)), [])
