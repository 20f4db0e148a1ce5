"""Optional packages: a proxy that imports its module at the first use and says what to install if it is missing."""
from __future__ import annotations

import importlib
from typing import Any, Optional

from ._process.importing import IMPORTS

__all__ = ["optional_import"]


class _OptionalModule:
    """Stands for a module until the first use of an attribute."""

    def __init__(self, module: str, needed_by: str, pip: str):
        self._name = module
        self._needed_by = needed_by
        self._pip = pip
        self._module: Optional[Any] = None

    def __getattr__(self, name: str) -> Any:
        # Tools such as inspect and copy probe special names; that is no use of the package.
        if name.startswith("__") and name.endswith("__") and name != "__version__":
            raise AttributeError("module {!r} is not loaded yet and so has no attribute {!r}".format(self._name, name))
        return getattr(self._load(), name)

    def _load(self) -> Any:
        if self._module is None:
            try:
                with IMPORTS.one():
                    self._module = importlib.import_module(self._name)
            except ModuleNotFoundError as e:
                if e.name is None or not (self._name + ".").startswith(e.name + "."):
                    raise  # the package is there and lacks something itself; it explains that best
                raise ImportError("{} needs the package {!r}, which is not installed; pip install {}".format(
                    self._needed_by, self._name, self._pip), name=self._name) from e
        return self._module

    def __repr__(self) -> str:
        return "<optional module {!r}>".format(self._name)


def optional_import(module: str, needed_by: str, pip: str) -> Any:
    """A stand-in for `module`, which is imported when one of its attributes is used first.

    Args:
        module: full name of the module, e.g. `"scipy.io"`.
        needed_by: the feature that needs it, named in the error.
        pip: what `pip install` has to be given.

    Using an attribute raises ImportError if the package is missing; a package that fails to import raises its own error.
    """
    return _OptionalModule(module, needed_by, pip)
