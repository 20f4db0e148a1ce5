"""Tower functions and handles by the old name of their signature."""
from __future__ import annotations

from types import ModuleType
from typing import Any

from ._spelling import warn_once


def adapt_tower(module: ModuleType) -> None:
    tower_func: Any = module.__dict__["TowerFunc"]
    tower_func.inputs_desc = property(_inputs_desc)


def _inputs_desc(self: Any) -> Any:
    warn_once("TowerFunc.inputs_desc", "TowerFunc.input_signature")
    return self.input_signature
