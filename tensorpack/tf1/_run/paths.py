"""Imports of modules that TensorFlow 2 has not, or has elsewhere, by any path that they have in TensorFlow 1."""
from __future__ import annotations

import importlib
import importlib.util
import sys
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any, List, Optional, Sequence

from .._tensorflow._missing import MissingModule, frame_of_program, is_import_guarded
from .moved import moved_module
from .version_1 import todays_tensorflow

_ROOT = "tensorflow."
_OURS = __name__.rpartition("._run")[0] + "._tensorflow."
# Modules that are no part of the API; TensorFlow 2 still has most of them.
_INNER = ("_api", "compat", "compiler", "core", "distribute", "dtensor", "include", "keras", "lite", "python", "security",
          "tools")


class LostPaths:
    """A finder of `sys.meta_path` for modules of TensorFlow 1."""

    def find_spec(self, name: str, path: Optional[Sequence[str]] = None, target: Any = None) -> Optional[ModuleSpec]:
        if not name.startswith(_ROOT) or todays_tensorflow() is None:
            return None
        module = module_of_version_1(name[len(_ROOT):])
        if module is None:
            return None
        loader: Any = _Alias(module)
        return ModuleSpec(name, loader, is_package=True)


class _Alias:
    """A loader that gives a module that exists by another name."""

    def __init__(self, module: ModuleType) -> None:
        self._module = module

    def create_module(self, spec: ModuleSpec) -> None:
        return None

    def exec_module(self, module: ModuleType) -> None:
        sys.modules[module.__name__] = self._module


def module_of_version_1(path: str) -> Optional[ModuleType]:
    """The module that `import tensorflow.<path>` gives, if it is not one of TensorFlow 2 under the same name."""
    parts = path.split(".")
    ours = _own_module(path)
    if ours is not None:
        return ours
    if parts[0] == "contrib":
        return _of_contrib(parts)
    if parts[0] in _INNER:
        return moved_module(path)
    return _public_module(parts)


def _own_module(path: str) -> Optional[ModuleType]:
    """The module below `_tensorflow` at the same path."""
    if any(part.startswith("_") for part in path.split(".")):
        return None
    try:
        if importlib.util.find_spec(_OURS + path) is None:
            return None
    except ModuleNotFoundError:  # a parent is missing, or no package
        return None
    return importlib.import_module(_OURS + path)


def _public_module(parts: List[str]) -> Optional[ModuleType]:
    """The module that is found as an attribute of `tf`, such as `tf.nn` or `tf.app.flags`."""
    value: Any = sys.modules["tensorflow"]
    for part in parts:
        try:
            value = getattr(value, part)
        except AttributeError:
            return None
    return value if isinstance(value, ModuleType) else None


def _of_contrib(parts: List[str]) -> Optional[ModuleType]:
    """A module of `tf.contrib` by its path in the source, such as `contrib.slim.python.slim.nets.resnet_utils`."""
    package = _own_module(".".join(parts[:2]))
    if package is None or "python" not in parts:
        module = _public_module(parts)
        return _missing(parts) if module is None or isinstance(module, MissingModule) else module
    for start in range(parts.index("python") + 1, len(parts)):
        inner = _own_module(".".join(parts[:2] + parts[start:]))
        if inner is not None and parts[start] != parts[1]:
            return inner
    return _Names("tensorflow." + ".".join(parts), package)


def _missing(parts: List[str]) -> Optional[ModuleType]:
    """A stand-in for what is not provided; None, which becomes ModuleNotFoundError, in a `try` that expects that."""
    frame = frame_of_program()
    if frame is not None and is_import_guarded(frame):
        return None
    return MissingModule(_ROOT + ".".join(parts))


class _Names(ModuleType):
    """A module of the source of `tf.contrib`, which has all public names of its package."""

    def __init__(self, name: str, package: ModuleType) -> None:
        super().__init__(name)
        vars(self).update(_package=package, __path__=[])

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and name != "__all__":
            raise AttributeError("module {!r} has no attribute {!r}".format(self.__name__, name))
        return getattr(vars(self)["_package"], name)

    def __setattr__(self, name: str, value: Any) -> None:
        # `python.ops.arg_scope` is the function, though the import system would bind the module that is imported by this path
        if not isinstance(value, _Names) or not hasattr(vars(self)["_package"], name):
            super().__setattr__(name, value)

    def __dir__(self) -> List[str]:
        return dir(vars(self)["_package"])
