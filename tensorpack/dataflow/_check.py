"""A linter for flows: do they keep what the rest of the library, and the parallel flows above all, rely on?"""
from __future__ import annotations

import copy
import pickle
from typing import Any, Callable, Dict, Optional

import numpy as np

from ..utils._arguments.flags import true_or_false
from ..utils._arguments.numbers import whole_number
from ..utils._process.pickling import unpicklable
from ..utils._text.keywords import keywords_told
from ..utils._text.spec import describe
from .base import DataFlow, known_length, require_dataflow


@keywords_told
def check_dataflow(df: DataFlow, *, size: int = 500, picklable: bool = True) -> None:
    """Check that a flow keeps the promises of a DataFlow; for the tests of your own flows.

    Checked are:

    - the flow can be pickled before `reset_state()`, which the start methods "spawn" and "forkserver" require;
    - datapoints are lists, tuples or dicts, all with the same components, each of one type and dtype;
    - datapoints can be pickled, and do not change when the next one is made;
    - a second pass works and is not empty;
    - `len` is a number or unknown, and the true one of a pass that ends within `size` datapoints.

    The flow is reset and iterated, so make another one to train with.

    Args:
        df: a flow that was not reset yet.
        size: how many datapoints to take of a pass at most.
        picklable: whether to check pickling.

    Raises:
        ValueError: a promise is not kept; the message lists all that was found.
        TypeError: `df` is no DataFlow.
    """
    require_dataflow("check_dataflow", "df", df)
    check = _Check(df, whole_number("check_dataflow", "size", size, minimum=0))
    if true_or_false("check_dataflow", "picklable", picklable):
        check.find_unpicklable("df", df)
    check.find_in("reset_state()", df.reset_state)
    length = check.find_in("len()", lambda: known_length(df))
    check.find_in("the first pass", lambda: check.take_pass("first", length, picklable))
    check.find_in("the second pass", lambda: check.take_pass("second", length, False))
    if check.findings:
        found = "\n".join("- " + text for text in check.findings.values())
        raise ValueError("check_dataflow: {} must keep the promises of a DataFlow; got {} broken:\n{}".format(
            type(df).__name__, len(check.findings), found)) from check.error


class _Check:
    """Looks at one flow. `findings` holds the first finding of each kind, `error` what the flow has raised."""

    def __init__(self, df: DataFlow, size: int):
        self.findings: Dict[str, str] = {}
        self._df = df
        self._size = size
        self._components: Optional[Dict[Any, str]] = None  # of the first datapoint
        self.error: Optional[Exception] = None

    def find(self, kind: str, text: str) -> None:
        self.findings.setdefault(kind, text)

    def find_in(self, name: str, function: Callable[[], Any]) -> Any:
        """The result of a function; an error is a finding, after which no other function is called."""
        if self.error is not None:
            return None
        try:
            return function()
        except Exception as e:
            self.error = e
            self.find("error", "{} must not fail; it raised {}: {}".format(name, type(e).__name__, e))
            return None

    def find_unpicklable(self, name: str, value: Any) -> None:
        try:
            pickle.loads(pickle.dumps(value, pickle.HIGHEST_PROTOCOL))
        except Exception as e:
            self.find("pickling " + name, str(unpicklable("pickling", name, value, e)))

    def take_pass(self, name: str, length: Optional[int], picklable: bool) -> None:
        """Look at the datapoints of a pass."""
        count, last, copied = 0, None, None
        for dp in self._df:
            if count == self._size:
                return
            if count and not _same(last, copied):
                self.find("changed", "datapoints must not change once they were yielded; {} did when the next one was made; "
                                     "yield new arrays".format(count - 1))
            self._look_at(dp, count)
            if picklable and not count:
                self.find_unpicklable("datapoint", dp)
            last, copied = dp, _copy(dp)
            count += 1
        if not count and length != 0:
            self.find("empty", "a pass must yield datapoints; the {} one yielded none; make its iterator in __iter__".format(
                name))
        elif length is not None and length != count:
            self.find("length", "len() must be that of a pass, or unknown (NotImplementedError); got {}, but the {} pass "
                                "yielded {} datapoints".format(length, name, count))

    def _look_at(self, dp: Any, index: int) -> None:
        if not isinstance(dp, (list, tuple, dict)):
            self.find("type", "datapoints must be lists, tuples or dicts; got {} as datapoint {}".format(describe(dp), index))
            return
        components = {key: _kind(value) for key, value in (dp.items() if isinstance(dp, dict) else enumerate(dp))}
        if self._components is None:
            self._components = components
        elif components != self._components:
            self.find("components", "datapoints must have the same components, each of one type and dtype; got {} as the first "
                                    "and {} as datapoint {}".format(self._components, components, index))


def _kind(value: Any) -> str:
    """Type of a component, and dtype of an array."""
    name = type(value).__name__
    return "{} {}".format(value.dtype, name) if isinstance(value, np.ndarray) else name


def _copy(dp: Any) -> Any:
    try:
        return copy.deepcopy(dp)
    except Exception:  # of a user's class, in any way; then it is not compared
        return None


def _same(value: Any, copied: Any) -> bool:
    """Whether a value is still what it was when it was copied, as far as that can be told."""
    if type(value) is not type(copied):
        return True
    if isinstance(value, np.ndarray):
        return value.dtype == copied.dtype and (value.dtype.hasobject or value.tobytes() == copied.tobytes())
    if isinstance(value, (list, tuple)):
        return len(value) == len(copied) and all(_same(a, b) for a, b in zip(value, copied))
    if isinstance(value, dict):
        return value.keys() == copied.keys() and all(_same(value[key], copied[key]) for key in value)
    if isinstance(value, (int, float, str, bytes)):
        return value == copied or value != value
    return True
