"""Modules and names below `tensorflow.python` that are elsewhere in TensorFlow 2."""
from __future__ import annotations

from types import ModuleType
from typing import Optional


def moved_module(path: str) -> Optional[ModuleType]:
    return None
