"""Lists of names that a user gives: one string in the place of a list would be taken for a list of letters."""
from __future__ import annotations

from typing import Any, Collection, List, Type

from .._text.spec import shown

__all__ = ["list_of_names"]


def list_of_names(who: str, argument: str, names: Any, *, error: Type[Exception] = TypeError) -> List[str]:
    """`names` as a list of strings.

    Args:
        who: the class or function that takes them, for errors.
        argument: the argument's name.
        error: the class of the error.

    Raises:
        TypeError: it is one string, something else than a collection, or holds something else than strings.
    """
    if isinstance(names, str):
        raise error("{0}: {1} must be a list of names; got the string {2!r}; write [{2!r}]".format(who, argument, names))
    if not isinstance(names, Collection):
        raise error("{}: {} must be a list of names; got {}".format(who, argument, shown(names)))
    for name in names:
        if not isinstance(name, str):
            raise error("{}: {} must hold strings; got {}{}".format(
                who, argument, shown(name), "; pass its name" if hasattr(name, "name") else ""))
    return list(names)
