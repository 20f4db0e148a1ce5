"""Predictors: engines and workers are forked from processes that have imported what these need."""
from forked_helpers import engine_server, fork_helpers, forked_helpers, forked_workers, new_interpreters, worker_server  # noqa: F401
