"""Errors about a single datapoint name it, and the file that it came from where that is known."""
from __future__ import annotations

import os
from typing import Any, Callable, Iterator

from ....utils._text.note import add_note
from ....utils._text.spec import describe
from ...base import DataFlow


def where(number: int, dp: Any, ds: DataFlow) -> str:
    """Which datapoint of `ds` it is: its number in the pass, its components, and the file of which a flow below has made it."""
    text = "datapoint {} of the pass, {}".format(number, describe(dp))
    path = next(filter(_looks_like_file, _texts(dp, ds)), None)
    return text if path is None else "{}, from {}".format(text, path)


def component_of(dp: Any, index: Any, who: str, argument: str) -> Any:
    """`dp[index]`.

    Raises:
        IndexError, KeyError, TypeError: there is none; the message names the argument of `who` that asked for it.
    """
    try:
        return dp[index]
    except (IndexError, KeyError, TypeError) as e:
        kind = next(kind for kind in (IndexError, KeyError, TypeError) if isinstance(e, kind))
        size = " of {} components".format(len(dp)) if isinstance(dp, (list, tuple)) else ""
        raise kind("{}: {} must name a component of the datapoint; got {!r} for a datapoint{}: {}".format(
            who, argument, index, size, describe(dp))) from e


def _texts(dp: Any, ds: Any) -> Iterator[str]:
    """What may be the path of the file, the latest first."""
    yield from texts_in(dp)
    while isinstance(ds, DataFlow):
        yield from ds._last_texts
        flow: Any = ds
        ds = flow.ds if flow._hands_on else None


def texts_in(dp: Any) -> Iterator[str]:
    """The strings among the components of a datapoint."""
    components = dp.values() if isinstance(dp, dict) else dp if isinstance(dp, (list, tuple)) else ()
    return (component for component in components if isinstance(component, str))


def _looks_like_file(text: str) -> bool:
    return os.sep in text or bool(os.path.splitext(text)[1]) or os.path.isfile(text)


def apply_named(who: str, func: Callable[[Any], Any], dp: Any) -> Any:
    """`func(dp)`; an error of it gets a note about the datapoint."""
    try:
        return func(dp)
    except Exception as e:
        add_note(e, "{}: map_func has failed on {}".format(who, describe(dp)))
        raise


def with_words(error: Exception, words: str) -> Exception:
    """The error with more words at its end; one whose words cannot be changed becomes the cause of a RuntimeError."""
    if len(error.args) == 1 and isinstance(error.args[0], str):
        error.args = ("{} ({})".format(error.args[0], words),)
        if words in str(error):
            return error
    named = RuntimeError("{}: {} ({})".format(type(error).__name__, error, words))
    named.__cause__ = error
    return named
