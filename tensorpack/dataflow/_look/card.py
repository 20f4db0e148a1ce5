"""What a notebook shows of a flow itself, which is not iterated for it, so that this costs no time and changes nothing."""
from __future__ import annotations

from html import escape
from typing import Any, Callable

from ...utils._text.html import plain
from .draw import Painter
from .roles import components_of
from .seen import Seen

_MAX_BYTES = 1 << 24  # of a datapoint that is shown
_MAX_EXAMPLES = 4


def card(flow: Any, source: Any, take: Callable[[Any], Any]) -> str:
    """The call that makes the flow, its length where it is known, and a datapoint that lies in memory, as HTML.

    Args:
        source: the flow from which it gets its datapoints, before all that others do to them; may be itself.
        take: gives a datapoint of the source without iterating it, or None.
    """
    of_source = "" if source is flow else " of its source, {}, before what the other flows do to it".format(
        escape(type(source).__name__))
    datapoint = _shown(source, take)
    return "<div>{}<small>{}; <code>look(df)</code> shows its first datapoints</small>{}</div>".format(
        plain(repr(flow)), length_in_words(flow),
        "<p style=\"margin: 0.5rem 0\">A datapoint{}:</p>{}".format(of_source, datapoint) if datapoint else "")


def length_in_words(flow: Any) -> str:
    """How many datapoints a pass has, as far as it is known without reading."""
    try:
        return "{:,} datapoints".format(len(flow))
    except Exception:  # of a user's __len__, in any way: showing a flow must not fail
        return "length not known"


def _shown(source: Any, take: Callable[[Any], Any]) -> str:
    try:
        datapoint = take(source)
        if datapoint is None or sum(getattr(value, "nbytes", 0) for value in components_of(datapoint).values()) > _MAX_BYTES:
            return ""
        seen = Seen(Painter(rgb=False, names=None))
        seen.add(datapoint, _MAX_EXAMPLES)
        return seen.html()
    except Exception:  # as above
        return ""
