"""Callbacks that are gone, and the hooks that callbacks used to define."""
from __future__ import annotations

from typing import Any

from ..callbacks.base import Callback


class NothingToDo(Callback):
    """A callback of older programs whose work the library does by itself; whatever it is given, it does nothing."""

    _chief_only = False

    def __init__(self, *args: Any, **kwargs: Any):
        pass


class StatPrinter(NothingToDo):
    """Printed the statistics, as the monitors do."""


class MaintainStepCounter(NothingToDo):
    """Counted the steps, as every trainer does."""
