"""`regularize_cost` as older releases had it."""
from __future__ import annotations

from typing import Any

from ...utils._types import wraps
from .._spelling import warn_once


class _Training:
    """In place of a tower context where there is none."""

    is_training = True
    has_own_variables = False
    vs_name = ""


def adapt_regularize(module: Any) -> None:
    """It works outside of towers, as in training, and its regular expression may be meant for names with `:0`."""
    context, matches = module._tower_context, module._matches

    @wraps(context)
    def _tower_context(who: str) -> Any:
        if who.startswith("regularize_cost") and module.get_current_tower_context() is None:
            warn_once("{} outside of a tower".format(who), "with TowerContext('', is_training=True):")
            return _Training()
        return context(who)

    @wraps(matches)
    def _matches(regex: str, name: str, tower_scope: str) -> bool:
        if ":0" in regex:
            warn_once("regularize_cost({!r}, ...)".format(regex), "the same without ':0'")
            name += ":0"
        return matches(regex, name, tower_scope)

    module._tower_context, module._matches = _tower_context, _matches
    for name in ("regularize_cost", "regularize_cost_from_collection"):
        setattr(module, name, _with_default_name(getattr(module, name)))


def _with_default_name(function: Any) -> Any:
    @wraps(function)
    def named(*args: Any, **kwargs: Any) -> Any:
        if kwargs.get("name", "") is None:
            del kwargs["name"]
        return function(*args, **kwargs)

    return named
