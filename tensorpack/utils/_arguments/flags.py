"""Options that are on or off: what is neither, such as the text "no", which Python takes for true, is refused by name."""
from __future__ import annotations

from typing import Any

import numpy as np

from .._text.spec import shown

__all__ = ["true_or_false"]


def true_or_false(who: Any, name: str, value: Any) -> Any:
    """`value`, as it is.

    Args:
        who: the object that takes the option, named in errors by its class; or a name, a str.
        name: the argument's name.
        value: a bool, 0 or 1, python or numpy; or None, which stands for "not given" and otherwise for False.

    Raises:
        TypeError: it is something else.
    """
    is_scalar = isinstance(value, np.generic) or (isinstance(value, np.ndarray) and value.ndim == 0)
    plain = value.item() if is_scalar else value
    if plain is None or (isinstance(plain, (bool, int, float)) and plain in (0, 1)):
        return value
    who = who if isinstance(who, str) else type(who).__name__
    raise TypeError("{}: {} must be True or False; got {}".format(who, name, shown(value)))
