"""Summaries of tensors and parameters."""
from __future__ import annotations

from .._table import Old, Part

_CREATE = Old("tfutils.summary.create_scalar_summary")
_AVERAGE = Old("_legacy.summary.summary_moving_average", "nothing: a default callback maintains the averages")

PART = Part(
    star={"tfutils.summary": {
        "create_scalar_summary": Old("tfutils.summary.create_scalar_summary", loud=False),
        "create_summary": _CREATE,
        "summary_moving_average": _AVERAGE,
    }},
    adapters={"tfutils.summary": "summary.adapt_summary"},
    behaviours={
        "add_moving_summary([tensors])": "add_moving_summary(*tensors)",
        "add_param_summary([pairs])": "add_param_summary(*pairs)",
    },
)
