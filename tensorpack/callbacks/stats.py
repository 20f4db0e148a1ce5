"""Kept for scripts written when these callbacks lived here."""
from __future__ import annotations

from .graph import DumpParamAsImage
from .misc import InjectShell, SendStat

__all__ = ["DumpParamAsImage", "InjectShell", "SendStat"]
