"""Lazy export tables: a package lists what it offers and from where; a name is imported when it is first used (PEP 562)."""
from __future__ import annotations

import difflib
import importlib
import os
import sys
from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence, Tuple


def attach(package: str, table: Mapping[str, Sequence[str]], modules: Optional[Mapping[str, str]] = None,
           unavailable: Optional[Mapping[str, str]] = None) -> Tuple[Callable[[str], Any], Callable[[], List[str]], List[str]]:
    """Make the `__getattr__`, `__dir__` and `__all__` of a package from a literal table.

    Args:
        package: `__name__` of the package.
        table: submodule (relative, without the leading dot) -> names that it defines.
        modules: exported name -> submodule that is exported under that name.
        unavailable: name -> message of the ImportError that asking for it raises; such names are not listed.

    With `TENSORPACK_EAGER_IMPORT=1` in the environment everything is imported at once, so that errors show early.
    """
    modules = modules or {}
    unavailable = unavailable or {}
    origin: Dict[str, str] = {name: submodule for submodule, names in table.items() for name in names}
    public = sorted(set(origin) | set(modules))

    def __getattr__(name: str) -> Any:
        if name in origin:
            value = getattr(importlib.import_module("." + origin[name], package), name)
        elif name in modules:
            value = importlib.import_module("." + modules[name], package)
        elif name in unavailable:
            raise ImportError(unavailable[name])
        else:
            value = _submodule(package, name)
        setattr(sys.modules[package], name, value)  # the next access does not come here
        return value

    table_of: Any = __getattr__
    table_of.origin, table_of.modules = origin, dict(modules)  # read by scripts/make-stubs

    def __dir__() -> List[str]:
        return sorted(set(public) | set(vars(sys.modules[package])))

    if os.environ.get("TENSORPACK_EAGER_IMPORT") == "1":
        for name in public:
            __getattr__(name)
    return __getattr__, __dir__, public


def _submodule(package: str, name: str) -> Any:
    full_name = package + "." + name
    if not name.startswith("_"):
        try:
            return importlib.import_module(full_name)
        except ModuleNotFoundError as e:
            if e.name != full_name:  # the submodule exists, something that it imports does not
                raise
    raise AttributeError(_no_attribute(package, name))


def tell_near_names(package: str) -> None:
    """Let errors about attributes that the package does not have tell the nearest of those in its `__all__`.

    The function is set here, not written in the package: type checkers take a module with a `__getattr__` for one that has
    every name.
    """
    def __getattr__(name: str) -> Any:
        raise AttributeError(_no_attribute(package, name))

    vars(sys.modules[package])["__getattr__"] = __getattr__


def _no_attribute(package: str, name: str) -> str:
    public = () if name.startswith("_") else getattr(sys.modules[package], "__all__", ())
    near = difflib.get_close_matches(name, public, n=2, cutoff=0.75) or [x for x in public if x.lower() == name.lower()]
    advice = "; did you mean {}?".format(" or ".join(near)) if near else ""
    return "module {!r} has no attribute {!r}{}".format(package, name, advice)
