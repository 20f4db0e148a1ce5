"""Datasets of the package datasets (Hugging Face) that were saved to a directory."""
from __future__ import annotations

from typing import Any, Dict, List, Optional

from ...utils.optional import optional_import
from .arrow_columns import Accessor, accessors
from .left_out import LeftOut
from .records import Block, Columns, Paths, RecordData, check_columns

datasets = optional_import("datasets", needed_by="HuggingFaceData", pip="datasets")

_FILES = ("Image", "Audio", "Video")  # features that are stored as the bytes or the path of a file


class HuggingFaceData(RecordData):
    """The rows of a dataset that `save_to_disk` of the package datasets has written. `len` is exact.

    A datapoint is a dict of the columns; with `columns`, the list of these. Values are those of ParquetData. Features `Image`,
    `Audio` and `Video` come as the bytes of their files; decode them behind this flow, e.g. by `imgaug` and workers.

    The table is mapped into memory. Passes read in any order, so that shuffling is complete. `ShardData` gives several readers
    their parts. The reverse is the package's own: `datasets.Dataset.from_generator(function).save_to_disk(path)`.

    Args:
        paths: the directory of a dataset, or several.
        columns: the components of a datapoint, e.g. `["image", "label"]`.
        shuffle: whether each pass has a new random order; only then `reset_state()` is needed.
        split: the name of a part, such as "train", if the directory holds a `DatasetDict`.
        on_error: "skip" leaves out directories that cannot be used, with a warning. With "raise" the first is an error.

    Raises:
        FileNotFoundError: a path matches nothing.
        ValueError: see `on_error`; or nothing is left. Names the directory.
    """

    def __init__(self, paths: Paths, columns: Columns = None, shuffle: bool = True, *, split: Optional[str] = None,
                 on_error: str = "raise"):
        self.split = split
        super().__init__(paths, columns, shuffle, on_error)

    def _scan(self, path: str, damaged: LeftOut) -> List[Block]:
        dataset = self._open(path)
        reason = check_columns(dataset.column_names, self.columns)
        if reason is not None:
            raise self._damaged(path, None, reason)
        return [Block(path, None, len(dataset))]

    def _open(self, path: str) -> Any:
        try:
            dataset = datasets.load_from_disk(path)
        except (OSError, ValueError, KeyError, TypeError) as e:  # pyarrow's errors are among them
            raise self._damaged(path, None, "datasets says: {}: {}".format(type(e).__name__, e)) from e
        parts = list(dataset) if isinstance(dataset, dict) else None
        if (parts is None) != (self.split is None) or parts is not None and self.split not in parts:
            raise self._damaged(path, None, "split must be {}; got {!r}".format(
                "None, as it has no parts" if parts is None else "one of {}".format(parts), self.split))
        return dataset if parts is None else dataset[self.split]

    def _load(self, block: Block) -> Dict[str, Accessor]:
        dataset = self._open(block.path)
        if self.columns is not None:
            dataset = dataset.select_columns(self.columns)
        files = {name for name, feature in dataset.features.items() if type(feature).__name__ in _FILES}
        if getattr(dataset, "_indices", None) is not None:  # saved by an old version: rows are not in the order of the table
            dataset = dataset.flatten_indices()
        # row by row the package would take much longer
        found = accessors(dataset.data.table)
        return {name: _decoded(value) if name in files else value for name, value in found.items()}

    def _record(self, loaded: Dict[str, Accessor], block: Block, index: int) -> Any:
        return self._components({name: value(index) for name, value in loaded.items()})


def _decoded(value: Accessor) -> Accessor:
    return lambda k: _file_content(value(k))


def _file_content(value: Optional[Dict[str, Any]]) -> Optional[bytes]:
    if value is None or value.get("bytes") is not None:
        return None if value is None else value["bytes"]
    with open(value["path"], "rb") as f:
        return f.read()
