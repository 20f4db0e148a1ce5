"""Exports: converters and engines are forked from processes that have imported what these need."""
from forked_helpers import engine_server, fork_helpers, forked_helpers, new_interpreters  # noqa: F401
