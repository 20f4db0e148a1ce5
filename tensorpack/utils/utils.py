"""Small helpers of general use: environment variables, progress bars, durations, random generators."""
from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from typing import Any, Dict, Iterator, Optional, Tuple

from . import logger
from ._library import find_library_full_path
from ._notebook.bars import make_bar
from ._rng import fix_rng_seed, get_rng
from ._text.progress_bar import Bar

__all__ = [
    "change_env",
    "execute_only_once",
    "find_library_full_path",
    "fix_rng_seed",
    "get_rng",
    "get_tqdm",
    "get_tqdm_kwargs",
    "humanize_time_delta",
]

_EXECUTED: Dict[Tuple[str, int], object] = {}


@contextmanager
def change_env(name: str, val: Optional[str]) -> Iterator[None]:
    """Set the environment variable `name` within the context, or unset it if `val` is None."""
    before = os.environ.get(name)
    _set_env(name, val)
    try:
        yield
    finally:
        _set_env(name, before)


def _set_env(name: str, val: Optional[str]) -> None:
    if val is None:
        os.environ.pop(name, None)
    else:
        os.environ[name] = str(val)


def execute_only_once() -> bool:
    """True the first time that a line of code calls it, False ever after.

    Used as `if execute_only_once(): ...` for what should happen only once.
    """
    frame = sys._getframe(1)
    token = object()
    return _EXECUTED.setdefault((frame.f_code.co_filename, frame.f_lineno), token) is token


def humanize_time_delta(sec: float) -> str:
    """A duration in words.

    >>> humanize_time_delta(118923)
    '1 day 9 hours 2 minutes 3 seconds'
    >>> humanize_time_delta(0.01)
    '0.01 second'
    """
    if sec < 0:
        logger.warning("humanize_time_delta: the duration must not be negative; got %s", sec)
        return "{:.3g} seconds".format(sec)
    if sec == 0:
        return "0 second"
    if sec < 60:
        return _quantity("{:.3g}".format(sec), sec, "second")
    minutes, seconds = divmod(int(sec), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    parts = [(days, "day"), (hours, "hour"), (minutes, "minute"), (seconds, "second")]
    return " ".join(_quantity(str(value), value, unit) for value, unit in parts if value > 0)


def _quantity(text: str, value: float, unit: str) -> str:
    return "{} {}{}".format(text, unit, "s" if value > 1 else "")


def get_tqdm_kwargs(**kwargs: Any) -> Dict[str, Any]:
    """The arguments that the library gives to tqdm; `kwargs` win over them.

    The time between two updates is TENSORPACK_PROGRESS_REFRESH in seconds, or else depends on who watches: short on a
    terminal, long where the output goes to a file.
    """
    defaults = dict(
        smoothing=0.5,
        dynamic_ncols=True,
        ascii=True,
        bar_format="{l_bar}{bar}|{n_fmt}/{total_fmt}[{elapsed}<{remaining},{rate_noinv_fmt}]",
        mininterval=_refresh_interval(kwargs.get("file") or sys.stderr),
    )
    defaults.update(kwargs)
    return defaults


def get_tqdm(*args: Any, **kwargs: Any) -> Bar:
    """A `tqdm` progress bar with the library's defaults (`get_tqdm_kwargs`).

    In a notebook it is that of `tqdm.notebook` or, without the package ipywidgets, a line of text that stays one line.
    """
    return make_bar(*args, **get_tqdm_kwargs(**kwargs))


def _refresh_interval(stream: Any) -> float:
    setting = os.environ.get("TENSORPACK_PROGRESS_REFRESH")
    if setting is not None:
        try:
            return float(setting)
        except ValueError as e:
            raise ValueError("environment variable TENSORPACK_PROGRESS_REFRESH must be a number of seconds; "
                             "got {!r}".format(setting)) from e
    if _is_watched(stream):
        return 0.5
    if "SLURM_JOB_ID" in os.environ:
        return 60 if int(os.environ.get("SLURM_JOB_NUM_NODES", 1)) > 1 else 15
    if "OMPI_COMM_WORLD_SIZE" in os.environ:
        return 60
    return 180


def _is_watched(stream: Any) -> bool:
    """Whether `stream` is a terminal or the output of a notebook cell."""
    if type(stream).__module__.startswith("ipykernel"):
        return True
    try:
        return stream.isatty()
    except (AttributeError, ValueError):  # no stream, or a closed one
        return False
