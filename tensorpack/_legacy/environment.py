"""Variables of the environment by their old names."""
from __future__ import annotations

import functools
import os
from types import ModuleType


def adapt_develop(module: ModuleType) -> None:
    building_rtfd = module.__dict__["building_rtfd"]

    @functools.wraps(building_rtfd)
    def wrapper() -> bool:
        return building_rtfd() or bool(os.environ.get("TENSORPACK_DOC_BUILDING"))

    module.__dict__["building_rtfd"] = wrapper
