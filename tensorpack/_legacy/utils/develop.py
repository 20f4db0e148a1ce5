"""The environment of a build of the documentation."""
from __future__ import annotations

import os
from typing import Any

from ...utils._types import wraps


def adapt_develop(module: Any) -> None:
    """`TENSORPACK_DOC_BUILDING` says that the documentation is being built."""
    today = module.building_rtfd

    @wraps(today)
    def building_rtfd() -> bool:
        return today() or bool(os.environ.get("TENSORPACK_DOC_BUILDING"))

    module.building_rtfd = building_rtfd
