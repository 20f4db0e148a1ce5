"""The syntax tree of the program's code, changed where it uses what Python has lost; see `lost.py`."""
from __future__ import annotations

import ast
from typing import Any, List, NamedTuple, Set, Tuple

from .lost import ATTRIBUTES, ATTRIBUTES_OF_PYTHON_2, BUILTINS

HELPER = "__tensorpack_tf1__"  # the builtin that code reaches `lost.py` by


class Rewritten(NamedTuple):
    """A changed tree."""
    tree: ast.Module
    lost: List[Tuple[int, str]]  # (line, name) that today's Python lacks


def rewritten(tree: ast.Module, old_division: bool = False) -> Rewritten:
    """Change a tree so that its code finds lost names, and divides integers as Python 2 if asked.

    Only what would fail gets another meaning: an object's own `iteritems` and a name that the file binds are used as they are.
    """
    rewriter = _Rewriter(bound_names(tree), old_division and not _divides_as_today(tree))
    changed: Any = ast.fix_missing_locations(rewriter.visit(tree))
    return Rewritten(changed, sorted(rewriter.lost))


class _Rewriter(ast.NodeTransformer):
    def __init__(self, bound: Set[str], old_division: bool) -> None:
        self._bound, self._old_division = bound, old_division
        self.lost: Set[Tuple[int, str]] = set()

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        self.generic_visit(node)
        of_six = isinstance(node.value, ast.Name) and node.value.id == "six"
        if node.attr not in ATTRIBUTES or not isinstance(node.ctx, ast.Load) or of_six:
            return node
        if node.attr in ATTRIBUTES_OF_PYTHON_2:
            self.lost.add((node.lineno, node.attr))
        return at_place_of(node, call_of("attribute", node.value, ast.Constant(node.attr)))

    def visit_Name(self, node: ast.Name) -> ast.AST:
        if node.id not in BUILTINS or node.id in self._bound or not isinstance(node.ctx, ast.Load):
            return node
        self.lost.add((node.lineno, node.id))
        return at_place_of(node, call_of("builtin", ast.Constant(node.id)))

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        name = getattr(node.func, "attr", getattr(node.func, "id", None))
        return call_instead(node, "bytes_list", node.func) if name == "BytesList" else node

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        self.generic_visit(node)
        if self._old_division and isinstance(node.op, ast.Div):
            return at_place_of(node, call_of("divide", node.left, node.right))
        return node

    def visit_AugAssign(self, node: ast.AugAssign) -> ast.AST:
        self.generic_visit(node)
        if not self._old_division or not isinstance(node.op, ast.Div):
            return node
        if isinstance(node.target, ast.Name):
            value = at_place_of(node.value, call_of("divide_in_place", ast.Name(node.target.id, ast.Load()), node.value))
            return ast.copy_location(ast.Assign([node.target], value), node)
        node.value = at_place_of(node.value, call_of("Divisor", node.value))
        return node


def call_of(function: str, *arguments: ast.expr) -> ast.Call:
    """A call of a function of `lost.py`."""
    helper = ast.Attribute(ast.Name(HELPER, ast.Load()), function, ast.Load())
    return ast.Call(helper, list(arguments), [])


def call_instead(node: ast.Call, function: str, *first: ast.expr) -> ast.Call:
    """A call of a function of `lost.py` with these arguments before those of a call."""
    call: ast.Call = at_place_of(node, call_of(function, *first))
    call.args.extend(node.args)
    call.keywords.extend(node.keywords)
    return call


def at_place_of(old: Any, new: Any) -> Any:
    """The new node, with the line of the old one."""
    return ast.copy_location(new, old)


def bound_names(tree: ast.Module) -> Set[str]:
    """All names that the file binds anywhere, whatever the scope."""
    bound: Set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            bound.add(node.id)
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            bound.add(node.name)
        elif isinstance(node, ast.arg):
            bound.add(node.arg)
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            bound.update((alias.asname or alias.name).split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ExceptHandler) and node.name:
            bound.add(node.name)
    return bound


def _divides_as_today(tree: ast.Module) -> bool:
    return any(isinstance(node, ast.ImportFrom) and node.module == "__future__"
               and any(alias.name == "division" for alias in node.names) for node in tree.body)
