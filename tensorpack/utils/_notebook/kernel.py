"""Whether this process is the kernel of a notebook, told without importing anything."""
from __future__ import annotations

import os
import sys
from typing import Any


def is_kernel() -> bool:
    """Whether what this process displays appears in the cells of a notebook.

    A process that the kernel has forked is none: its displays get lost.
    """
    return getattr(getattr(_kernel(), "session", None), "pid", None) == os.getpid()


def in_notebook() -> bool:
    """Whether this process is the kernel of a notebook, or was forked from it."""
    return _kernel() is not None


def _kernel() -> Any:
    ipython: Any = sys.modules.get("IPython")
    shell = getattr(ipython, "get_ipython", lambda: None)()
    return getattr(shell, "kernel", None)
