"""Tables of the packages below `_tensorflow`: names are imported on use, and a missing one says where and what to do."""
from __future__ import annotations

import importlib
import pkgutil
import sys
from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence, Set, Tuple

from ._missing import MissingModule, missing_attribute

_ROOT = __name__.rpartition(".")[0]


def provide(package: str, table: Optional[Mapping[str, Sequence[str]]] = None, modules: Optional[Mapping[str, str]] = None
            ) -> Tuple[Callable[[str], Any], Callable[[], List[str]], List[str]]:
    """Make the `__getattr__`, `__dir__` and `__all__` of a package below `_tensorflow`.

    A name is looked for in the tables, then among the submodules that do not start with an underscore, then in
    `tensorflow.compat.v1` at the same path.

    Args:
        package: `__name__` of the package.
        table: submodule (relative, without the leading dot) -> names that it defines.
        modules: name -> module of that name (relative, without the leading dot), which may be elsewhere.

    Raises (when a name is used):
        NotProvided: none of these has it; an AttributeError that names file and line of the program and what to do.
    """
    origin: Dict[str, str] = {name: submodule for submodule, names in (table or {}).items() for name in names}
    module_of: Dict[str, str] = dict(modules or {})
    path = sys.modules[package].__path__
    module_of.update((info.name, info.name) for info in pkgutil.iter_modules(path) if not info.name.startswith("_"))
    public = sorted(set(origin) | set(module_of))

    def __getattr__(name: str) -> Any:
        if name in origin:
            value = getattr(importlib.import_module("." + origin[name], package), name)
        elif name in module_of:
            value = importlib.import_module("." + module_of[name], package)
        else:
            value = _of_tensorflow(package, name)
        if not isinstance(value, MissingModule):
            setattr(sys.modules[package], name, value)  # the next access does not come here
        return value

    def __dir__() -> List[str]:
        names = {name for name in vars(sys.modules[package]) if not name.startswith("_")}
        return sorted(set(public) | names | _names_of_tensorflow(package))

    return __getattr__, __dir__, public


def path_in_tensorflow(package: str) -> str:
    """`contrib.layers` for the package that stands for `tf.contrib.layers`; empty for `tf` itself."""
    return package[len(_ROOT) + 1:]


def _of_tensorflow(package: str, name: str) -> Any:
    if name.startswith("__"):  # asked for by the import system and by tools
        raise AttributeError("module {!r} has no attribute {!r}".format(package, name))
    try:
        return getattr(_tensorflow_module(package), name)
    except (AttributeError, ImportError):  # modules that need the Keras of TensorFlow 2.15 are there, but cannot be imported
        pass
    return missing_attribute(".".join(filter(None, ["tf", path_in_tensorflow(package), name])))


def _names_of_tensorflow(package: str) -> Set[str]:
    try:
        return {name for name in dir(_tensorflow_module(package)) if not name.startswith("_")}
    except ImportError:
        return set()


def _tensorflow_module(package: str) -> Any:
    """The module of `tensorflow.compat.v1` at the path of the package, or None.

    `contrib` of 1.15 is not asked, nor is `layers`, which is all here: that of 2.x looks for Keras 2.
    """
    from ... import compat

    path = path_in_tensorflow(package)
    module: Any = vars(compat)["tensorflow"].compat.v1  # `compat.tfv1` is the program's `tensorflow` where that is this package
    for part in path.split(".") if path else ():
        module = None if part in ("contrib", "layers") else getattr(module, part, None)
    return module
