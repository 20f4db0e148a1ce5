"""Helpers that know nothing of TensorFlow: logging, random streams, files, threads and processes, statistics, timers."""
from __future__ import annotations

from .._exports import tell_near_names
from . import logger
from .utils import change_env, execute_only_once, fix_rng_seed, get_rng, get_tqdm, humanize_time_delta

__all__ = [
    "change_env",
    "execute_only_once",
    "fix_rng_seed",
    "get_rng",
    "get_tqdm",
    "humanize_time_delta",
    "logger",
]

tell_near_names(__name__)
