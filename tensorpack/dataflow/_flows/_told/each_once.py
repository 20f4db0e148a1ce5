"""Whether a pass of a flow has each datapoint once, as validation needs it."""
from __future__ import annotations

from typing import Any, List, Optional

from ....utils import logger
from ...base import DataFlow, is_of_library
from ..below import flows_below


def why_not_each_once(df: DataFlow) -> List[str]:
    """Why a pass of a flow may not have each datapoint of its sources once, with numbers and what to use instead.

    Returns:
        a line for each flow below that is known for it, from the top; empty if there is none. What a function drops, and what
        flows of other classes do, nobody knows.
    """
    reasons = [(type(flow).__name__, flow._not_each_once()) for flow in flows_below(df) if is_of_library(flow)]
    return ["{} {}".format(name, reason) for name, reason in reasons if reason is not None]


def warn_unless_each_once(who: str, df: Any, consequence: str) -> None:
    """Warn of each reason why a pass may not have each datapoint once.

    Args:
        who: needs such passes.
        df: the flow; anything else is passed over.
        consequence: what is wrong otherwise.
    """
    for reason in why_not_each_once(df) if isinstance(df, DataFlow) else ():
        logger.warning("[%s] A pass should have each datapoint once, or %s: %s.", who, consequence, reason)


def copies_are_mixed(count: int, length: Optional[int]) -> str:
    """Why several copies of a flow do not make passes of each datapoint once."""
    return ("runs {} copies of its flow, so that a pass of {} datapoints has some of them twice and others not at all; use "
            "MultiProcessMapData with strict=True".format(count, "any number of" if length is None else length))
