"""The form of the tables: what can be said about an old spelling without a line of code."""
from __future__ import annotations

import ast
import os
from typing import Any, Dict, Iterable, List, Mapping, NamedTuple, Set, Tuple, Union


class Old(NamedTuple):
    """An old name.

    Attributes:
        at: where the value is today, as a path below `tensorpack`: `predict.base.OfflinePredictor`.
        today: how it is spelled today; by default `tensorpack.<at>`.
        loud: whether its use logs a warning.
    """

    at: str
    today: str = ""
    loud: bool = True

    def text(self) -> str:
        return self.today or "tensorpack." + self.at


class Gone(NamedTuple):
    """Something that is not provided: its use is an error that ends with `instead`, what to do today."""

    instead: str

    def text(self) -> str:
        return "not provided: " + self.instead


class Ignored(NamedTuple):
    """A keyword that is accepted and makes no difference, for a reason that the warning tells."""

    why: str

    def text(self) -> str:
        return "without effect: " + self.why


class Moved(NamedTuple):
    """An old module.

    Attributes:
        at: modules that have its names today, as paths below `tensorpack`, separated by spaces; may be none.
        today: what to import or to do instead; by default these modules.
    """

    at: str = ""
    today: str = ""

    def text(self) -> str:
        return self.today or ", ".join("tensorpack." + path for path in self.at.split())


Name = Union[str, Old, Gone]
Keyword = Union[str, Ignored, Gone]


class Part(NamedTuple):
    """What one subject has; all paths are below `tensorpack`.

    Attributes:
        names: module.name -> where it is today.
        star: package -> {name -> where it is today}: names that a star import binds as well.
        keywords: module.function, or module.class -> {old keyword -> the new one}.
        methods: module.class -> {old method -> the new one}.
        modules: gone module -> where its names are.
        adapters: module -> function below `_legacy` that is called with the module.
        behaviours: old spelling -> today's, of what the adapters do; only to be read by `spellings`.
        silent: old spellings, as `spellings` writes them, that log no warning.
    """

    names: Mapping[str, Name] = {}
    star: Mapping[str, Mapping[str, Name]] = {}
    keywords: Mapping[str, Mapping[str, Keyword]] = {}
    methods: Mapping[str, Mapping[str, str]] = {}
    modules: Mapping[str, Moved] = {}
    adapters: Mapping[str, str] = {}
    behaviours: Mapping[str, str] = {}
    silent: Tuple[str, ...] = ()


class Table:
    """All parts together, by module: the paths of modules are full ones."""

    def __init__(self, parts: Iterable[Part]):
        self.names: Dict[str, Dict[str, Union[Old, Gone]]] = {}
        self.star: Dict[str, List[str]] = {}
        self.keywords: Dict[str, Dict[str, Mapping[str, Keyword]]] = {}
        self.methods: Dict[str, Dict[str, Mapping[str, str]]] = {}
        self.modules: Dict[str, Moved] = {}
        self.adapters: Dict[str, List[str]] = {}
        self.behaviours: Dict[str, str] = {}
        self.silent: Set[str] = set()
        for part in parts:
            self._add(part)

    def _add(self, part: Part) -> None:
        for path, value in part.names.items():
            module, name = _split(path)
            self.names.setdefault(module, {})[name] = Old(value) if isinstance(value, str) else value
        for package, table in part.star.items():
            for name, value in table.items():
                self.names.setdefault(_full(package), {})[name] = Old(value) if isinstance(value, str) else value
            self.star.setdefault(_full(package), []).extend(table)
        for source, target in ((part.keywords, self.keywords), (part.methods, self.methods)):
            _by_module(source, target)
        self.modules.update({_full(path): moved for path, moved in part.modules.items()})
        for module, adapter in part.adapters.items():
            self.adapters.setdefault(_full(module), []).append(adapter)
        self.behaviours.update(part.behaviours)
        self.silent.update(part.silent)

    def touches(self, module: str) -> bool:
        return any(module in table for table in (self.names, self.keywords, self.methods, self.adapters))

    def spellings(self) -> Dict[str, str]:
        found = dict(self.behaviours)
        found.update({path: moved.text() for path, moved in self.modules.items()})
        for module, moved in self.modules.items():
            for path in moved.at.split():
                found.update({"{}.{}".format(module, name): "tensorpack.{}.{}".format(path, name) for name in _listed(path)})
        for module, names in self.names.items():
            starred = self.star.get(module, ())
            for name, value in names.items():
                found["{}.{}".format(module, name)] = value.text()
                if name in starred:
                    found["from {} import * -> {}".format(module, name)] = value.text()
        for callables in self.keywords.values():
            for called, keywords in callables.items():
                for old, new in keywords.items():
                    found["{}({})".format(called, old)] = new if isinstance(new, str) else new.text()
        for classes in self.methods.values():
            for name, methods in classes.items():
                found.update({"{}.{}".format(name, old): new for old, new in methods.items()})
        return found


def _full(path: str) -> str:
    return "tensorpack." + path if path else "tensorpack"


def _split(path: str) -> Tuple[str, str]:
    module, _, name = path.rpartition(".")
    return _full(module), name


def _listed(path: str) -> List[str]:
    """The names in the literal `__all__` of a module, which is read and not imported."""
    place = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), *path.split("."))
    source = place + ".py" if os.path.isfile(place + ".py") else os.path.join(place, "__init__.py")
    with open(source, encoding="utf-8") as f:
        tree = ast.parse(f.read())
    for node in tree.body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", None) == "__all__":
            names: List[str] = ast.literal_eval(node.value)
            return names
    return []


def _by_module(source: Mapping[str, Any], target: Dict[str, Dict[str, Any]]) -> None:
    for path, value in source.items():
        module, name = _split(path)
        target.setdefault(module, {}).setdefault(name, {}).update(value)
