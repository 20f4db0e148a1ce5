"""Which files belong to the program, and which to Python, to installed packages or to this library."""
from __future__ import annotations

import functools
import os
import sysconfig

LIBRARY_FOLDER = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
_LIBRARY = os.path.join(LIBRARY_FOLDER, "tensorpack") + os.sep
_PYTHON = tuple(sysconfig.get_paths()[key] + os.sep for key in ("stdlib", "platstdlib"))
_INSTALLED = tuple(os.sep + folder + os.sep for folder in ("site-packages", "dist-packages"))


@functools.lru_cache(maxsize=None)
def is_installed(path: str) -> bool:
    """Whether a file is that of an installed package or of tensorpack itself."""
    path = os.path.abspath(path)
    return path.startswith(_LIBRARY) or any(folder in path for folder in _INSTALLED)


@functools.lru_cache(maxsize=None)
def is_of_program(path: str) -> bool:
    """Whether a file is the program's own: neither installed nor of Python's library."""
    return not path.startswith("<") and not is_installed(path) and not os.path.abspath(path).startswith(_PYTHON)
