"""Arrays of zarr, read chunk by chunk and written."""
from __future__ import annotations

from typing import Any, Dict, Iterable, Iterator, List, Sequence

import numpy as np

from ...utils.optional import optional_import
from .left_out import LeftOut
from .named import columns_of
from .records import Block, BlockData, Columns, Paths, check_columns, chunks

zarr = optional_import("zarr", needed_by="ZarrData and ZarrSerializer", pip="zarr")


class ZarrData(BlockData):
    """Arrays of a zarr group, read chunk by chunk: datapoint k has the k-th element of each. `len` is exact.

    A datapoint is a dict of the elements; with `columns`, the list of these. They are NumPy scalars, or arrays.

    As many elements are read at once as lie in a chunk (or shard) of the array with the longest ones. With `shuffle` these
    pieces come in random order, and the elements of `window` of them are mixed. `ShardData` gives several readers elements that
    lie side by side. A chunk that is missing has the fill value, as zarr defines it.

    Args:
        paths: a group (a directory or a zip file), a pattern, or a list.
        columns: names of arrays of equal lengths, e.g. `["images", "labels"]`; None for all.
        shuffle: whether each pass has a new random order; only then `reset_state()` is needed.
        window: with `shuffle`, how many pieces are held and mixed at a time.
        on_error: "skip" leaves out what cannot be used: groups that lack an array, or whose arrays have different lengths, and
            elements in damaged chunks. They are counted in a warning, with some reasons. With "raise" the first is an error.

    Raises:
        FileNotFoundError: a path or a pattern matches nothing.
        ValueError: see `on_error`; or nothing is left. Names the group, and the elements if it is about some.
    """

    def __init__(self, paths: Paths, columns: Columns = None, shuffle: bool = True, *, window: int = 4,
                 on_error: str = "raise"):
        super().__init__(paths, columns, shuffle, on_error, window)

    def _scan(self, path: str, damaged: LeftOut) -> Iterable[Block]:
        try:
            arrays = self._arrays(path)
            shapes = {name: tuple(int(n) for n in array.shape) for name, array in arrays.items()}
            step = max([_piece(array) for array in arrays.values()], default=1)
        except (ImportError, MemoryError):
            raise
        except Exception as e:  # a number in the place of a dict, a chunk without elements: zarr has no class for all of it
            raise self._damaged(path, None, "zarr says: {}: {}".format(type(e).__name__, e)) from e
        reason = check_columns(arrays, self.columns)
        lengths = {shape[:1] for shape in shapes.values()}
        if reason is None and (len(lengths) != 1 or () in lengths):
            reason = "its arrays must have one length; got the shapes {}".format(shapes)
        if reason is not None:
            raise self._damaged(path, None, reason)
        ((size,),) = lengths
        return [Block(path, start, min(step, size - start)) for start in range(0, size, step)]

    def _arrays(self, path: str) -> Dict[str, Any]:
        group = zarr.open_group(path, mode="r")
        names = list(group.array_keys())
        arrays = {name: group[name] for name in sorted(names) if self.columns is None or name in self.columns}
        for name, array in arrays.items():
            if any(_is_pickle(codec) for codec in _codecs(array)):
                raise ValueError("array {!r} must hold data; got pickles, which can run code".format(name))
        return arrays

    def _load(self, block: Block) -> Dict[str, np.ndarray]:
        stop = block.place + block.size
        try:
            loaded = {name: np.asarray(array[block.place:stop]) for name, array in self._arrays(block.path).items()}
            for name, array in loaded.items():
                if array.shape[:1] != (block.size,):
                    raise ValueError("array {!r} must have {} elements there; got the shape {}".format(
                        name, block.size, array.shape))
            return loaded
        except (ImportError, MemoryError):
            raise
        except Exception as e:  # each codec has errors of its own for damaged chunks
            raise self._damaged(block.path, "(any) from {} to {}".format(block.place, stop - 1),
                                "zarr says: {}: {}".format(type(e).__name__, e)) from e

    def _record(self, loaded: Dict[str, np.ndarray], block: Block, index: int) -> Any:
        # a view would keep the whole piece
        return self._components({name: np.array(array[index])[()] for name, array in loaded.items()})

    def _name_of(self, block: Block, index: int) -> str:
        return str(block.place + index)


def _codecs(array: Any) -> Iterator[Any]:
    """What encodes the array, in zarr 2 and 3."""
    metadata = getattr(array, "metadata", None) or array
    for attribute in ("filters", "codecs", "compressor"):
        value = getattr(metadata, attribute, None) or ()
        yield from value if isinstance(value, (list, tuple)) else (value,)


def _is_pickle(codec: Any) -> bool:
    return "pickle" in str(getattr(codec, "codec_id", None) or type(codec).__name__).lower()


def _piece(array: Any) -> int:
    """How many elements are stored together."""
    stored = getattr(array, "shards", None) or array.chunks or (1,)  # a scalar has no chunks
    return int(stored[0]) or 1


class ZarrWriter:
    """Appends datapoints to the arrays of a new group.

    Args:
        path: an empty directory.
        columns: names of the components of lists.
        rows: how many elements make a chunk.
    """

    who = "ZarrSerializer.save"

    def __init__(self, path: str, columns: Columns, rows: int):
        self._group = zarr.open_group(path, mode="w")
        self._columns = columns
        self._rows = rows
        self._arrays: Dict[str, Any] = {}

    def write(self, datapoints: Iterable[Any]) -> int:
        """Write all of them; returns how many there were."""
        number = 0
        for group in chunks(datapoints, self._rows):
            columns = columns_of(self.who, group, self._columns, number)
            for name, array in self._stacked(columns, number):
                self._append(name, array, number)
            number += len(group)
        return number

    def _stacked(self, columns: Dict[str, List[Any]], first: int) -> Iterator[Any]:
        if self._arrays and columns.keys() != self._arrays.keys():
            raise ValueError("{}: all datapoints must have the same components; got {} from datapoint {} on, {} before".format(
                self.who, sorted(columns), first, sorted(self._arrays)))
        for name, values in columns.items():
            yield name, _stack(self.who, name, values, first)

    def _append(self, name: str, array: np.ndarray, first: int) -> None:
        if name not in self._arrays:
            create = getattr(self._group, "create_array", None) or self._group.create_dataset  # zarr 3, zarr 2
            self._arrays[name] = create(name, shape=(0,) + array.shape[1:], chunks=(self._rows,) + array.shape[1:],
                                        dtype=array.dtype)
        stored = self._arrays[name]
        if (stored.shape[1:], stored.dtype) != (array.shape[1:], array.dtype):
            raise ValueError("{}: component {!r} must have one shape and dtype; got {} {} from datapoint {} on, {} {} "
                             "before".format(self.who, name, array.dtype, array.shape[1:], first, stored.dtype,
                                             stored.shape[1:]))
        stored.append(array)


def _stack(who: str, name: str, values: Sequence[Any], first: int) -> np.ndarray:
    arrays = [np.asarray(value) for value in values]
    for k, array in enumerate(arrays):
        if array.dtype.kind not in "biufc":
            raise TypeError("{}: components must be numbers; got {} for {!r} in datapoint {}; use TarSerializer or "
                            "ParquetSerializer".format(who, array.dtype, name, first + k))
        if (array.shape, array.dtype) != (arrays[0].shape, arrays[0].dtype):
            raise ValueError("{}: component {!r} must have one shape and dtype; got {} {} in datapoint {}, {} {} before".format(
                who, name, array.dtype, array.shape, first + k, arrays[0].dtype, arrays[0].shape))
    return np.stack(arrays)
