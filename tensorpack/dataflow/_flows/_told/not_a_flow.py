"""What to do with a value that is no DataFlow where one is needed: the one place that knows other sources of data."""
from __future__ import annotations

import inspect
from typing import Any, Optional, Sequence

import numpy as np

from ....utils import logger
from ....utils._text.spec import describe, shown

_MAX_COLUMNS = 4  # a longer list of arrays is taken for datapoints
_LIST = "DataFromList({}), whose datapoints are lists of components"


def what_is_wrong(who: str, argument: str, value: Any, hint: str = "", wanted: str = "a DataFlow") -> str:
    """The message about a value that is no DataFlow, or nothing else that is `wanted`."""
    advice = _how_to_make_one(value)
    advice = "try " + advice if advice is not None else hint or "derive its class from DataFlow"
    return "{}: {} must be {}; got {}; {}".format(who, argument, wanted, _named(value), advice)


def _named(value: Any) -> str:
    if isinstance(value, (type, str, bytes)) or value is None:
        return shown(value)
    if _library_of(value) in ("tensorflow", "torch", "keras"):
        return "a {} of {}".format(type(value).__name__, _library_of(value))
    return describe(value)


def _how_to_make_one(value: Any) -> Optional[str]:
    """What to write, if `value` is a source of data that we know."""
    if isinstance(value, (type, str, bytes)) or value is None:
        return None
    library, kinds = _library_of(value), [cls.__name__ for cls in type(value).__mro__]
    if hasattr(value, "get_input_tensors"):
        return None  # an InputSource: the caller knows better
    if library == "tensorflow" and "DatasetV2" in kinds:
        return "TFDatasetInput(dataset), an InputSource, which TrainConfig takes as data="
    if library == "torch" and "DataLoader" in kinds:
        return "MapData(DataFromIterable(loader), lambda batch: [x.numpy() for x in batch])"
    if isinstance(value, np.ndarray):
        return _LIST.format("[[x] for x in array]") + "; with labels, DataFromList(list(zip(array, labels)))"
    if isinstance(value, dict):
        return "DataFromList(list(zip(*arrays.values())))" if arrays_side_by_side(list(value.values())) else None
    if isinstance(value, (list, tuple)):
        return "DataFromList(list(zip(x, y)))" if arrays_side_by_side(value) else _LIST.format("the list")
    if inspect.isgenerator(value):
        return "DataFromGenerator(function) with the function that made this generator, which serves a single pass"
    if callable(value) and not hasattr(value, "__getitem__"):
        return "DataFromGenerator(function), if it gives the datapoints of a pass"
    if hasattr(value, "__getitem__") and hasattr(value, "__len__"):
        return "DataFromList(it), if its elements are datapoints"
    return "DataFromIterable(it), if its elements are datapoints" if hasattr(value, "__iter__") else None


def _library_of(value: Any) -> str:
    """The package of the first class of `value` that is of a known library, so that classes derived from those count."""
    packages = [(cls.__module__ or "").split(".")[0] for cls in type(value).__mro__]
    return next((package for package in packages if package in ("tensorflow", "torch", "keras")), packages[0])


def arrays_side_by_side(values: Sequence[Any]) -> bool:
    """Whether these are columns of a data set, such as all images and all labels, rather than datapoints: arrays of equal
    length and of different shapes."""
    if not 2 <= len(values) <= _MAX_COLUMNS or not all(isinstance(x, np.ndarray) and x.ndim for x in values):
        return False
    lengths = {len(x) for x in values}
    return len(lengths) == 1 and lengths.pop() > len(values) and len({x.shape for x in values}) > 1


def warn_of_columns(who: str, values: Any) -> None:
    """Warn if the elements of a list, which are to be datapoints, are columns."""
    if isinstance(values, (list, tuple)) and arrays_side_by_side(values):
        logger.warning("%s: its elements are the datapoints, so there are %d of them: %s. If these are the components of %d "
                       "datapoints, as in Keras' fit(x, y), give list(zip(x, y)) instead of [x, y].", who, len(values),
                       " and ".join(describe(x) for x in values), len(values[0]))
