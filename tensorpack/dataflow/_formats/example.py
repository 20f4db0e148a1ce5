"""TFRecord files of `tf.train.Example`, read in any order and written, without TensorFlow."""
from __future__ import annotations

from typing import IO, Any, Dict, List, Mapping, Optional, Sequence, Tuple, Union

import numpy as np

from ...utils._arguments.names import list_of_names
from ...utils._arguments.numbers import whole_number
from ...utils._protobuf import Schema
from ...utils._text.spec import describe
from .left_out import LeftOut
from .named import named_components
from .records import Block, Paths, RecordData, check_columns
from .tfrecord import record_at, scan_records

Shape = Tuple[int, ...]

# A map is a repeated message of key and value. The numbers of a packed list of floats are read as bytes: to NumPy they are an
# array, to protobuf they would be a Python object each.
_SCHEMA = Schema("tensorpack.example", "TFExampleData and TFExampleSerializer", {
    "Example": {"features": (1, "Features")},
    "Features": {"feature": (1, "Entry*")},
    "Entry": {"key": (1, "string"), "value": (2, "Feature")},
    "Feature": {"bytes_list": (1, "BytesList"), "float_list": (2, "PackedFloats"), "int64_list": (3, "Int64List")},
    "BytesList": {"value": (1, "bytes*")},
    "PackedFloats": {"value": (1, "bytes*")},
    "FloatList": {"value": (1, "float*")},
    "Int64List": {"value": (1, "int64*")},
}, {})


def parse_example(record: bytes) -> Dict[str, Any]:
    """Name -> values of a serialized `tf.train.Example`: a float32 or int64 array of one dimension, or a list of bytes.

    Raises:
        ValueError: it is none.
    """
    return {entry.key: _values(entry.value) for entry in _SCHEMA.parse("Example", record).features.feature}


def _values(feature: Any) -> Any:
    if feature.HasField("float_list"):
        return _floats(feature.float_list)
    if feature.HasField("int64_list"):
        return np.array(feature.int64_list.value, dtype="int64")
    return list(feature.bytes_list.value)


def _floats(packed: Any) -> np.ndarray:
    if not packed.value and packed.ByteSize():  # one by one, as other writers may have them
        return np.array(_SCHEMA.parse("FloatList", packed.SerializeToString()).value, dtype="float32")
    return np.frombuffer(b"".join(packed.value), dtype="<f4").astype("float32")


def serialize_example(who: str, values: Mapping[str, Any], number: int) -> bytes:
    """A `tf.train.Example` of named values: bytes, str, integers, bools, floats, arrays or lists of them.

    Raises:
        TypeError: a value is something else; names `who` and the number of the datapoint.
    """
    example = _SCHEMA.new("Example")
    for name, value in sorted(values.items()):
        feature = example.features.feature.add(key=name).value
        texts = value if isinstance(value, (list, tuple)) and value else [value]
        if all(isinstance(text, (bytes, str)) for text in texts):
            feature.bytes_list.value.extend(text.encode() if isinstance(text, str) else text for text in texts)
            continue
        array = np.asarray(value).ravel()
        if array.dtype.kind == "f":
            feature.float_list.value.append(array.astype("<f4").tobytes())
        elif array.dtype.kind in "biu" and np.can_cast(array.dtype, "int64"):
            feature.int64_list.value.extend(array.astype("int64").tolist())
        else:
            raise TypeError("{}: components must be bytes, str, numbers that fit into int64 or float32, or lists or arrays of "
                            "them; got {} for {!r} in datapoint {}".format(who, describe(value), name, number))
    return example.SerializeToString()


class TFExampleData(RecordData):
    """The `tf.train.Example`s in TFRecord files, read without TensorFlow. `len` is exact, unless records are left out.

    A datapoint is a dict of the features. A feature is a list of values in the file: a float32 or int64 array of one
    dimension, or a list of bytes. The places of all records are read now, so that passes read in any order, and shuffling is
    complete. `ShardData` gives several readers their parts.

    Args:
        paths: files, not compressed: a path, a pattern such as `"train-*"` or `"train-{00000..01023}-of-01024"`, or a list.
        columns: names of features, e.g. `["image/encoded", "image/class/label"]`: datapoints are lists of these. Or the shape
            of each, by its name: `{"image/encoded": (), "box": (-1, 4)}`; with a shape, `()` gives bytes or a NumPy scalar, and
            a number of values that does not fit is an error.
        shuffle: whether each pass has a new random order; only then `reset_state()` is needed.
        on_error: "skip" leaves out what cannot be used: files that are no TFRecord files, what follows damage in a file, and
            records that are damaged, no Examples, lack one of the columns or have values that do not fit. They are counted
            in a warning, with some reasons. With "raise" the first of them is an error.

    Raises:
        FileNotFoundError: a path or a pattern matches nothing.
        ValueError: see `on_error`; or nothing is left. Names the file, and the record, counted from 0, if it is about one.
    """

    def __init__(self, paths: Paths, columns: Union[None, Sequence[str], Mapping[str, Sequence[int]]] = None,
                 shuffle: bool = True, *, on_error: str = "raise"):
        self._shapes: Dict[str, Shape] = {}
        if isinstance(columns, Mapping):
            self._shapes = {name: tuple(whole_number(self, "columns", size) for size in shape)
                            for name, shape in columns.items()}
        names = None if columns is None else list_of_names("TFExampleData", "columns", columns)
        super().__init__(paths, names, shuffle, on_error)

    def _scan(self, path: str, damaged: LeftOut) -> List[Block]:
        starts, reason = scan_records(path)
        if reason is not None:
            error = self._damaged(path, len(starts) if starts else None, reason)
            if not starts:
                raise error
            damaged.add(error)
        return [Block(path, np.array(starts, dtype="int64"), len(starts))]

    def _load(self, block: Block) -> IO[bytes]:
        return open(block.path, "rb")

    def _release(self, loaded: IO[bytes]) -> None:
        loaded.close()

    def _record(self, loaded: IO[bytes], block: Block, index: int) -> Any:
        try:
            record = record_at(loaded, int(block.place[index]))
            values = parse_example(record)
        except ValueError as e:
            raise self._damaged(block.path, index, str(e)) from e
        reason = check_columns(values, self.columns) or self._shape(values)
        if reason is not None:
            raise self._damaged(block.path, index, reason)
        return self._components(values)

    def _shape(self, values: Dict[str, Any]) -> Optional[str]:
        """Give values their shapes; what is wrong if that is not possible."""
        for name, shape in self._shapes.items():
            value = values[name]
            array = np.empty(len(value), dtype=object) if isinstance(value, list) else value
            if isinstance(value, list):
                array[:] = value
            try:
                values[name] = array.reshape(shape)[()]
            except ValueError:
                return "{!r} has {} values, for the shape {}".format(name, len(value), shape)
        return None


def write_example(who: str, dp: Any, columns: Optional[Sequence[str]], number: int) -> bytes:
    """The record of a datapoint; raises ValueError or TypeError if it makes none."""
    return serialize_example(who, named_components(who, dp, columns, number), number)
