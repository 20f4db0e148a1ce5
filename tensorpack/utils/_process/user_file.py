"""While a command line tool imports a file of the user's, for a class or a flow in it, nothing may be trained."""
from __future__ import annotations

from contextlib import contextmanager
from typing import Iterator, List

__all__ = ["importing_for_a_tool", "refuse_training_at_import"]

_places: List[str] = []  # of files and modules that are being imported


@contextmanager
def importing_for_a_tool(place: str) -> Iterator[None]:
    """Within the context `refuse_training_at_import` raises."""
    _places.append(place)
    try:
        yield
    finally:
        _places.pop()


def refuse_training_at_import(who: str) -> None:
    """Raise RuntimeError while a tool imports a file: a training would replace the checkpoint that the tool was given."""
    if _places:
        raise RuntimeError("{}: there must be no training while a command line tool imports {}; got one; put it below "
                           "`if __name__ == \"__main__\":`".format(who, _places[-1]))
