"""The names of packages that a file uses, under any alias."""
from __future__ import annotations

import ast
from typing import Dict, List, NamedTuple, Optional, Set, Tuple

PACKAGES = ("tensorflow", "numpy", "scipy", "tensorpack", "collections", "itertools", "inspect", "string", "time", "urllib")
# What names usually are where a star import from a file beside it may bind them
_USUAL = {"tf": "tensorflow", "np": "numpy", "slim": "tensorflow.contrib.slim"}
# Names of other packages that are TensorFlow
_SAME = {"tensorpack.tfv1": "tensorflow", "tensorpack.compat.tfv1": "tensorflow", "tensorpack.tf1": "tensorflow",
         "tensorflow.compat.v1": "tensorflow"}


class Use(NamedTuple):
    """A name that a file uses."""
    name: str  # with the whole path, such as `tensorflow.contrib.slim.conv2d`
    line: int


class Found(NamedTuple):
    """What a file uses."""
    uses: List[Use]
    imported: List[Use]  # other packages that it imports and cannot do without


def names_in(tree: ast.Module) -> Found:
    """All names of `PACKAGES`, and all imports of others that no `try` guards."""
    finder = _Finder(tree)
    finder.visit(tree)
    return Found(sorted(finder.uses, key=lambda use: (use.line, use.name)), sorted(finder.imported))


class _Finder(ast.NodeVisitor):
    def __init__(self, tree: ast.Module) -> None:
        self.uses: Set[Use] = set()
        self.imported: Set[Use] = set()
        self._aliases: Dict[str, str] = {}
        self._guarded = 0
        if any(isinstance(node, ast.ImportFrom) and node.names[0].name == "*" for node in ast.walk(tree)):
            self._aliases.update(_USUAL)

    def visit_Try(self, node: ast.Try) -> None:
        self._guarded += bool(node.handlers)
        for statement in node.body:
            self.visit(statement)
        self._guarded -= bool(node.handlers)
        for part in node.handlers + node.orelse + node.finalbody:
            self.visit(part)

    def visit_Import(self, node: ast.Import) -> None:
        for alias in node.names:
            self._import(alias.name, node.lineno)
            if alias.asname:
                self._bind(alias.asname, alias.name)
            else:
                self._bind(alias.name.split(".")[0], alias.name.split(".")[0])

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        if node.level or not node.module:
            return
        self._import(node.module, node.lineno)
        for alias in node.names:
            if alias.name != "*":
                path = "{}.{}".format(node.module, alias.name)
                self._use(path, node.lineno)
                self._bind(alias.asname or alias.name, path)

    def visit_Assign(self, node: ast.Assign) -> None:
        path = self._path(node.value)
        if path and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
            self._bind(node.targets[0].id, path)
        self.generic_visit(node)

    def visit_Attribute(self, node: ast.Attribute) -> None:
        path = self._path(node)
        if path is None:
            self.generic_visit(node)
        else:
            self._use(path, node.lineno)

    def _import(self, module: str, line: int) -> None:
        if module.split(".")[0] not in PACKAGES:
            if not self._guarded:
                self.imported.add(Use(module, line))
        elif "." in module:
            self._use(module, line)

    def _bind(self, name: str, path: str) -> None:
        if path.split(".")[0] in PACKAGES:
            self._aliases[name] = path

    def _use(self, path: str, line: int) -> None:
        path = same_as(path)
        if path.split(".")[0] in PACKAGES and "." in path:
            self.uses.add(Use(path, line))

    def _path(self, node: ast.AST) -> Optional[str]:
        """The whole path that a chain of attributes stands for, if it begins with an alias."""
        names: List[str] = []
        while isinstance(node, ast.Attribute):
            names.append(node.attr)
            node = node.value
        if not isinstance(node, ast.Name) or node.id not in self._aliases:
            return None
        return same_as(".".join([self._aliases[node.id]] + names[::-1]))


def same_as(path: str) -> str:
    """The path with what is TensorFlow by another name replaced."""
    for other, name in _SAME.items():
        if path == other or path.startswith(other + "."):
            return name + path[len(other):]
    return path


def sorted_places(uses: List[Tuple[str, int]]) -> List[str]:
    """`file:line` of each use, once."""
    return ["{}:{}".format(path, line) for path, line in sorted(set(uses))]
