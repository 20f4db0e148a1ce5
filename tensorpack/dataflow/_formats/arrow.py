"""Tables in files of Parquet and of Arrow, read by the package pyarrow, row by row."""
from __future__ import annotations

from contextlib import contextmanager
from typing import Any, Dict, Iterable, Iterator, Optional

from ...utils.optional import optional_import
from .arrow_columns import Accessor, accessors, keep_from_unpickling, pa, table_of
from .left_out import LeftOut
from .named import columns_of
from .records import Block, BlockData, Columns, Paths, check_columns, chunks

_ipc, _parquet = [optional_import("pyarrow." + module, needed_by="{}Data and {}Serializer".format(name, name), pip="pyarrow")
                  for module, name in (("ipc", "Arrow"), ("parquet", "Parquet"))]


class _TableData(BlockData):
    """What tables in files have in common."""

    def __init__(self, paths: Paths, columns: Columns = None, shuffle: bool = True, *, window: int = 4,
                 on_error: str = "raise"):
        super().__init__(paths, columns, shuffle, on_error, window)

    def _check_columns(self, path: str, schema: Any) -> None:
        reason = check_columns(schema.names, self.columns)
        if reason is not None:
            raise self._damaged(path, None, reason)

    @contextmanager
    def _explained(self, path: str, place: Optional[str] = None) -> Iterator[None]:
        """Errors of pyarrow become such that name the file."""
        keep_from_unpickling()
        try:
            yield
        except (pa.ArrowException, OSError) as e:
            raise self._damaged(path, place, "pyarrow says: {}".format(e)) from e

    def _record(self, loaded: Dict[str, Accessor], block: Block, index: int) -> Any:
        return self._components({name: value(index) for name, value in loaded.items()})


class ParquetData(_TableData):
    """The rows of Parquet files, by the package pyarrow. `len` is exact, unless rows are left out.

    A datapoint is a dict of the columns; with `columns`, the list of these. Numbers are NumPy scalars; lists of numbers, and
    tensors, are arrays; binary values bytes, text str; other types what `as_py()` of pyarrow makes of them. Missing values are
    None. Only the wanted columns are read.

    Row groups are decoded as a whole. With `shuffle` they come in random order, and the rows of `window` of them are mixed; a
    file of few, sorted row groups wants a larger `window`. `ShardData` gives several readers rows that lie side by side.

    Args:
        paths: files: a path, a pattern such as `"train-*.parquet"` or `"train-{00..15}.parquet"`, or a list.
        columns: the components of a datapoint, e.g. `["image", "label"]`.
        shuffle: whether each pass has a new random order; only then `reset_state()` is needed.
        window: with `shuffle`, how many row groups are held and mixed at a time.
        on_error: "skip" leaves out what cannot be used: files that are no Parquet files or lack a column, and rows in damaged
            row groups. They are counted in a warning, with some reasons. With "raise" the first of them is an error.

    Raises:
        FileNotFoundError: a path or a pattern matches nothing.
        ValueError: see `on_error`; or nothing is left. Names the file, and the row group if it is about one.
    """

    def _scan(self, path: str, damaged: LeftOut) -> Iterable[Block]:
        with self._explained(path), open(path, "rb") as f:
            file = _parquet.ParquetFile(f)
            self._check_columns(path, file.schema_arrow)
            groups = [file.metadata.row_group(k) for k in range(file.num_row_groups)]
        return [Block(path, k, group.num_rows) for k, group in enumerate(groups)]

    def _load(self, block: Block) -> Dict[str, Accessor]:
        place = "(any) of row group {}".format(block.place)
        with self._explained(block.path, place), open(block.path, "rb") as f:
            # threads of pyarrow would fight with the workers of others for the cores
            table = _parquet.ParquetFile(f).read_row_group(block.place, columns=self.columns, use_threads=False)
            if table.num_rows != block.size:
                raise self._damaged(block.path, place, "it has {} rows, {} by its metadata".format(table.num_rows, block.size))
            return accessors(table)


class ArrowData(_TableData):
    """The rows of Arrow files (also called Feather) and Arrow streams, by the package pyarrow. `len` is exact, unless rows are
    left out.

    Datapoints are those of ParquetData. Files are mapped into memory, so that those without compression are read where they
    lie. Record batches take the place of row groups; a stream is taken as one.

    Args:
        paths, columns, shuffle, window, on_error: see ParquetData.

    Raises:
        FileNotFoundError, ValueError: see ParquetData.
    """

    def _scan(self, path: str, damaged: LeftOut) -> Iterable[Block]:
        with self._explained(path), pa.memory_map(path) as memory:
            if _is_stream(memory):
                table = self._read_stream(memory)
                self._check_columns(path, table.schema)
                return [Block(path, None, table.num_rows)]
            reader = _ipc.open_file(memory)
            self._check_columns(path, reader.schema)
            # compressed columns need not be decoded to learn how long they are, but for one
            few = _ipc.open_file(memory, options=_ipc.IpcReadOptions(included_fields=[0]))
            return [Block(path, k, few.get_batch(k).num_rows) for k in range(few.num_record_batches)]

    def _read_stream(self, memory: Any) -> Any:
        return _ipc.open_stream(memory).read_all()

    def _load(self, block: Block) -> Dict[str, Accessor]:
        memory = pa.memory_map(block.path)  # the arrays keep it
        with self._explained(block.path, None if block.place is None else "(any) of batch {}".format(block.place)):
            table = self._read_stream(memory) if block.place is None else _ipc.open_file(memory).get_batch(block.place)
            table.validate(full=True)  # offsets out of the buffers would be believed
            found = accessors(table)
        return found if self.columns is None else {name: found[name] for name in self.columns}


def _is_stream(memory: Any) -> bool:
    """Whether it does not begin as Arrow files do."""
    magic = memory.read(6)
    memory.seek(0)
    return magic != b"ARROW1"


def write_tables(who: str, datapoints: Iterable[Any], columns: Columns, rows: int, new_writer: Any) -> None:
    """Write datapoints as tables of `rows` rows.

    Args:
        new_writer: called with the schema of the first table; returns a writer of pyarrow.
    """
    writer: Any = None
    number, schema = 0, None
    try:
        for group in chunks(datapoints, rows):
            table = table_of(who, columns_of(who, group, columns, number), number, schema)
            if writer is None:
                schema = table.schema
                writer = new_writer(schema)
            writer.write_table(table)
            number += len(group)
    finally:
        if writer is not None:
            writer.close()
    if writer is None:
        raise ValueError("{}: the flow must give a datapoint, which tells the columns; got none".format(who))


def parquet_writer(f: Any, schema: Any) -> Any:
    """A writer of a Parquet file."""
    return _parquet.ParquetWriter(f, schema)


def arrow_writer(f: Any, schema: Any) -> Any:
    """A writer of an Arrow file."""
    return _ipc.new_file(f, schema)


