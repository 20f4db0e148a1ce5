"""Names of graph elements and collections that several packages share."""
from __future__ import annotations

__all__ = ["GLOBAL_STEP_INCR_OP_NAME", "MOVING_SUMMARY_OPS_KEY"]

# Name of the operation that adds one to the global step.
GLOBAL_STEP_INCR_OP_NAME = "global_step_incr"

# Collection of the operations that maintain moving averages of summaries.
MOVING_SUMMARY_OPS_KEY = "MOVING_SUMMARY_OPS"
