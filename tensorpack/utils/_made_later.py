"""Attributes that get their value at some moment: reading one too early says when that is."""
from __future__ import annotations

from typing import Any

__all__ = ["MadeLater", "TooEarlyError", "made_later"]


class TooEarlyError(RuntimeError, AttributeError):
    """An attribute was read before it has its value.

    It is an AttributeError as well, so that `hasattr` and `getattr` with a default keep working.
    """


class MadeLater:
    """Class attribute that stands for an instance attribute which is set later.

    Read on the class it is None; read on an instance that has no such attribute of its own it raises `TooEarlyError`.

    Args:
        message: what there is not yet and when there will be.
    """

    def __init__(self, message: str):
        self._message = message

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, instance: Any, owner: type) -> Any:
        if instance is not None:
            raise TooEarlyError("{}.{}: {}".format(type(instance).__name__, self._name, self._message))


def made_later(message: str) -> Any:
    """A `MadeLater`, for an attribute that is annotated with the type which it has later."""
    return MadeLater(message)
