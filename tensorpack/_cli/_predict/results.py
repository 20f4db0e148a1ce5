"""What comes out: lines of JSON, an npz file, and a sheet of pictures with labels."""
from __future__ import annotations

import json
from typing import IO, Any, Dict, List, Optional, Sequence, Set, Tuple

import numpy as np

from ...utils import logger
from ...utils._viz.sheet import scaled, write_sheet
from ...utils.viz import draw_text
from .._common import read_names
from .examples import Example

_PICTURES = 100  # on a sheet
_LABEL_COLOR = (15, 128, 15)


class Classes:
    """The names of classes, and which output has their scores: the first one with as many columns.

    Args:
        filename: a text file with a name on each line; None: classes are told by their numbers.
        signature: `tf.TensorSpec`s of the outputs.

    Raises:
        ValueError: no output has scores for these classes.
    """

    def __init__(self, filename: Optional[str], signature: Sequence[Any]):
        self.names: Optional[List[str]] = None
        if filename is not None:
            self.names = read_names(filename)
        columns = [spec.shape.as_list()[1] if spec.shape.ndims == 2 else None for spec in signature]
        fitting = [i for i, size in enumerate(columns) if size is not None and (self.names is None or size == len(self.names))]
        if self.names is not None and not fitting:
            raise ValueError("--classes must be a file with a line for each class; got {} lines, and the outputs of the model "
                             "are {}".format(len(self.names), ", ".join("{} {}".format(s.name, s.shape) for s in signature)))
        self.output = fitting[0] if fitting else None

    def of(self, outputs: Sequence[np.ndarray]) -> Optional[Tuple[str, float]]:
        """(name, score) of the class with the largest score in one example's outputs; None if there are no scores."""
        if self.output is None:
            return None
        scores = outputs[self.output]
        best = int(np.argmax(scores))
        return (str(best) if self.names is None else self.names[best]), float(scores[best])


class JsonLines:
    """An object on each line: `input`, with `--classes` also `class` and `score`, and `outputs` by name."""

    def __init__(self, f: IO[Any], names: Sequence[str], classes: Classes):
        self._file, self._names, self._classes = f, names, classes
        self.count = 0

    def add(self, example: Example, outputs: Sequence[np.ndarray]) -> None:
        """Write a line."""
        line: Dict[str, Any] = {"input": example.name}
        best = self._classes.of(outputs) if self._classes.names is not None else None
        if best is not None:
            line["class"], line["score"] = best
        line["outputs"] = {name: _plain(value) for name, value in zip(self._names, outputs)}
        self._file.write(json.dumps(line) + "\n")
        self.count += 1

    def finish(self) -> None:
        """All lines are written."""


class Npz:
    """`inputs` with the names of the examples, and an array for each output, with a row for each example.

    An output whose shape is not the same for all examples has an array for each: `mask:0/0`, `mask:0/1` and so on.
    """

    def __init__(self, f: IO[Any], names: Sequence[str], classes: Classes):
        self._file, self._classes = f, classes
        self._inputs: List[str] = []
        self._columns: Dict[str, List[np.ndarray]] = {name: [] for name in names}
        self._apart: Set[str] = set()
        self._best: List[str] = []

    @property
    def count(self) -> int:
        """The number of examples."""
        return len(self._inputs)

    def add(self, example: Example, outputs: Sequence[np.ndarray]) -> None:
        """Keep the outputs of an example."""
        best = self._classes.of(outputs) if self._classes.names is not None else None
        if best is not None:
            self._best.append(best[0])
        self._inputs.append(example.name)
        for (name, column), value in zip(self._columns.items(), outputs):
            column.append(value)
            if name not in self._apart and value.shape != column[0].shape:
                self._apart.add(name)
                logger.warning("The output %s of %s has the shape %s, and that of %s %s: the file gets an array for each "
                               "example, %s/0, %s/1 and so on. Images of one size (--size) give one array.",
                               name, example.name, value.shape, self._inputs[0], column[0].shape, name, name)

    def finish(self) -> None:
        """Write the file."""
        arrays: Dict[str, Any] = {"inputs": np.array(self._inputs)}
        for name, column in self._columns.items():
            if name in self._apart:
                arrays.update(("{}/{}".format(name, i), value) for i, value in enumerate(column))
            else:
                arrays[name] = np.stack(column)
        if self._best:
            arrays["classes"] = np.array(self._best)
        np.savez_compressed(self._file, **arrays)


class Sheet:
    """Pictures with their classes and scores, the first 100 of them."""

    def __init__(self, classes: Classes):
        self._classes = classes
        self._pictures: List[np.ndarray] = []

    def add(self, example: Example, outputs: Sequence[np.ndarray]) -> None:
        """Keep the picture of an example."""
        if len(self._pictures) >= _PICTURES:
            return
        if example.picture is None:
            raise ValueError("--sheet: the first input must be pictures, HxW, HxWx1 or HxWx3; got {}".format(
                example.values[0].shape))
        picture, best = scaled(example.picture), self._classes.of(outputs)
        if best is not None:
            picture = draw_text(picture, (0, 0), "{} {:.2f}".format(*best), _LABEL_COLOR)
        self._pictures.append(picture)

    def write(self, filename: str) -> None:
        """Write the picture of all."""
        write_sheet("--sheet", filename, self._pictures)


def _plain(value: np.ndarray) -> Any:
    """For JSON, which has no bytes."""
    value = np.asarray(value)
    if value.dtype.kind == "O":
        return np.array([each.decode(errors="replace") if isinstance(each, bytes) else str(each)
                         for each in value.ravel()], object).reshape(value.shape).tolist()
    return value.astype("float64").tolist() if value.dtype.kind == "f" or value.dtype.kind == "V" else value.tolist()
