"""What a notebook shows of a flow itself: nothing is read for it, so that showing a flow neither costs time nor changes it."""
from __future__ import annotations

from html import escape
from typing import Any


def card(flow: Any) -> str:
    """The call that makes the flow, its length where it is known, and how to see datapoints, as HTML."""
    return ("<div><pre style=\"white-space: pre-wrap; margin: 0\">{}</pre><small>{}; <code>look(df)</code> shows its first "
            "datapoints</small></div>").format(escape(repr(flow)), length_in_words(flow))


def length_in_words(flow: Any) -> str:
    """How many datapoints a pass has, as far as it is known without reading."""
    try:
        return "{:,} datapoints".format(len(flow))
    except Exception:  # of a user's __len__, in any way: showing a flow must not fail
        return "length not known"
