"""Columns of Arrow as the components of datapoints, and the reverse."""
from __future__ import annotations

from typing import Any, Callable, Dict, List, Optional, Sequence

import numpy as np

from ...utils._text.spec import describe
from ...utils.argtools import memoized
from ...utils.optional import optional_import

pa = optional_import("pyarrow", needed_by="Parquet and Arrow (ParquetData, ArrowData, their serializers)", pip="pyarrow")

Accessor = Callable[[int], Any]
_PICKLED_TYPE = "arrow.py_extension_type"


@memoized
def keep_from_unpickling() -> None:
    """For pyarrow before 14.0.1, which unpickles what a file says about types of Python: refuse such files in this process."""
    kind = getattr(pa, "PyExtensionType", None)
    if kind is None or hasattr(kind, "set_auto_load"):
        return
    storage = pa.null()

    class _Refused(pa.ExtensionType):  # type: ignore[name-defined]  # pyarrow has no types
        def __init__(self) -> None:
            super().__init__(storage, _PICKLED_TYPE)

        def __arrow_ext_serialize__(self) -> bytes:
            return b""

        @classmethod
        def __arrow_ext_deserialize__(cls, storage_type: Any, serialized: bytes) -> Any:
            raise pa.ArrowInvalid("a column is of a pickled type, which can run code")

    pa.unregister_extension_type(_PICKLED_TYPE)
    pa.register_extension_type(_Refused())


def accessors(table: Any) -> Dict[str, Accessor]:
    """Name -> function of the number of a row, for the columns of a table or a batch.

    Numbers and bools become NumPy scalars; lists of numbers, and tensors, arrays; binary values bytes, text str. What else
    there is (structs, nested lists, times) becomes what `as_py()` makes of it, and a missing value None.
    """
    return {name: _accessor(table.column(k)) for k, name in enumerate(table.schema.names)}


def _accessor(column: Any) -> Accessor:
    kind = column.type
    types = pa.types
    if isinstance(kind, pa.BaseExtensionType):
        return lambda k: _of_extension(_in_one(column.slice(k, 1)))
    if types.is_dictionary(kind):
        return _accessor(_in_one(column).dictionary_decode())
    if _is_number(kind) and not column.null_count:
        return _in_one(column).to_numpy(zero_copy_only=False).__getitem__
    if (types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind)) and _is_number(kind.value_type):
        return lambda k: _numbers(column[k])
    return lambda k: column[k].as_py()


def _in_one(column: Any) -> Any:
    """An array, also where the column is in chunks."""
    if not hasattr(column, "chunks"):
        return column
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()


def _is_number(kind: Any) -> bool:
    return pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind)


def _numbers(scalar: Any) -> Any:
    """A new array, which may be written to; None where the list is missing, a list where numbers are."""
    values = scalar.values
    if values is None or values.null_count:
        return scalar.as_py()
    return np.array(values.to_numpy(zero_copy_only=False))


def _of_extension(array: Any) -> Any:
    """The only element: a tensor as an array, also one of the package datasets; of other extension types what they store."""
    if array.null_count:
        return None
    if isinstance(array, pa.FixedShapeTensorArray) and not array.type.permutation:
        # pyarrow 12: to_numpy_ndarray() takes a part for the whole
        return _numbers(array.storage[0]).reshape(array.type.shape)
    if hasattr(array, "to_numpy_ndarray"):
        return np.array(array.to_numpy_ndarray()[0])
    if type(array).to_numpy is not pa.ExtensionArray.to_numpy:
        return np.array(array.to_numpy(zero_copy_only=False)[0])
    return _accessor(array.storage)(0)


def table_of(who: str, columns: Dict[str, List[Any]], first: int, schema: Optional[Any]) -> Any:
    """A table of the values of several datapoints.

    Args:
        who: what saves them, for errors.
        first: number of the first datapoint.
        schema: of the tables before, whose types these must have; None for the first table.

    Raises:
        TypeError, ValueError: values that are no column, or of other types than those before.
    """
    if schema is not None and list(columns) != schema.names:
        raise ValueError("{}: all datapoints must have the same components; got {} from datapoint {} on, {} before".format(
            who, list(columns), first, schema.names))
    arrays = []
    for name, values in columns.items():
        kind = None if schema is None else schema.field(name).type
        try:
            arrays.append(_array(values, kind))
        except (TypeError, ValueError, pa.ArrowException) as e:
            raise (TypeError if isinstance(e, TypeError) else ValueError)(
                "{}: component {!r} must be of one type{}; got datapoints {} to {} with {}, ...: {}".format(
                    who, name, "" if kind is None else ", {} as before".format(kind), first, first + len(values) - 1,
                    describe(values[0]), e)) from e
    return pa.Table.from_arrays(arrays, names=list(columns))


def _array(values: Sequence[Any], kind: Optional[Any]) -> Any:
    values = [value[()] if isinstance(value, np.ndarray) and not value.ndim else value for value in values]
    if any(isinstance(value, np.ndarray) and value.ndim > 1 for value in values):
        tensors = _tensors(values)
        if kind is not None and tensors.type != kind:
            raise ValueError("they make {}".format(tensors.type))
        return tensors
    dtypes = {value.dtype for value in values if isinstance(value, np.ndarray)}
    if len(dtypes) > 1:
        raise ValueError("arrays have the dtypes {}".format(sorted(map(str, dtypes))))
    if kind is None and dtypes:
        kind = pa.list_(pa.from_numpy_dtype(dtypes.pop()))
    return pa.array(values, type=kind)


def _tensors(values: Sequence[Any]) -> Any:
    found = {(value.shape, str(value.dtype)) if isinstance(value, np.ndarray) else describe(value) for value in values}
    if len(found) > 1:
        raise ValueError("arrays of several dimensions must have one shape and dtype; got {}; encode them, or use "
                         "LMDBSerializer".format(" and ".join(map(str, sorted(found, key=str)[:3]))))
    return pa.FixedShapeTensorArray.from_numpy_ndarray(np.stack(values))
