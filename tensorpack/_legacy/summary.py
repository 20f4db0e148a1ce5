"""Summaries: lists of arguments, regular expressions for `:0`, and the name in the place of the types."""
from __future__ import annotations

import functools
from types import ModuleType
from typing import Any, Callable, List, Optional

from ..compat import tfv1 as tf
from ..utils._text.keywords import keywords_told
from ..utils.argtools import log_once
from ._spelling import warn_once

_TYPES = ("scalar", "histogram", "sparsity", "mean", "rms")


def adapt_summary(module: ModuleType) -> None:
    functions = module.__dict__
    functions["add_moving_summary"] = _flattened(functions["add_moving_summary"])
    functions["add_param_summary"] = _with_list_of_pairs(functions["add_param_summary"])
    functions["add_activation_summary"] = _with_name_second(functions["add_activation_summary"])


def _flattened(add_moving_summary: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(add_moving_summary)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        if any(isinstance(x, (list, tuple)) for x in args):
            warn_once("add_moving_summary([tensors])", "add_moving_summary(*tensors)")
            args = tuple(y for x in args for y in (x if isinstance(x, (list, tuple)) else [x]))
        return add_moving_summary(*args, **kwargs)

    return wrapper


def _with_list_of_pairs(add_param_summary: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(add_param_summary)
    def wrapper(*pairs: Any, **kwargs: Any) -> Any:
        if len(pairs) == 1 and isinstance(pairs[0], (list, tuple)) and not (pairs[0] and isinstance(pairs[0][0], str)):
            warn_once("add_param_summary([pairs])", "add_param_summary(*pairs)")
            pairs = tuple(pairs[0])
        return add_param_summary(*map(_without_output_number, pairs), **kwargs)

    return wrapper


def _without_output_number(pair: Any) -> Any:
    """Regular expressions were matched with the name of a tensor as well: they may end in `:0`."""
    if isinstance(pair, (list, tuple)) and len(pair) == 2 and isinstance(pair[0], str):
        regex = pair[0][:-1] if pair[0].endswith("$") else pair[0]
        if regex.endswith(":0"):
            warn_once("add_param_summary((regex + ':0', types))", "add_param_summary((regex, types))")
            return regex[:-2], pair[1]
    return pair


def _with_name_second(today: Callable[..., Any]) -> Callable[..., Any]:
    @keywords_told
    @functools.wraps(today)
    def add_activation_summary(x: Any, types: Any = None, name: Optional[str] = None, **kwargs: Any) -> Any:
        if isinstance(types, str) and types not in _TYPES and name is None:
            log_once("add_activation_summary(x, {0!r}): the second argument is types today; write name={0!r}.".format(types),
                     "warning")
            types, name = None, types
        return today(x, types, name, **kwargs)

    return add_activation_summary


def summary_moving_average(tensors: Optional[List[Any]] = None) -> tf.Operation:
    """An operation that does nothing: MovingAverageSummary, a default callback, maintains what add_moving_summary has made."""
    return tf.no_op(name="summary_moving_average")
