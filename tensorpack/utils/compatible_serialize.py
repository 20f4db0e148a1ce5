"""`dumps` and `loads` under the path that they had before `utils.serialize`; kept for scripts written then."""
from __future__ import annotations

from .serialize import dumps, loads

__all__ = ["dumps", "loads"]
