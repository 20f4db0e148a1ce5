"""Actions that follow the import of a module, whoever imports it and whenever."""
from __future__ import annotations

import sys
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any, Callable, Dict, Optional, Sequence, Set

Action = Callable[[ModuleType], None]


class AfterImport:
    """A finder of `sys.meta_path` that lets the others find a module, and then has something done to it.

    Args:
        actions: name of a module -> what is called with the module once it has been executed.
    """

    def __init__(self, actions: Dict[str, Action]) -> None:
        self._actions = dict(actions)
        self._being_found: Set[str] = set()  # other finders ask all others, too

    def install(self) -> None:
        """Do now what is due for modules that are there, and later what is due for others."""
        for name, action in self._actions.items():
            if name in sys.modules:
                action(sys.modules[name])
        sys.meta_path.insert(0, self)

    def find_spec(self, name: str, path: Optional[Sequence[str]] = None, target: Any = None) -> Optional[ModuleSpec]:
        if name not in self._actions or name in self._being_found:
            return None
        self._being_found.add(name)
        try:
            spec = _spec_of_others(self, name, path, target)
        finally:
            self._being_found.remove(name)
        if spec is not None and spec.loader is not None:
            loader: Any = _ThenLoader(spec.loader, self._actions[name])
            spec.loader = loader
        return spec


class _ThenLoader:
    """A loader that calls an action after another loader has executed the module."""

    def __init__(self, loader: Any, action: Action) -> None:
        self._loader, self._action = loader, action

    def create_module(self, spec: ModuleSpec) -> Optional[ModuleType]:
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        module.__loader__ = self._loader
        if module.__spec__ is not None:
            module.__spec__.loader = self._loader
        self._loader.exec_module(module)
        self._action(sys.modules.get(module.__name__, module))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loader, name)


def _spec_of_others(finder: Any, name: str, path: Any, target: Any) -> Optional[ModuleSpec]:
    for other in sys.meta_path:
        if other is not finder and hasattr(other, "find_spec"):
            spec = other.find_spec(name, path, target)
            if spec is not None:
                return spec
    return None
