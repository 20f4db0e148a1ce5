"""Functions of a tensor as layers used to be given them."""
from __future__ import annotations

import inspect
from typing import Any


def named(nl: Any) -> Any:
    """The function of a tensor as one that takes `name` as well."""
    if nl is None or _takes_name(nl):
        return nl
    return lambda x, name=None: nl(x)


def _takes_name(nl: Any) -> bool:
    try:
        parameters = inspect.signature(nl).parameters
    except (TypeError, ValueError):
        return True
    return "name" in parameters or any(p.kind is inspect.Parameter.VAR_KEYWORD for p in parameters.values())
