"""The finder: adds old names to modules of today when they have been executed, and makes the modules that are gone."""
from __future__ import annotations

import importlib
import importlib.util
import opcode
import sys
from importlib.machinery import ModuleSpec
from types import FrameType, ModuleType
from typing import Any, Callable, Dict, List, Optional, Sequence, Set, Union

from ._table import Gone, Old, Table

# First parts of paths, also below `_legacy`, of what does without TensorFlow.
_WITHOUT_TENSORFLOW = ("RL", "dataflow", "imgaug", "libinfo", "utils")


class LegacyFinder:
    """A finder for `sys.meta_path`; of modules outside of `tensorpack` it knows nothing."""

    def __init__(self, table: Table):
        self._table = table

    def find_spec(self, name: str, path: Optional[Sequence[str]] = None, target: Optional[ModuleType] = None) -> Any:
        if not name.startswith("tensorpack."):
            return None
        if name in self._table.modules:
            loader: Any = GoneModuleLoader(self._table)
            return ModuleSpec(name, loader, is_package=self._has_submodules(name))
        if not self._table.touches(name):
            return None
        spec = self._found_by_others(name, path, target)
        if spec is not None and hasattr(spec.loader, "exec_module"):
            self._adapt_after_execution(name, spec.loader)
        return spec

    def _has_submodules(self, name: str) -> bool:
        return any(other.startswith(name + ".") for other in self._table.modules)

    def _found_by_others(self, name: str, path: Optional[Sequence[str]], target: Optional[ModuleType]) -> Any:
        for finder in sys.meta_path:
            find_spec = getattr(finder, "find_spec", None)
            spec = None if finder is self or find_spec is None else find_spec(name, path, target)
            if spec is not None:
                return spec
        return None

    def _adapt_after_execution(self, name: str, loader: Any) -> None:
        execute = loader.exec_module

        def exec_module(module: ModuleType) -> None:
            execute(module)
            if module.__name__ == name:  # one loader may serve several modules, as that of a zip file does
                adapt(module, self._table)

        loader.exec_module = exec_module  # of this object only: the module keeps its own kind of loader, as inspect wants it


class GoneModuleLoader:
    """Makes a module whose names are found where they are today."""

    def __init__(self, table: Table):
        self._table = table

    def create_module(self, spec: ModuleSpec) -> None:
        return None

    def exec_module(self, module: ModuleType) -> None:
        from ._spelling import warn_once

        name = module.__name__
        moved = self._table.modules[name]
        module.__doc__ = "{} of older releases; today: {}".format(name, moved.text())
        if name not in self._table.silent:
            warn_once(name, moved.text())
        sources = [importlib.import_module("tensorpack." + path) for path in moved.at.split()]
        attributes = module.__dict__
        attributes["__all__"] = sorted(_public_names(sources))
        attributes["__getattr__"] = lambda attribute: _found_in(sources, module, attribute)
        add_names(module, self._table)
        attributes["__all__"] = sorted(set(attributes["__all__"]) | set(self._table.names.get(name, ())))


def _public_names(sources: List[ModuleType]) -> List[str]:
    return [name for source in sources for name in getattr(source, "__all__", ())]


def _found_in(sources: List[ModuleType], module: ModuleType, attribute: str) -> Any:
    if not attribute.startswith("__"):
        for source in sources:
            if hasattr(source, attribute):
                return getattr(source, attribute)
    raise AttributeError("module {!r} has no attribute {!r}".format(module.__name__, attribute))


def adapt(module: ModuleType, table: Table) -> None:
    """Add what the table has for this module of today, which has just been executed."""
    from . import _spelling

    for path in table.adapters.get(module.__name__, ()):
        adapter = _value("_legacy." + path)
        adapter(module)
    for name, methods in table.methods.get(module.__name__, {}).items():
        _spelling.add_methods(getattr(module, name), methods, table.silent)
    for called, keywords in table.keywords.get(module.__name__, {}).items():  # so that adapters see those of today only
        _spelling.add_keywords(module, called, keywords, table.silent)
    add_names(module, table)


def add_names(module: ModuleType, table: Table) -> None:
    """Let `module` find its old names, and star imports of it bind those that they used to bind."""
    names = table.names.get(module.__name__, {})
    if not names:
        return
    attributes = module.__dict__
    attributes["__getattr__"] = _attribute_finder(module, names, table.silent, attributes.get("__getattr__"))
    public = attributes.get("__all__")
    if public is not None:
        has_tensorflow = importlib.util.find_spec("tensorflow") is not None
        available = (name for name in table.star.get(module.__name__, ())
                     if has_tensorflow or _does_without_tensorflow(module, names[name]))
        public[:] = sorted(set(public) | set(available))
        list_names = attributes.get("__dir__", lambda: list(attributes))
        attributes["__dir__"] = lambda: sorted(set(list_names()) | set(public))


def _attribute_finder(module: ModuleType, names: Dict[str, Union[Old, Gone]], silent: Any,
                      others: Optional[Callable[[str], Any]]) -> Callable[[str], Any]:
    def __getattr__(name: str) -> Any:
        if name not in names:
            if others is None:
                raise AttributeError("module {!r} has no attribute {!r}".format(module.__name__, name))
            return others(name)
        from ._spelling import gone, quiet, warn_once

        old, spelling = names[name], "{}.{}".format(module.__name__, name)
        if isinstance(old, Gone):
            value = gone(spelling, old.instead)
        elif _is_star_import(sys._getframe(1)):
            with quiet():
                return _value(old.at, spelling)  # not kept: who asks for it by name is still told
        else:
            if old.loud and spelling not in silent:
                warn_once(spelling, old.text())
            value = _value(old.at, spelling)
        setattr(module, name, value)  # the next access does not come here
        kept.add(name)
        return value

    kept: Set[str] = set()
    finder: Any = __getattr__
    finder.__dict__.update(getattr(others, "__dict__", {}))  # the tables that scripts/make-stubs reads
    finder.kept_old_names = kept  # what a test takes away again, so that the next one is the first to ask
    return __getattr__


def _value(path: str, asked: str = "") -> Any:
    """The object, or the module, at a path below `tensorpack`; what is `asked` for there itself can only be a submodule."""
    parent, _, name = ("tensorpack." + path).rpartition(".")
    if "tensorpack." + path == asked:
        return importlib.import_module(asked)
    try:
        return getattr(importlib.import_module(parent), name)
    except AttributeError:
        return importlib.import_module("tensorpack." + path)


def _is_star_import(frame: FrameType) -> bool:
    """Whether `frame`, which asks for an attribute of a module, does so for `from module import *`."""
    if frame.f_code.co_name == "_handle_fromlist":  # of packages importlib asks first
        return bool(frame.f_locals.get("recursive"))
    return opcode.opname[frame.f_code.co_code[frame.f_lasti]] in ("IMPORT_STAR", "CALL_INTRINSIC_1")


def _does_without_tensorflow(module: ModuleType, value: Union[Old, Gone]) -> bool:
    path = module.__name__.partition(".")[2] or getattr(value, "at", "")
    return path.replace("_legacy.", "").split(".")[0] in _WITHOUT_TENSORFLOW
