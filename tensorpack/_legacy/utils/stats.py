"""Keywords of a counter."""
from __future__ import annotations

from typing import Any

from .._spelling import keywords


def adapt_stats(module: Any) -> None:
    counter = module.RatioCounter
    counter.feed = keywords(counter.feed, "RatioCounter.feed", {"cnt": "count", "tot": "total"})
